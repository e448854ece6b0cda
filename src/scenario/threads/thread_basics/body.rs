//! Threads: made, started, asked, joined; and what one that fails does to the others (concepts 2, 16 to 22 and 24).
//! What crashes is a process of its own, forked while there is one thread, so that the lesson outlives it.

use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::model::{TaskSort, Tid};
use crate::scenario::card::{Facts, Params, Reply, equals};
use crate::scenario::lesson::proc::{own_threads, thread_exists, thread_name};
use crate::scenario::lesson::until::until;
use crate::scenario::lesson::words::{unknown, yes_or_no};
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::scenario::threads::thread_basics::crash_test::{CRASHERS, CrashTest};
use crate::sys::own_pid;

/// What each function does so many times: puts one thing into the shared variable.
const STEPS: usize = 10;
/// What Python raises for a second start, and for a join that comes too early. In Rust there is no way to write either.
const ONCE: &str = "RuntimeError: threads can only be started once";
const BEFORE_START: &str = "RuntimeError: cannot join thread before it is started";
/// How long `join-timeout` waits.
const SHORT: Duration = Duration::from_millis(100);
/// Only a machine in trouble takes longer for a step that nobody else must make.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let lane = lesson.task("main", TaskSort::Thread);
    let shared = Mutex::new(Vec::new());
    let deadline = Instant::now() + params.seconds("patience");

    let (record, crash) = std::thread::scope(|scope| {
        let mut main = Main { lesson, scope, lane, shared: &shared, threads: Vec::new(), record: Record::default() };
        let before = own_threads();
        for number in 1..=params.count("threads") {
            main.make(number, params);
        }
        main.record.extra_before_start = own_threads().saturating_sub(before);
        let mut crash = CrashTest::start(lesson)?;

        while !(main.threads.iter().all(|thread| matches!(thread.life, Life::Joined)) && crash.look()?) {
            main.lane.waiting("you", None);
            lesson.value("items in the shared list", lock(&shared).len());
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let others: Vec<BorrowedFd<'_>> = crash.as_fd().into_iter().collect();
            if let Some(asked) = lesson.listen(&others, left.min(Duration::from_millis(100)))? {
                main.lane.running("");
                let reply = main.obey(&asked, &mut crash)?;
                lesson.answer(&asked, &reply);
            }
        }
        // Whatever nobody has done is done now.
        (0..main.threads.len()).try_for_each(|index| main.start(index).map(drop))?;
        (0..main.threads.len()).for_each(|index| drop(main.join(index, None)));
        crash.close()?;
        main.lane.finish("ok");
        Ok::<_, LessonError>((main.record, crash))
    })?;
    let steps = lock(&shared).len();
    lesson.value("items in the shared list", steps);
    lesson.value("the first thread's name at first", record.threads.first().map(|thread| thread.name_at_first.clone()));
    Ok(facts(&record, params.flag("comma"), steps, &crash))
}

/// A thread as main has it: an object at first, a thread once it is started, and nothing after join.
struct Thread<'a> {
    name: String,
    life: Life<'a>,
}

enum Life<'a> {
    /// What it will do.
    Created(Box<dyn FnOnce() + Send + 'a>, Receiver<Seen>, SyncSender<()>),
    Started(ScopedJoinHandle<'a, ()>, Seen),
    Joined,
}

/// What a thread says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    name: String,
    arguments: usize,
    pid: i32,
    tid: i32,
    /// Its name in the kernel: before it has one of its own, and after.
    name_at_first: String,
    name_in_kernel: String,
}

/// What main saw.
#[derive(Debug, Default)]
struct Record {
    extra_before_start: usize,
    /// Those that were started, in that order.
    threads: Vec<Seen>,
    running_after_start: usize,
    over_after_join: usize,
}

struct Main<'s, 'scope, 'env> {
    lesson: &'env Lesson,
    scope: &'scope Scope<'scope, 'env>,
    lane: Task<'s>,
    shared: &'env Mutex<Vec<(String, usize)>>,
    threads: Vec<Thread<'scope>>,
    record: Record,
}

impl<'env> Main<'_, '_, 'env> {
    /// Makes a thread object: it knows what it will do, and does nothing.
    fn make(&mut self, number: usize, params: &Params) {
        let name = format!("{}{number}", params.text("name"));
        let text = format!("T{number}");
        let args = if params.flag("comma") { vec![text] } else { text.chars().map(String::from).collect() };
        let (lesson, shared, life): (&'env Lesson, &'env _, _) = (self.lesson, self.shared, params.seconds("life"));
        let (hello, arrived) = sync_channel(1);
        let (look, looked) = sync_channel(1);
        lesson.created(&name, TaskSort::Thread, None);
        let function = {
            let name = name.clone();
            Box::new(move || work(lesson, &name, &args, &hello, &looked, shared, life))
        };
        self.threads.push(Thread { name, life: Life::Created(function, arrived, look) });
    }

    fn obey(&mut self, asked: &LessonAction, crash: &mut CrashTest<'_>) -> Result<Reply, LessonError> {
        match asked.name.as_str() {
            "raise" => return crash.raise(),
            "abort" => return crash.abort(),
            _ => {}
        }
        let target = asked.target.trim();
        // Where nobody is named: all of them, as far as they can.
        let able = |thread: &Thread<'_>| match asked.name.as_str() {
            "start" => matches!(thread.life, Life::Created(..)),
            "is-alive" => true,
            _ => matches!(thread.life, Life::Started(..)),
        };
        let is_meant = |thread: &Thread<'_>| thread.name == target || (target.is_empty() && able(thread));
        let meant: Vec<usize> = (0..self.threads.len()).filter(|index| is_meant(&self.threads[*index])).collect();
        if meant.is_empty() {
            return Ok(Err(match asked.name.as_str() {
                _ if !target.is_empty() => unknown("thread", target, self.threads.iter().map(|thread| &thread.name)),
                "start" => "every thread has been started".to_owned(),
                _ => "no thread runs: start() comes first".to_owned(),
            }));
        }
        for index in meant {
            let reply = match asked.name.as_str() {
                "start" => self.start(index)?,
                "is-alive" => {
                    self.is_alive(index);
                    Ok(())
                }
                "join" => self.join(index, None),
                _ => self.join(index, Some(SHORT)),
            };
            if reply.is_err() {
                return Ok(reply);
            }
        }
        Ok(Ok(()))
    }

    fn start(&mut self, index: usize) -> Result<Reply, LessonError> {
        let thread = &mut self.threads[index];
        let name = thread.name.clone();
        let (function, arrived, look) = match std::mem::replace(&mut thread.life, Life::Joined) {
            Life::Created(function, arrived, look) => (function, arrived, look),
            other => {
                thread.life = other;
                return Ok(Err(ONCE.to_owned()));
            }
        };
        let failed = LessonError::kernel(format!("start {name}"));
        let handle = Builder::new().name(name.clone()).spawn_scoped(self.scope, function).map_err(failed)?;
        let seen = arrived.recv_timeout(PATIENCE).unwrap_or_default();
        let is_alive = !handle.is_finished();
        self.record.running_after_start += usize::from(is_alive && thread_exists(Tid::new(seen.tid)));
        self.record.threads.push(seen.clone());
        self.lesson.say(&format!("start() of {name} has returned, is_alive() is {is_alive}"));
        self.threads[index].life = Life::Started(handle, seen);
        let _ = look.send(());
        Ok(Ok(()))
    }

    fn is_alive(&self, index: usize) {
        let Thread { name, life } = &self.threads[index];
        let is_alive = matches!(life, Life::Started(handle, _) if !handle.is_finished());
        self.lesson.value(format!("{name} is alive"), yes_or_no(is_alive));
        self.lesson.say(&format!("{name}.is_alive() is {is_alive}"));
    }

    fn join(&mut self, index: usize, timeout: Option<Duration>) -> Reply {
        let Thread { name, life } = &mut self.threads[index];
        match life {
            Life::Created(..) => return Err(BEFORE_START.to_owned()),
            Life::Joined => {}
            Life::Started(handle, _) => {
                self.lane.waiting("join()", Some(name));
                // A Rust thread has no join with a time limit: look until it is over.
                let is_over = timeout.is_none_or(|timeout| until(timeout, || handle.is_finished()));
                if is_over && let Life::Started(handle, seen) = std::mem::replace(life, Life::Joined) {
                    let returned = handle.join().is_ok();
                    let steps = lock(self.shared).iter().filter(|(who, _)| who == name).count();
                    // The kernel takes a moment more to clear the thread away.
                    let is_gone = until(PATIENCE, || !thread_exists(Tid::new(seen.tid)));
                    self.record.over_after_join += usize::from(returned && steps == STEPS && is_gone);
                }
                self.lane.running("");
            }
        }
        self.is_alive(index);
        Ok(())
    }
}

/// What each thread does. It ends by returning.
fn work(
    lesson: &Lesson,
    name: &str,
    args: &[String],
    hello: &SyncSender<Seen>,
    looked: &Receiver<()>,
    shared: &Mutex<Vec<(String, usize)>>,
    life: Duration,
) {
    let lane = lesson.task(name, TaskSort::Thread);
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let seen = Seen {
        name: name.to_owned(),
        arguments: args.len(),
        pid: own_pid().number(),
        tid,
        // std has named it before its function ran.
        name_at_first: thread_name(Tid::new(tid)),
        name_in_kernel: thread_name(Tid::new(tid)),
    };
    lesson.say(&format!("{name} was given {args:?}"));
    let _ = hello.send(seen);
    // Until main has looked at it.
    let _ = looked.recv();
    lane.running("its function");
    for step in 0..STEPS {
        lock(shared).push((name.to_owned(), step));
        std::thread::sleep(life / STEPS as u32);
    }
    lane.finish("ok");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn facts(record: &Record, comma: bool, shared: usize, crash: &CrashTest<'_>) -> Facts {
    let threads = &record.threads;
    let started = threads.len();
    let different = |number: fn(&Seen) -> i32| threads.iter().map(number).collect::<BTreeSet<_>>().len();
    let names: Vec<String> = threads
        .iter()
        .map(|thread| String::from_utf8_lossy(&thread.name.as_bytes()[..thread.name.len().min(15)]).into())
        .collect();
    let seen: Vec<&str> = threads.iter().map(|thread| thread.name_in_kernel.as_str()).collect();
    let (claim, arguments) = if comma {
        ("args=('T1',) is a tuple: so many arguments", 1)
    } else {
        ("args=('T1') is the text itself, and hands over its characters: so many arguments", 2)
    };
    let mut facts = vec![
        equals(
            "not-before-start",
            "making thread objects starts nothing: threads that the process has got before start()",
            0,
            record.extra_before_start,
        ),
        equals(
            "start-returns",
            "start() makes the thread, and returns while its function still runs: threads of which that is so",
            started,
            record.running_after_start,
        ),
        equals("args", claim, arguments, threads.first().map(|thread| thread.arguments)),
        equals(
            "one-process",
            "all threads have one PID, and each has a TID of its own: different PIDs, different TIDs",
            vec![1, started],
            vec![different(|thread| thread.pid), different(|thread| thread.tid)],
        ),
        equals("shared", "what the threads put into the same list is there for main: items", started * STEPS, shared),
        equals(
            "over",
            "after join() the function has returned, and the kernel has no such thread any more: threads",
            started,
            record.over_after_join,
        ),
        equals("names", "the kernel shows each thread's name, up to 15 bytes of it", names, seen),
    ];
    if crash.raised > 0 {
        facts.push(equals(
            "exception",
            "an exception ends its own thread alone: threads that are left in its process",
            CRASHERS + 1 - crash.raised,
            crash.left,
        ));
    }
    if crash.is_aborted {
        let ended = crash.ended.map(|status| status.to_string());
        facts.push(equals("crash", "abort() ends the whole process, whichever thread calls it", "killed by SIGABRT", ended));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExitStatus, Monotonic, Signal};

    fn thread(number: i32) -> Seen {
        let name = format!("a-long-name-of-{number}");
        Seen {
            name,
            arguments: 1,
            pid: 7,
            tid: 7 + number,
            name_at_first: String::new(),
            name_in_kernel: "a-long-name-of-".into(),
        }
    }

    fn record() -> Record {
        Record { extra_before_start: 0, threads: vec![thread(1), thread(2)], running_after_start: 2, over_after_join: 2 }
    }

    fn failed(change: impl FnOnce(&mut Record, &mut usize, &mut CrashTest<'_>)) -> Vec<String> {
        let lesson = Lesson::new(None, None, Monotonic::ZERO);
        let (mut record, mut shared, mut crash) = (record(), 2 * STEPS, CrashTest::over(&lesson));
        (crash.raised, crash.left, crash.is_aborted) = (1, 3, true);
        crash.ended = Some(ExitStatus::Signaled { signal: Signal::ABRT, core_dumped: false });
        change(&mut record, &mut shared, &mut crash);
        facts(&record, true, shared, &crash).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_, _, _| ()), [""; 0]);
        assert_eq!(failed(|record, _, _| record.extra_before_start = 2), ["not-before-start"]);
        assert_eq!(failed(|record, _, _| record.running_after_start = 1), ["start-returns"]);
        assert_eq!(failed(|record, _, _| record.threads[0].arguments = 2), ["args"]);
        assert_eq!(failed(|record, _, _| record.threads[0].pid = 8), ["one-process"]);
        assert_eq!(failed(|record, _, _| record.threads[0].tid = 9), ["one-process"]);
        assert_eq!(failed(|_, shared, _| *shared -= 1), ["shared"]);
        assert_eq!(failed(|record, _, _| record.over_after_join = 1), ["over"]);
        assert_eq!(failed(|record, _, _| record.threads[1].name_in_kernel = "python3".into()), ["names"]);
        assert_eq!(failed(|_, _, crash| crash.left = 0), ["exception"]);
        assert_eq!(failed(|_, _, crash| crash.ended = Some(ExitStatus::Exited(0))), ["crash"]);
    }

    #[test]
    fn what_nobody_did_is_not_claimed() {
        let lesson = Lesson::new(None, None, Monotonic::ZERO);
        let facts = facts(&record(), true, 2 * STEPS, &CrashTest::over(&lesson));
        assert!(!facts.iter().any(|fact| ["exception", "crash"].contains(&fact.id.as_str())));
    }
}
