//! Forked children of a body: started, named, watched, signalled and waited on, with an event line for each step.
//! Nothing here waits without being asked to.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::process::{WaitOptions, WaitStatus, waitpid};
use serde_json::Value;

use crate::model::{EventKind, ExitStatus, Pgid, Pid, ProcessState, Sid, Signal, TaskSort};
use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::scenario::lesson::tracking::lane::{forget_parent, own_lane, write_stamped};
use crate::sys::{
    Forked, PidFd, SignalScope, Spawned, WaitMode, exit_now, fork, is_readable, own_pid, process_group, rename_thread, session,
    wait_pid,
};

/// The process that goes on after a fork.
#[derive(Debug)]
pub enum Fork<'s> {
    /// The child. It must leave through [`Lesson::exit`] or [`exit_now`].
    Child,
    /// The parent.
    Parent(Child<'s>),
}

/// A child that its parent has not waited on.
#[derive(Debug)]
pub struct Child<'s> {
    lesson: &'s Lesson,
    name: String,
    pid: Pid,
    pidfd: PidFd,
    ended: Option<ExitStatus>,
}

/// The result of a wait: the status as the kernel packs it, and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaped {
    /// The child.
    pub pid: Pid,
    /// The number that `wait(2)` stores: exit status times 256, plus the signal's number.
    pub raw: i32,
    /// Decoded.
    pub status: ExitStatus,
}

/// Threads that were joined may take the kernel another moment to end; a fork needs a process with one thread.
fn until_alone() {
    let end = Instant::now() + Duration::from_secs(1);
    while fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1) && Instant::now() < end {
        thread::yield_now();
    }
}

impl Lesson {
    /// Forks this process. The child gets its name in /proc before its parent reports it. The child takes no actions,
    /// and starts its work after that report.
    #[track_caller]
    pub fn fork(&self, name: &str) -> Result<Fork<'_>, LessonError> {
        until_alone();
        let failed = || LessonError::kernel(format!("fork {name}"));
        let (mut ours, mut theirs) = UnixStream::pair().map_err(LessonError::kernel("make a pair of sockets"))?;
        self.reporter().write();
        match fork().map_err(failed())? {
            Forked::Child => {
                forget_parent(self.reporter());
                drop(ours);
                let _ = rename_thread(name);
                let _ = theirs.write_all(b".");
                // The end of what the parent has: it has told of this child, or died.
                let _ = theirs.read_exact(&mut [0]);
                self.stop_listening();
                self.body().forget_children();
                let _lane = self.task(name, TaskSort::Process);
                Ok(Fork::Child)
            }
            Forked::Parent(pid) => {
                drop(theirs);
                let pidfd = PidFd::open(pid).map_err(failed())?;
                // A byte, or the end of a child that was killed at once: it is told of, too.
                let _ = ours.read_exact(&mut [0]);
                let child = Child::of_program(self, name, vec![name.to_owned()], Spawned { pid, pidfd });
                Ok(Fork::Parent(child))
            }
        }
    }

    /// Forks a child that does this, and leaves with the status that it gives: `multiprocessing.Process(…).start()`.
    ///
    /// ```ignore
    /// let child = lesson.child("child-1", || {
    ///     lesson.sleep(life);
    ///     10
    /// })?;
    /// assert_eq!(child.wait()?.raw, 2560);
    /// ```
    #[track_caller]
    pub fn child(&self, name: &str, run: impl FnOnce() -> i32) -> Result<Child<'_>, LessonError> {
        match self.fork(name)? {
            Fork::Child => self.exit(run()),
            Fork::Parent(child) => Ok(child),
        }
    }

    /// Leaves a fork with this status: `os._exit(status)`.
    pub fn exit(&self, status: i32) -> ! {
        if let Some(lane) = own_lane() {
            let result = if status == 0 { "ok".to_owned() } else { format!("exit {status}") };
            self.report(EventKind::TaskFinished { task: lane.name.clone(), result });
        }
        exit_now(status)
    }

    /// Waits until any child has ended, and takes it out of the process table: `os.wait()`. `None` if there is no child left. Deaf to
    /// actions.
    #[track_caller]
    pub fn wait(&self) -> Result<Option<Reaped>, LessonError> {
        self.wait_for("wait", None, WaitOptions::empty())
    }

    /// Looks whether any child has ended, and takes it out of the process table: `os.waitpid(-1, os.WNOHANG)`. `None` if none has.
    #[track_caller]
    pub fn wait_no_hang(&self) -> Result<Option<Reaped>, LessonError> {
        self.wait_for("waitpid", None, WaitOptions::NOHANG)
    }

    /// Waits with wait(2) or waitpid(2), and tells of it. `None` if none has ended yet, or none is left.
    #[track_caller]
    fn wait_for(&self, call: &str, child: Option<&Child<'_>>, options: WaitOptions) -> Result<Option<Reaped>, LessonError> {
        let line = self.tracker().line(Location::caller());
        let lane = own_lane().filter(|_| self.tracker().has_listener());
        if let Some(lane) = &lane {
            lane.stamp_wait(self.reporter(), &format!("{call}()"), child.map(Child::name), line);
        }
        write_stamped(self.reporter());
        let pid = child.and_then(|child| rustix::process::Pid::from_raw(child.pid.number()));
        let waited = retry_on_intr(|| if pid.is_some() { waitpid(pid, options) } else { rustix::process::wait(options) });
        let reaped = waited.map(|ended| ended.map(|(pid, status)| Reaped::new(Pid::new(pid.as_raw_nonzero().get()), status)));
        let ended = reaped.ok().flatten();
        let name = ended.and_then(|ended| self.body().child_ends(ended.pid));
        if let Some(lane) = lane {
            lane.stamp_run(self.reporter(), name.as_deref(), line);
            let pid = ended.map(|ended| format!("child {}", ended.pid));
            let (on, gave) = match reaped {
                Ok(ended) => {
                    let on = child.map(Child::name).or(name.as_deref()).or(pid.as_deref());
                    (on, Value::from(ended.map_or(0, |ended| ended.raw)))
                }
                Err(_) => (None, "ChildProcessError".into()),
            };
            let on = on.unwrap_or("any child");
            lane.stamp_operation(self.reporter(), call, on, gave, line);
            lane.write(self.reporter());
        }
        if let Some(Reaped { pid, status, .. }) = ended {
            self.report(EventKind::ProcessExited { pid, status });
            self.report(EventKind::ProcessReaped { pid });
        }
        self.refuse_what_came_meanwhile();
        match reaped {
            Err(Errno::CHILD) if child.is_none() => Ok(None),
            reaped => reaped.map_err(LessonError::kernel(format!("wait for {}", child.map_or("a child", Child::name)))),
        }
    }
}

impl Reaped {
    fn new(pid: Pid, status: WaitStatus) -> Self {
        let raw = status.as_raw();
        let status = match (status.exit_status(), status.terminating_signal().and_then(Signal::from_number)) {
            (Some(code), _) => ExitStatus::Exited(code),
            (_, Some(signal)) => ExitStatus::Signaled { signal, core_dumped: raw & 0x80 != 0 },
            _ => ExitStatus::Unknown,
        };
        Self { pid, raw, status }
    }
}

impl<'s> Child<'s> {
    /// The child that a program was started in, told of.
    pub(crate) fn of_program(lesson: &'s Lesson, name: &str, argv: Vec<String>, spawned: Spawned) -> Self {
        let Spawned { pid, pidfd } = spawned;
        lesson.body().child_begins(pid, name);
        lesson.report(EventKind::ProcessStarted {
            pid,
            ppid: own_pid(),
            pgid: Pgid::new(process_group(Some(pid)).unwrap_or(0)),
            sid: Sid::new(session(Some(pid)).unwrap_or(0)),
            name: name.to_owned(),
            argv,
        });
        Self { lesson, name: name.to_owned(), pid, pidfd, ended: None }
    }
}

impl<'s> Child<'s> {
    pub(super) const fn lesson(&self) -> &'s Lesson {
        self.lesson
    }
}

impl Child<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its PID.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether a target of an action means this child: its name or its PID.
    pub fn is_meant_by(&self, target: &str) -> bool {
        target == self.name || target.parse() == Ok(self.pid.number())
    }

    /// Whether it was seen to have ended.
    pub const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Its status if it has ended, and leaves it a zombie (`waitid` with `WNOWAIT`).
    pub fn peek(&mut self) -> Result<Option<ExitStatus>, LessonError> {
        if self.ended.is_none()
            && let Some(status) = self.peek_again()?
        {
            self.ended = Some(status);
            self.lesson.report(EventKind::ProcessState { pid: self.pid, state: ProcessState::Zombie });
            self.lesson.report(EventKind::ProcessExited { pid: self.pid, status });
        }
        Ok(self.ended)
    }

    /// The kernel's answer of this moment, whatever it said before.
    pub fn peek_again(&self) -> Result<Option<ExitStatus>, LessonError> {
        let waited = wait_pid(self.pid, WaitMode::Peek).map_err(LessonError::kernel(format!("look at {}", self.name)))?;
        Ok(waited.map(|waited| match waited.change {
            crate::sys::ChildChange::Ended(status) => status,
            _ => ExitStatus::Unknown,
        }))
    }

    /// Waits until it has ended, however long that takes, and takes it out of the process table.
    pub fn reap(mut self) -> Result<Reaped, LessonError> {
        let failed = |name: &str| LessonError::kernel(format!("wait on {name}"));
        let status = loop {
            if let Some(status) = self.peek()? {
                break status;
            }
            let _ = is_readable(&self.pidfd, Duration::MAX);
        };
        let pid = rustix::process::Pid::from_raw(self.pid.number());
        let raw = retry_on_intr(|| waitpid(pid, WaitOptions::empty())).map_err(failed(&self.name))?;
        self.lesson.report(EventKind::ProcessReaped { pid: self.pid });
        Ok(Reaped { pid: self.pid, raw: raw.map_or(0, |(_, status)| status.as_raw()), status })
    }

    /// Waits until it has ended, and takes it out of the process table: `os.waitpid(PID, 0)`, `process.join()`. Deaf to actions.
    #[track_caller]
    pub fn wait(&self) -> Result<Reaped, LessonError> {
        let reaped = self.lesson.wait_for("waitpid", Some(self), WaitOptions::empty())?;
        reaped.ok_or_else(|| LessonError::kernel(format!("wait for {}", self.name))(Errno::CHILD))
    }

    /// Sends it a signal; `false` if there is no process any more to send it to.
    pub fn signal(&self, signal: Signal) -> bool {
        self.pidfd.signal(signal, SignalScope::Process).is_ok()
    }
}

impl AsFd for Child<'_> {
    /// Readable when the child has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
