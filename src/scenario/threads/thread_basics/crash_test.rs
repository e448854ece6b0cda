//! The process of `thread-basics` in which threads fail: by an exception, which ends one of them, or by a crash, which
//! ends all. Its parent tells it what to do over a pipe, and reads the outcome from /proc and the wait status.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::sync_channel;
use std::thread::Builder;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::model::{ExitStatus, Pid, Signal, TaskSort};
use crate::scenario::card::Reply;
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::forks::is_given_up;
use crate::scenario::lesson::proc::threads_of;
use crate::scenario::lesson::until::until;
use crate::scenario::lesson::words::counted;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::exit_now;

/// Its threads besides the first one.
pub(crate) const CRASHERS: usize = 3;
/// After this long it is looked whether somebody has stopped it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Waits until this is so, unless the process that should see to it was stopped; whether it is.
fn until_it(pid: Pid, mut condition: impl FnMut() -> bool) -> bool {
    let due = Instant::now() + PATIENCE;
    let mut is_so = false;
    until(Duration::from_mins(10), || {
        is_so = condition();
        is_so || is_given_up(pid, due)
    });
    is_so
}

/// That process as its parent sees it.
#[derive(Debug)]
pub(crate) struct CrashTest<'s> {
    lesson: &'s Lesson,
    child: Option<Child<'s>>,
    orders: Option<PipeWriter>,
    /// Exceptions so far, and the threads that were left after the last one.
    pub(crate) raised: usize,
    pub(crate) left: usize,
    pub(crate) is_aborted: bool,
    pub(crate) ended: Option<ExitStatus>,
}

impl<'s> CrashTest<'s> {
    /// One that is over.
    pub(crate) const fn over(lesson: &'s Lesson) -> Self {
        Self { lesson, child: None, orders: None, raised: 0, left: 0, is_aborted: false, ended: None }
    }

    /// Forks it. The caller must have one thread.
    pub(crate) fn start(lesson: &'s Lesson) -> Result<Self, LessonError> {
        let (heard, orders) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        match lesson.fork("crash-test")? {
            Fork::Child => {
                drop(orders);
                exit_now(i32::from(fail_when_told(lesson, heard).is_err()));
            }
            Fork::Parent(child) => {
                until_it(child.pid(), || threads_of(child.pid()) == CRASHERS + 1);
                Ok(Self { child: Some(child), orders: Some(orders), ..Self::over(lesson) })
            }
        }
    }

    /// Readable when it has ended, until that was looked at.
    pub(crate) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.child.as_ref().map(AsFd::as_fd)
    }

    /// Lets one of its threads raise an exception; in Rust that is a panic.
    pub(crate) fn raise(&mut self) -> Result<Reply, LessonError> {
        let pid = self.child.as_ref().map(Child::pid);
        let threads = || pid.map_or(0, threads_of);
        let before = threads();
        let Some(pid) = pid.filter(|_| before > 1) else {
            self.look()?;
            return Ok(Err("crash-test has no thread left for that".to_owned()));
        };
        self.order(self.raised as u8);
        if !until_it(pid, || threads() != before) {
            return Ok(Err("crash-test does not answer; was it stopped?".to_owned()));
        }
        self.raised += 1;
        self.left = threads();
        self.lesson.value("threads of crash-test", self.left);
        let left = counted(self.left, "thread is", "threads are");
        self.lesson.say(&format!("an exception in one thread: {left} left in that process"));
        Ok(Ok(()))
    }

    /// Lets it abort.
    pub(crate) fn abort(&mut self) -> Result<Reply, LessonError> {
        if self.child.is_none() {
            return Ok(Err("crash-test has ended".to_owned()));
        }
        self.is_aborted = true;
        self.order(ABORT);
        self.wait().map(Ok)
    }

    /// Waits on it if it has ended; whether it has.
    pub(crate) fn look(&mut self) -> Result<bool, LessonError> {
        if let Some(child) = &mut self.child
            && child.peek()?.is_some()
            && let Some(child) = self.child.take()
        {
            let status = child.reap()?.status;
            self.ended = Some(status);
            let was = if matches!(status, ExitStatus::Exited(_)) { "" } else { "was " };
            self.lesson.say(&format!("crash-test {was}{status}"));
        }
        Ok(self.child.is_none())
    }

    /// Lets it end; if it cannot, because it was stopped, it is killed.
    pub(crate) fn close(&mut self) -> Result<(), LessonError> {
        self.orders = None;
        self.wait()?;
        if let Some(child) = &self.child {
            child.signal(Signal::KILL);
        }
        self.wait()
    }

    fn wait(&mut self) -> Result<(), LessonError> {
        if let Some(child) = &mut self.child {
            let mut looked = Ok(None);
            until_it(child.pid(), || {
                looked = child.peek();
                !matches!(looked, Ok(None))
            });
            looked?;
        }
        self.look().map(drop)
    }

    fn order(&mut self, order: u8) {
        if let Some(orders) = &mut self.orders {
            // EPIPE: it has ended meanwhile, which the look at it finds.
            let _ = orders.write_all(&[order]);
        }
    }
}

/// Any smaller number means the thread that raises an exception.
const ABORT: u8 = u8::MAX;

/// The life of that process: threads that wait to be told to fail.
fn fail_when_told(lesson: &Lesson, mut orders: PipeReader) -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 1..=CRASHERS {
            let name = format!("crash-{number}");
            let (fail, told) = sync_channel::<()>(1);
            let crasher = {
                let name = name.clone();
                move || {
                    let lane = lesson.task(name, TaskSort::Thread);
                    lane.waiting("an order to fail", None);
                    match told.recv() {
                        Ok(()) => {
                            lane.finish("panicked");
                            panic!("nobody catches this");
                        }
                        Err(_) => lane.finish("ok"),
                    }
                }
            };
            threads.push((fail, Builder::new().name(name).spawn_scoped(scope, crasher)?));
        }
        let mut order = [0];
        while orders.read(&mut order)? > 0 {
            match threads.get(usize::from(order[0])) {
                Some((fail, _)) => drop(fail.try_send(())),
                None => std::process::abort(),
            }
        }
        // Who was not told to fail ends now. A join gives what its thread has raised, and swallows it.
        for (fail, thread) in threads {
            drop(fail);
            let _ = thread.join();
        }
        Ok(())
    })
}
