//! The promises of the primitives: Python's semantics, and the lines that they tell.

use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::model::{Event as Line, EventKind, Monotonic};
use crate::scenario::lesson::control::LessonAction;
use crate::scenario::lesson::handle::Lesson;
use crate::sys::monotonic_now;

pub(super) const LONG: Duration = Duration::from_mins(1);
pub(super) const SHORT: Duration = Duration::from_millis(20);

/// Waits for a condition, not for a time.
#[track_caller]
pub(super) fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "{what} never came");
        std::thread::yield_now();
    }
}

fn deaf() -> Lesson {
    Lesson::new(None, None, monotonic_now())
}

/// Runs a body on a lesson with a listener, and returns its events.
pub(super) fn recorded<R>(body: impl FnOnce(&Lesson) -> R) -> (R, Vec<EventKind>) {
    acted_on(|lesson, _| body(lesson))
}

/// The same; the body's second argument does an action on a target, as a person would.
fn acted_on<R>(body: impl FnOnce(&Lesson, &dyn Fn(&str, &str)) -> R) -> (R, Vec<EventKind>) {
    let (events, writer) = std::io::pipe().expect("a pipe");
    let (control, act) = std::io::pipe().expect("a pipe");
    let reading = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
        let lines = BufReader::new(events).lines().map(|line| line.expect("UTF-8"));
        lines.map(|line| Line::from_line(line.as_bytes(), Monotonic::ZERO).expect("an event").expect("known").kind).collect()
    });
    let lesson = Lesson::new(Some(writer.into()), Some(control.into()), monotonic_now());
    let result = body(&lesson, &|name, target| {
        writeln!(&act, "{{\"do\":\"{name}\",\"target\":\"{target}\"}}").expect("written");
    });
    drop(lesson);
    (result, reading.expect("a thread").join().expect("no panic"))
}

/// How a task was, in order: `waiting lock a < worker-2`.
fn states(events: &[EventKind], wanted: &str) -> Vec<String> {
    let told = events.iter().filter_map(|kind| match kind {
        EventKind::TaskChanged { task, state, on, held_by, .. } if task == wanted => {
            let by = held_by.as_ref().map(|by| format!(" < {by}")).unwrap_or_default();
            Some(format!("{state} {}{by}", on.as_deref().unwrap_or_default()).trim_end().to_owned())
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn a_lock_is_held_by_one_and_released_by_anybody() {
    let lesson = deaf();
    let _main = lesson.task("main", crate::model::TaskSort::Thread);
    let lock = lesson.lock("a");
    assert_eq!(lock.release(), Err(NotHeld), "RuntimeError in Python, too");
    lock.acquire();
    assert_eq!((lock.holder().as_deref(), lock.is_locked()), (Some("main"), true));
    assert!(!lock.try_acquire() && !lock.acquire_for(SHORT), "it is not reentrant");
    lesson.scope(|scope| {
        let thief = scope.thread("thief", |_| lock.release()).expect("starts");
        assert_eq!(thief.join(), Some(Ok(())));
    });
    assert!(lock.try_acquire());
    lock.release().expect("held");
    drop(lock.held());
    assert!(!lock.is_locked());
}

#[test]
fn no_update_is_lost_under_a_lock_heard_or_not() {
    let count = |lesson: &Lesson| {
        let (lock, counter) = (lesson.lock("counter"), AtomicU64::new(0));
        let joined = lesson.scope(|scope| {
            let workers = scope.threads("worker", 4, |_| {
                for _ in 0..500 {
                    lock.acquire();
                    let was = counter.load(Ordering::Relaxed);
                    counter.store(was + 1, Ordering::Relaxed);
                    lock.release().expect("held");
                }
            });
            workers.map(|workers| workers.wait())
        });
        assert_eq!(joined.expect("joins"), vec![Some(()); 4]);
        counter.into_inner()
    };
    assert_eq!(count(&deaf()), 2_000);
    assert_eq!(recorded(count).0, 2_000);
}

#[test]
fn a_wait_names_the_thing_its_holder_and_the_end() {
    let (_joined, events) = recorded(|lesson| {
        let lock = lesson.lock("a");
        let (has_it, may_go) = (lesson.event("has it"), lesson.event("may go"));
        lesson.scope(|scope| {
            let holder = scope.thread("holder", |_| {
                let _held = lock.held();
                has_it.set();
                may_go.wait(None);
            });
            has_it.wait(None);
            let waiter = scope.thread("waiter", |_| lock.held());
            until("the wait", || lesson.tracker().lanes().iter().any(|lane| lane.name == "waiter" && lane.waits_for().is_some()));
            may_go.set();
            (holder.expect("starts").join(), waiter.expect("starts").join().map(drop))
        })
    });
    assert_eq!(states(&events, "waiter")[..2], ["waiting lock a < holder", "running lock a"]);
    let holder = states(&events, "holder");
    assert_eq!(
        (holder.first().map(String::as_str), holder.last().map(String::as_str)),
        (Some("running lock a"), Some("running"))
    );
}

#[test]
fn a_million_operations_are_a_few_thousand_lines_and_counted() {
    let ((), events) = recorded(|lesson| {
        let main = lesson.task("main", crate::model::TaskSort::Thread);
        let lock = lesson.lock("a");
        for _ in 0..100_000 {
            lock.acquire();
            lock.release().expect("held");
        }
        main.finish("ok");
    });
    let counted: u64 =
        events.iter().map(|kind| if let EventKind::TaskCounts { acquired, .. } = kind { *acquired } else { 0 }).sum();
    let told = states(&events, "main").iter().filter(|state| *state == "running lock a").count() as u64;
    assert_eq!(told + counted, 100_000);
}

#[test]
fn a_semaphore_has_places_and_no_owner() {
    let lesson = deaf();
    let seats = lesson.semaphore("seats", 2);
    seats.acquire();
    assert!(seats.try_acquire() && !seats.try_acquire() && !seats.acquire_for(SHORT));
    seats.release();
    seats.release();
    seats.release();
    assert_eq!(seats.free(), 3, "nobody checks");
}

#[test]
fn an_event_wakes_all() {
    let lesson = deaf();
    let go = lesson.event("go");
    assert!(!go.wait(Some(SHORT)) && !go.is_set());
    let woken = lesson.scope(|scope| {
        let waiters = scope.threads("waiter", 3, |_| go.wait(Some(LONG))).expect("start");
        go.set();
        waiters.wait()
    });
    assert_eq!(woken, vec![Some(true); 3]);
    go.clear();
    assert!(!go.is_set());
}

#[test]
fn a_barrier_opens_for_all_or_breaks_for_all() {
    let lesson = deaf();
    let gate = lesson.barrier("gate", 3);
    let come = |count, timeout| {
        lesson.scope(|scope| {
            let workers = scope.threads("worker", count, |_| gate.wait_for(timeout)).expect("start");
            workers.wait().into_iter().flatten().collect::<Vec<_>>()
        })
    };
    for _ in 0..50 {
        let mut places = come(3, LONG);
        places.sort_by_key(|place| place.unwrap_or(99));
        assert_eq!(places, [Ok(0), Ok(1), Ok(2)]);
    }
    assert_eq!((gate.early_passes(), gate.n_waiting()), (0, 0));
    assert_eq!(come(2, SHORT), [Err(BrokenBarrier); 2]);
    assert!(gate.is_broken() && come(3, LONG) == [Err(BrokenBarrier); 3], "it stays broken");
    gate.reset();
    assert_eq!(come(3, LONG).iter().filter(|place| place.is_ok()).count(), 3);
    lesson.scope(|scope| {
        let one = scope.thread("one", |_| gate.wait()).expect("starts");
        until("one", || gate.n_waiting() == 1);
        gate.reset();
        assert_eq!(one.join(), Some(Err(BrokenBarrier)));
        assert!(!gate.is_broken());
    });
    gate.abort();
    assert_eq!(gate.wait(), Err(BrokenBarrier));
    assert_eq!(gate.early_passes(), 0);
}

#[test]
fn a_condition_wakes_as_many_as_it_is_told_the_longest_waiting_first() {
    let lesson = deaf();
    let ready = lesson.condition("ready");
    assert_eq!((ready.wait(None), ready.notify(1)), (Err(NotHeld), Err(NotHeld)), "RuntimeError in Python, too");
    ready.acquire();
    assert_eq!(ready.wait(Some(SHORT)), Ok(false));
    assert!(ready.holder().is_none() && ready.n_waiting() == 0);
    ready.release().expect("held again after the wait");
    let woken = AtomicU64::new(0);
    lesson.scope(|scope| {
        let waiters = scope.threads("waiter", 3, |_| {
            ready.acquire();
            let notified = ready.wait(Some(LONG));
            woken.fetch_add(1, Ordering::SeqCst);
            ready.release().expect("held");
            notified
        });
        let notify = |count| {
            ready.acquire();
            ready.notify(count).expect("held");
            ready.release().expect("held");
        };
        until("three", || ready.n_waiting() == 3);
        notify(1);
        until("one", || woken.load(Ordering::SeqCst) == 1);
        assert_eq!(ready.n_waiting(), 2);
        notify(9);
        assert_eq!(waiters.expect("start").wait(), vec![Some(Ok(true)); 3]);
    });
}

#[test]
fn a_queue_keeps_order_and_size_and_counts_what_is_not_done() {
    let lesson = deaf();
    let queue = lesson.queue("mail", 2);
    queue.put(1);
    queue.put(2);
    assert_eq!((queue.put_for(3, SHORT), queue.qsize()), (Err(3), 2));
    assert_eq!((queue.get(), queue.try_get(), queue.try_get(), queue.get_for(SHORT)), (1, Some(2), None, None));
    assert_eq!((queue.task_done(), queue.task_done(), queue.task_done()), (Ok(()), Ok(()), Err(TooManyDone)));
    queue.join();
    let letters = lesson.queue("letters", 2);
    let got = lesson.scope(|scope| {
        let takers = scope.threads("taker", 2, |_| std::iter::from_fn(|| letters.get()).sum::<u64>()).expect("start");
        (1..=200).for_each(|number| letters.put(Some(number)));
        letters.put(None);
        letters.put(None);
        takers.wait().into_iter().flatten().sum::<u64>()
    });
    assert_eq!((got, letters.unfinished()), (200 * 201 / 2, 202));
}

#[test]
fn a_bounded_semaphore_and_a_lock_with_an_owner_refuse_a_release_too_many() {
    let ((), events) = recorded(|lesson| {
        let main = lesson.task("main", crate::model::TaskSort::Thread);
        let gate = lesson.bounded_semaphore("gate", 1);
        let (tool, diary) = (lesson.lock("tool"), lesson.reentrant_lock("diary"));
        lesson.scope(|scope| {
            gate.acquire();
            assert_eq!(gate.release(), Ok(()));
            assert_eq!(gate.release(), Err(TooManyReleased));
            tool.acquire();
            let once = diary.held();
            diary.acquire();
            let stranger = scope.thread("stranger", |_| (tool.release(), tool.release(), diary.release()));
            assert_eq!(stranger.expect("starts").join(), Some((Ok(()), Err(NotHeld), Err(NotOwner))));
            assert_eq!(diary.release(), Ok(()));
            drop(once);
            assert_eq!(diary.release(), Err(NotOwner), "as often as it was acquired");
        });
        main.finish("ok");
    });
    let told = |kind: &EventKind| match kind {
        EventKind::Operation { task, action, on: Some(on), result: Some(result), .. } => {
            Some(format!("{task} {action} {on}: {}", result.as_str()?))
        }
        _ => None,
    };
    let expected = [
        "main release semaphore gate: ValueError",
        "stranger release lock tool: ok",
        "stranger release lock tool: RuntimeError",
        "stranger release lock diary: RuntimeError",
        "main release lock diary: RuntimeError",
    ];
    assert_eq!(events.iter().filter_map(told).collect::<Vec<_>>(), expected);
}

#[test]
fn a_thread_that_is_made_does_not_run_before_it_is_started() {
    let (has_run, events) = recorded(|lesson| {
        let has_run = AtomicUsize::new(0);
        lesson.scope(|scope| {
            let made = scope.new_thread("later", |_| has_run.fetch_add(1, Ordering::SeqCst));
            assert_eq!(has_run.load(Ordering::SeqCst), 0);
            assert_eq!(made.start().expect("starts").join(), Some(0));
        });
        has_run.into_inner()
    });
    let tids = events.iter().filter_map(|kind| match kind {
        EventKind::TaskStarted { task, tid, .. } if task == "later" => Some(tid.is_some()),
        _ => None,
    });
    assert_eq!((has_run, tids.collect::<Vec<_>>()), (1, vec![false, true]));
}

#[test]
fn a_timer_calls_once_or_again_or_never() {
    let lesson = deaf();
    let calls = AtomicU64::new(0);
    lesson.scope(|scope| {
        let count = || {
            calls.fetch_add(1, Ordering::SeqCst);
        };
        let once = scope.timer("once", SHORT, count);
        once.start().expect("starts");
        assert_eq!(once.join(), 1);
        let never = scope.timer("never", LONG, count);
        never.start().expect("starts");
        never.cancel();
        assert_eq!(never.join(), 0);
        let again = scope.repeating_timer("again", Duration::from_millis(1), || calls.fetch_add(1, Ordering::SeqCst) < 5);
        again.start().expect("starts");
        assert_eq!((again.join(), calls.load(Ordering::SeqCst)), (5, 6));
    });
}

#[test]
fn futures_are_pending_running_finished_or_cancelled() {
    let ((), events) = recorded(|lesson| {
        let (began, go) = (lesson.event("began"), lesson.event("go"));
        lesson.scope(|scope| {
            let pool = scope.pool("worker", 1).expect("starts");
            let slow = pool.submit("slow", || {
                began.set();
                go.wait(None);
                1
            });
            let (next, gone) = (pool.submit("next", || 2), pool.submit("gone", || 3));
            let bad = pool.submit("bad", || panic!("on purpose"));
            assert!(began.wait(Some(LONG)));
            assert_eq!((slow.state(), next.state()), (FutureState::Running, FutureState::Pending));
            assert!(gone.cancel() && !slow.cancel());
            assert_eq!(gone.result(), Err(NoResult::Cancelled));
            assert_eq!(next.result_within(SHORT), Err(NoResult::TimedOut));
            let all = [slow, next, gone, bad];
            let (done, left) = pool.wait(&all, Until::FirstCompleted, None);
            assert_eq!((done.len(), left.len()), (1, 3));
            go.set();
            let order: Vec<_> = pool.as_completed(&all).map(Future::name).collect();
            assert_eq!(order, ["gone", "slow", "next", "bad"]);
            assert_eq!((all[0].result(), all[1].result()), (Ok(1), Ok(2)));
            assert_eq!(all[3].result(), Err(NoResult::Failed("panicked: on purpose".to_owned())));
            assert_eq!(pool.wait(&all, Until::AllCompleted, None).1.len(), 0);
            drop(pool);
        });
    });
    assert!(events.contains(&EventKind::TaskFinished { task: "gone".to_owned(), result: "cancelled".to_owned() }));
    assert_eq!(states(&events, "next"), ["waiting the pool's queue", "running worker-1"]);
}

/// Covers: fact 59.
#[test]
fn a_pool_has_never_more_workers_than_said_and_does_all_that_was_handed_in() {
    // A pool is closed by its drop: nobody has it then to hand anything in.
    const WORKERS: usize = 3;
    let (at_work, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let lesson = deaf();
    lesson.scope(|scope| {
        let pool = scope.pool("worker", WORKERS).expect("starts");
        for number in 0..15 * WORKERS {
            pool.submit(&format!("job {number}"), || {
                most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                at_work.fetch_sub(1, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst)
            });
        }
    });
    assert_eq!(done.load(Ordering::SeqCst), 15 * WORKERS);
    assert!((1..=WORKERS).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[test]
fn a_pipe_carries_messages_both_ways_until_an_end_is_closed() {
    let lesson = deaf();
    let (ours, theirs) = lesson.pipe("letters").expect("a pipe");
    ours.send("hello").expect("open");
    ours.send(vec![1, 2]).expect("open");
    assert!(theirs.poll(LONG).expect("open"));
    assert_eq!((theirs.recv().expect("open"), theirs.recv().expect("open")), ("hello".into(), vec![1, 2].into()));
    theirs.send(3).expect("open");
    drop(theirs);
    assert_eq!(ours.recv().expect("sent before"), 3);
    assert!(matches!(ours.recv(), Err(EndOfFile::Closed)) && matches!(ours.send(4), Err(EndOfFile::Closed)));
}

#[test]
fn a_panic_ends_its_thread_alone() {
    let (joined, events) = recorded(|lesson| {
        lesson.scope(|scope| {
            let workers = scope.threads("worker", 2, |worker| assert!(worker.number() != 1, "on purpose"));
            workers.expect("start").wait()
        })
    });
    assert_eq!(joined, [None, Some(())]);
    let failed = |kind: &EventKind| matches!(kind, EventKind::TaskFinished { task, result } if task == "worker-1" && result == "panicked: on purpose");
    assert!(events.iter().any(failed), "{events:?}");
}

#[test]
fn actions_are_heard_while_threads_are_joined() {
    let (joined, events) = acted_on(|lesson, act| {
        let go = lesson.event("go");
        lesson.scope(|scope| {
            scope.offer(&go);
            let workers = scope.threads("worker", 1, |_| go.wait(None)).expect("starts");
            act("another", "worker-1");
            act("dance", "x");
            act("set", "event go");
            workers.wait()
        })
    });
    assert_eq!(joined, [Some(true), Some(true)]);
    let refused = |kind: &EventKind| matches!(kind, EventKind::ActionRefused { action, .. } if action.to_string() == "dance x");
    assert!(events.iter().any(refused), "{events:?}");
}

#[test]
fn two_locks_in_two_orders_are_found_as_a_circle() {
    let lesson = deaf();
    let (a, b) = (lesson.lock("a"), lesson.lock("b"));
    let both = lesson.barrier("both", 2);
    lesson.scope(|scope| {
        let workers = scope.threads("worker", 2, |worker| {
            let (first, second) = if worker.number() == 1 { (&a, &b) } else { (&b, &a) };
            first.acquire();
            both.wait().expect("not broken");
            second.acquire();
            second.release().expect("held");
            let _ = first.release();
        });
        until("the circle", || !lesson.deadlock().is_empty());
        let mut circle = lesson.deadlock();
        circle.sort();
        let named = |lane: &str, on: &str| (lane.to_owned(), on.to_owned());
        assert_eq!(circle, [named("worker-1", "lock b"), named("worker-2", "lock a")]);
        b.release().expect("anybody may");
        workers.expect("start").wait();
    });
    assert_eq!(lesson.deadlock(), []);
}

/// Two workers that each read a counter, and write one more, while a person asks for these steps.
fn lose(lesson: &Lesson, steps: &[&str]) -> usize {
    let counter = lesson.variable("counter", 0);
    lesson.scope(|scope| {
        let workers = scope.threads("worker", 2, |_| counter.write(counter.read() + 1));
        let is_there = |name| lesson.tracker().lanes().iter().any(|lane| lane.name == name);
        until("the lanes", || is_there("worker-1") && is_there("worker-2"));
        for target in steps {
            lesson.step(&LessonAction { name: "step".to_owned(), target: (*target).to_owned() });
        }
        workers.expect("start").wait();
    });
    counter.read()
}

#[test]
fn in_step_mode_the_user_s_order_decides_and_it_replays() {
    for (order, left) in [("1122", 2), ("1212", 1), ("2211", 2), ("1221", 1)] {
        let names: Vec<&str> = order.chars().map(|who| if who == '1' { "worker-1" } else { "worker-2" }).collect();
        let (found, events) = recorded(|lesson| {
            lesson.step_mode(true);
            (lose(lesson, &names), lesson.order())
        });
        assert_eq!((found.0, &found.1), (left, &names.iter().map(|name| (*name).to_owned()).collect()), "{order}");
        assert!(states(&events, "worker-1").contains(&"waiting step: write counter".to_owned()), "{events:?}");
        let lesson = deaf();
        lesson.replay(&names.join(" "));
        assert_eq!((lose(&lesson, &[]), lesson.order()), found, "{order}");
    }
}

#[test]
fn an_order_that_cannot_be_replayed_is_given_up() {
    let (found, events) = recorded(|lesson| {
        lesson.replay("worker-1 worker-3 worker-2");
        lose(lesson, &[])
    });
    assert!(found >= 1);
    assert!(events.iter().any(|kind| matches!(kind, EventKind::Notice { text } if text.contains("worker-3"))));
}

#[test]
fn step_mode_can_be_left_and_refuses_whom_it_does_not_know() {
    let (_, events) = recorded(|lesson| {
        lesson.step_mode(true);
        lose(lesson, &["nobody", "", "off"])
    });
    let refused = |kind: &EventKind| matches!(kind, EventKind::ActionRefused { action, why, .. } if action.target() == "nobody" && why.to_string().contains("\"nobody\""));
    assert!(events.iter().any(refused), "{events:?}");
}
