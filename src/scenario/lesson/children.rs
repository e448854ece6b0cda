//! Forked children of a body: started, named, watched, signalled and waited on, with an event line for each step.
//! Nothing here waits without being asked to.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::{WaitOptions, waitpid};

use crate::model::{EventKind, ExitStatus, Pgid, Pid, ProcessState, Sid, Signal};
use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::scenario::lesson::tracking::lane::forget_parent;
use crate::sys::{
    Forked, PidFd, SignalScope, Spawned, WaitMode, fork, is_readable, own_pid, process_group, rename_thread, session, wait_pid,
};

/// The process that goes on after a fork.
#[derive(Debug)]
pub enum Fork<'s> {
    /// The child. It must leave through [`exit_now`](crate::sys::exit_now).
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
    /// The number that `wait(2)` stores: exit status times 256, plus the signal's number.
    pub raw: i32,
    /// Decoded.
    pub status: ExitStatus,
}

impl Lesson {
    /// Forks this process. The child gets its name in /proc before its parent reports it. The child takes no actions,
    /// and starts its work after that report.
    pub fn fork(&self, name: &str) -> Result<Fork<'_>, LessonError> {
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
}

impl<'s> Child<'s> {
    /// The child that a program was started in, told of.
    pub(crate) fn of_program(lesson: &'s Lesson, name: &str, argv: Vec<String>, spawned: Spawned) -> Self {
        let Spawned { pid, pidfd } = spawned;
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
        let raw = rustix::io::retry_on_intr(|| waitpid(pid, WaitOptions::empty())).map_err(failed(&self.name))?;
        self.lesson.report(EventKind::ProcessReaped { pid: self.pid });
        Ok(Reaped { raw: raw.map_or(0, |(_, status)| status.as_raw()), status })
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
