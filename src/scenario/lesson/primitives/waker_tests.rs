//! The promises on `woken_by`: a task that goes on after a wait names the one that let it, and nobody where that is not known. And the
//! promise that a reader who does not read keeps no thread from a lock.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::tests::{LONG, SHORT, recorded, until};
use super::*;
use crate::model::{EventKind, Pid, ProcessState, TaskSort, TaskState};
use crate::scenario::lesson::handle::Lesson;
use crate::sys::{monotonic_now, stat_of};

/// The waits of a task that were told, in order: what for, and who let it go on.
fn waits(events: &[EventKind], wanted: &str) -> Vec<(String, Option<String>)> {
    let (mut waits, mut waits_for) = (Vec::new(), None);
    for kind in events {
        match kind {
            EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), woken_by, .. } if task == wanted => {
                assert_eq!(*woken_by, None, "{kind:?}");
                waits_for = Some(on.clone());
            }
            EventKind::TaskChanged { task, state: TaskState::Running, woken_by, .. } if task == wanted => {
                match waits_for.take() {
                    Some(on) => waits.push((on, woken_by.clone())),
                    None => assert_eq!(*woken_by, None, "it has not waited: {kind:?}"),
                }
            }
            _ => {}
        }
    }
    waits
}

fn wait(on: &str, woken_by: Option<&str>) -> (String, Option<String>) {
    (on.to_owned(), woken_by.map(str::to_owned))
}

/// Until a task waits for this.
#[track_caller]
fn until_it_waits(lesson: &Lesson, task: &str, on: &str) {
    let waits_for = |wanted: &str| {
        lesson.tracker().lanes().iter().any(|lane| lane.name == task && lane.waits_for().is_some_and(|wait| &*wait.on == wanted))
    };
    until(on, || waits_for(on));
}

/// Lets `waiter` wait for this, and then `waker` do something about it.
fn meet<R: Send, W: Send>(lesson: &Lesson, on: &str, waiter: impl FnOnce() -> R + Send, waker: impl FnOnce() -> W + Send) {
    lesson.scope(|scope| {
        let waiter = scope.thread("waiter", |_| drop(waiter()));
        until_it_waits(lesson, "waiter", on);
        let waker = scope.thread("waker", |_| drop(waker()));
        assert_eq!((waker.expect("starts").join(), waiter.expect("starts").join()), (Some(()), Some(())));
    });
}

#[test]
fn each_wait_names_the_one_task_that_let_it_go_on() {
    let ((), events) = recorded(|lesson| {
        // A lock: the task that releases it, which may be another than its holder.
        let lock = lesson.lock("a");
        lock.acquire();
        meet(lesson, "lock a", || lock.held(), || lock.release().expect("held"));
        // A semaphore: the task that frees the place.
        let seats = lesson.semaphore("seats", 0);
        meet(lesson, "semaphore seats", || seats.acquire(), || seats.release());
        // An event: the task that sets it, not one that sets it again.
        let go = lesson.event("go");
        meet(lesson, "event go", || assert!(go.wait(None)), || go.set());
        // A barrier: the last one to come; else the one that breaks it or resets it.
        let gate = lesson.barrier("gate", 2);
        meet(lesson, "barrier gate", || gate.wait().expect("opens"), || gate.wait().expect("opens"));
        meet(lesson, "barrier gate", || gate.wait().expect_err("reset"), || gate.reset());
        meet(lesson, "barrier gate", || gate.wait().expect_err("broken"), || gate.abort());
        // A queue: the task that put the item, that made room, that called the last item done.
        let mail = lesson.queue("mail", 1);
        meet(lesson, "queue mail", || assert_eq!(mail.get(), 1), || mail.put(1));
        mail.put(2);
        meet(lesson, "queue mail", || mail.put(3), || assert_eq!(mail.get(), 2));
        (1..3).for_each(|_| mail.task_done().expect("put"));
        meet(lesson, "queue mail", || mail.join(), || mail.task_done().expect("put"));
        // A future: the worker that finished it.
        let may_end = lesson.event("may end");
        lesson.scope(|scope| {
            let pool = scope.pool("worker", 1).expect("starts");
            until_it_waits(lesson, "worker-1", "the pool's queue");
            let slow = std::sync::OnceLock::new();
            let submit = || drop(slow.set(pool.submit("slow", || may_end.wait(None))));
            lesson.scope(|scope| scope.thread("submitter", |_| submit()).expect("starts").join());
            let slow = slow.get().expect("submitted");
            let set = || {
                until_it_waits(lesson, "worker-1", "event may end");
                may_end.set();
            };
            meet(lesson, "future slow", || assert_eq!(slow.result(), Ok(true)), set);
            drop(pool);
        });
    });
    let expected = [
        "lock a",
        "semaphore seats",
        "event go",
        "barrier gate",
        "barrier gate",
        "barrier gate",
        "queue mail",
        "queue mail",
        "queue mail",
    ];
    let mut expected: Vec<_> = expected.iter().map(|on| wait(on, Some("waker"))).collect();
    expected.push(wait("future slow", Some("worker-1")));
    assert_eq!(waits(&events, "waiter"), expected);
    assert_eq!(waits(&events, "waker"), []);
    assert_eq!(
        waits(&events, "worker-1")[..2],
        [wait("the pool's queue", Some("submitter")), wait("event may end", Some("waker"))]
    );
}

#[test]
fn a_time_out_was_nobody_and_neither_was_a_thread_without_a_lane() {
    let ((), events) = recorded(|lesson| {
        let (lock, seats, go, gate) =
            (lesson.lock("a"), lesson.semaphore("seats", 0), lesson.event("go"), lesson.barrier("gate", 2));
        let (mail, ready) = (lesson.queue("mail", 1), lesson.condition("ready"));
        lock.acquire();
        let waiter = lesson.task("waiter", TaskSort::Thread);
        assert!(!lock.acquire_for(SHORT) && !seats.acquire_for(SHORT) && !go.wait(Some(SHORT)));
        assert!(gate.wait_for(SHORT).is_err() && mail.get_for(SHORT).is_none());
        mail.put(1);
        assert!(mail.put_for(2, SHORT).is_err());
        ready.acquire();
        assert_eq!(ready.wait(Some(SHORT)), Ok(false));
        ready.release().expect("held");
        // The control: the same wait, which a thread ends that nobody knows.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                until_it_waits(lesson, "waiter", "event go");
                go.set();
            });
            assert!(go.wait(None));
        });
        waiter.finish("ok");
    });
    let things = ["lock a", "semaphore seats", "event go", "barrier gate", "queue mail", "queue mail", "condition ready"];
    let expected: Vec<_> = things.iter().chain(&["event go"]).map(|on| wait(on, None)).collect();
    assert_eq!(waits(&events, "waiter"), expected);
}

#[test]
fn those_who_leave_a_barrier_name_the_one_whose_time_ran_out() {
    let ((), events) = recorded(|lesson| {
        let gate = lesson.barrier("gate", 3);
        meet(lesson, "barrier gate", || gate.wait().expect_err("broken"), || gate.wait_for(SHORT).expect_err("late"));
    });
    assert_eq!(waits(&events, "waiter"), [wait("barrier gate", Some("waker"))]);
    assert_eq!(waits(&events, "waker"), [wait("barrier gate", None)]);
}

#[test]
fn the_notifier_ends_the_wait_on_a_condition_and_the_releaser_that_on_its_lock() {
    let ((), events) = recorded(|lesson| {
        let ready = lesson.condition("ready");
        let wait = || {
            ready.acquire();
            assert_eq!(ready.wait(None), Ok(true));
            ready.release().expect("held");
        };
        let notify = || {
            ready.acquire();
            ready.notify(1).expect("held");
            until_it_waits(lesson, "waiter", "lock ready");
            let release = |_: &Worker<'_>| ready.release().expect("anybody may");
            lesson.scope(|scope| scope.thread("releaser", release).expect("starts").join());
        };
        meet(lesson, "condition ready", wait, notify);
    });
    assert_eq!(waits(&events, "waiter"), [wait("condition ready", Some("waker")), wait("lock ready", Some("releaser"))]);
}

#[test]
fn each_item_and_each_place_has_its_own_giver() {
    let ((), events) = recorded(|lesson| {
        let (mail, seats) = (lesson.queue("mail", 0), lesson.semaphore("seats", 0));
        for on in ["queue mail", "semaphore seats"] {
            lesson.scope(|scope| {
                let wait = |_: &Worker<'_>| {
                    if on == "queue mail" {
                        return mail.get();
                    }
                    seats.acquire();
                    0
                };
                let waiters = scope.threads("waiter", 2, wait).expect("start");
                for waiter in ["waiter-1", "waiter-2"] {
                    until_it_waits(lesson, waiter, on);
                }
                let give = |worker: &Worker<'_>| if on == "queue mail" { mail.put(worker.number()) } else { seats.release() };
                scope.threads("giver", 2, give).map(|givers| givers.wait()).expect("join");
                let got = waiters.wait();
                lesson.value(on, got.into_iter().flatten().map(|number| format!("giver-{number}")).collect::<Vec<_>>());
            });
        }
    });
    let wakers = |on: &str| {
        ["waiter-1", "waiter-2"]
            .map(|waiter| waits(&events, waiter).into_iter().find(|wait| wait.0 == on).and_then(|wait| wait.1))
    };
    let got = events.iter().find_map(|kind| match kind {
        EventKind::Value { name, value } if name == "queue mail" => Some(value.clone()),
        _ => None,
    });
    assert_eq!(got, Some(serde_json::json!(wakers("queue mail"))), "the item that each one got says who put it");
    let mut givers = wakers("semaphore seats");
    givers.sort();
    assert_eq!(givers, ["giver-1", "giver-2"].map(|giver| Some(giver.to_owned())));
}

#[test]
fn a_join_names_the_thread_that_ended_a_timer_the_one_that_cancelled_it_and_a_message_its_sender() {
    let ((), events) = recorded(|lesson| {
        let main = lesson.task("main", TaskSort::Thread);
        let first = Pid::new(rustix::thread::gettid().as_raw_nonzero().get());
        let until_it_sleeps = || until("a sleep", || stat_of(first).is_some_and(|stat| stat.state == ProcessState::Sleeping));
        let has_ended =
            |name: &str| lesson.tracker().lanes().iter().any(|lane| lane.name == name && lane.has_ended.load(Ordering::SeqCst));
        let go = lesson.event("go");
        lesson.scope(|scope| {
            let one = scope.thread("one", |_| go.wait(None)).expect("starts");
            let set = |_: &Worker<'_>| {
                until_it_sleeps();
                go.set();
            };
            let setter = scope.thread("setter", set).expect("starts");
            assert_eq!(one.join(), Some(true));
            setter.join();
            let last = |worker: &Worker<'_>| {
                if worker.number() == 2 {
                    until("the other's end", || has_ended("worker-1"));
                    until_it_sleeps();
                }
            };
            let workers = scope.threads("worker", 2, last).expect("start");
            workers.wait();
            let bell = scope.timer("bell", LONG, || ());
            bell.start().expect("starts");
            until_it_waits(lesson, "bell", "timer bell");
            bell.cancel();
            assert_eq!(bell.join(), 0);
            let (ours, theirs) = lesson.pipe("letters").expect("a pipe");
            let sender = scope.thread("sender", move |_| {
                until_it_sleeps();
                theirs.send("hello").expect("open");
            });
            assert_eq!(ours.recv().expect("open"), "hello");
            assert!(matches!(ours.recv(), Err(EndOfFile::Closed)));
            sender.expect("starts").join();
        });
        main.finish("ok");
    });
    let main = waits(&events, "main");
    assert_eq!(main[0], wait("join()", Some("one")));
    assert!(main.contains(&wait("pipe letters", Some("sender"))), "{main:?}");
    assert!(main.contains(&wait("join()", Some("worker-2"))), "{main:?}");
    assert_eq!(waits(&events, "bell"), [wait("timer bell", Some("main"))]);
}

/// Fills a pipe to the brim.
fn fill(writer: &OwnedFd) {
    rustix::io::ioctl_fionbio(writer, true).expect("ours");
    while rustix::io::write(writer, b"\n").is_ok() {}
    rustix::io::ioctl_fionbio(writer, false).expect("ours");
}

#[test]
fn a_reader_that_does_not_read_keeps_nobody_from_a_lock() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let writer = OwnedFd::from(writer);
    rustix::pipe::fcntl_setpipe_size(&writer, 4_096).expect("a small pipe");
    let lesson = Lesson::new(Some(writer.try_clone().expect("a copy")), None, monotonic_now());
    let (taken, may_begin) = (AtomicUsize::new(0), std::sync::Barrier::new(3));
    let lock = lesson.lock("a");
    let use_lock = |name: &str, other: &str| {
        let task = lesson.task(name, TaskSort::Thread);
        may_begin.wait();
        lock.acquire();
        if taken.fetch_add(1, Ordering::SeqCst) == 0 {
            until_it_waits(&lesson, other, "lock a");
        }
        lock.release().expect("held");
        task.finish("ok");
    };
    let reading = std::thread::scope(|scope| {
        scope.spawn(|| use_lock("first", "second"));
        scope.spawn(|| use_lock("second", "first"));
        until("two lanes", || lesson.tracker().lanes().len() == 2);
        fill(&writer);
        may_begin.wait();
        let end = Instant::now() + LONG;
        while taken.load(Ordering::SeqCst) < 2 && Instant::now() < end {
            std::thread::yield_now();
        }
        // The threads end only if somebody reads, whether the promise is kept or not.
        let taken = taken.load(Ordering::SeqCst);
        let reading = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        assert_eq!(taken, 2, "both had the lock while nobody read");
        reading.expect("a thread")
    });
    drop((lesson, writer));
    let text = reading.join().expect("no panic").expect("UTF-8");
    let told = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    assert_eq!(
        (told("\"running\",\"on\":\"lock a\""), told("\"waiting\""), told("woken_by")),
        (2, 1, 1),
        "nothing is lost: {text}"
    );
}
