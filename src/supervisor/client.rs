//! The app's end: starts the supervisor, sends requests, hands out reports. Belongs to the engine's thread.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::child_table::Family;
use super::launch::culprit;
use super::link::{Link, Received};
use super::prepare::prepare;
use super::protocol::{ChildPipes, LaunchProblem, LaunchedChild, Report, Request};
use crate::model::{ChildSpec, ExitStatus, Group, Input, OutputTo, Pid, Signal};
use crate::sys::{self, Neighbours, PacketSocket, PidFd, Prepared, Spawned};

/// Why there is no supervisor.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// It could not be started.
    #[error("could not start the supervisor: {0}")]
    Start(String),
    /// It was not asked, and is there as before.
    #[error("could not ask the supervisor: {0}")]
    Unsendable(String),
    /// The connection is broken.
    #[error("lost the supervisor: {0}")]
    Lost(#[from] io::Error),
}

impl SupervisorError {
    /// What lies behind it, for a sentence that says the rest.
    pub fn cause(&self) -> String {
        match self {
            Self::Start(_) | Self::Unsendable(_) => self.to_string(),
            Self::Lost(error) => error.to_string(),
        }
    }
}

/// A report with what came along.
#[derive(Debug)]
pub enum Incoming {
    /// Children were started: their ends, in the order of the report's children.
    Launched(crate::model::RunId, Vec<(LaunchedChild, ChildPipes)>),
    /// Any other report.
    Report(Report),
    /// The supervisor has closed its end: it is dead or dying.
    End,
}

/// How long the app waits for processes to end that do not.
const PATIENCE: Duration = Duration::from_secs(3);
const PATIENT: Timespec = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
/// How long a supervisor may take to begin. Only one that was stopped meets it, or a machine that stands still.
const BEGINNING: Timespec = Timespec { tv_sec: 30, tv_nsec: 0 };

/// A running supervisor.
#[derive(Debug)]
pub struct Client {
    /// `None` only while it is dropped.
    link: Option<Link>,
    pid: Pid,
    pidfd: PidFd,
    /// Its parent and our child, which stands in for it when we are gone.
    guard: Spawned,
    /// Why /proc cannot tell of its children, if it cannot.
    trouble: Option<String>,
    is_buried: bool,
}

impl Client {
    /// Starts a supervisor: `program` (`/proc/self/exe`, this program again) with the role's name and one end of a
    /// socket pair.
    pub fn start(program: &Path) -> Result<Self, SupervisorError> {
        Self::start_keeping(program, &[])
    }

    /// The same, with these descriptors of ours kept open in the supervisor, so that its children can be given them.
    pub fn start_keeping(program: &Path, fds: &[RawFd]) -> Result<Self, SupervisorError> {
        let failed = |error: &dyn std::fmt::Display| SupervisorError::Start(error.to_string());
        let (ours, theirs) = PacketSocket::pair().map_err(|error| failed(&error))?;
        let theirs = sys::dup_at_least(theirs, 3).map_err(|error| failed(&error))?;
        let number = theirs.as_raw_fd().to_string();
        let spec = ChildSpec {
            executable: Some(program.into()),
            stdin: Input::Inherit,
            stdout: OutputTo::Inherit,
            stderr: OutputTo::Inherit,
            group: Group::Inherited,
            keep_fds: [fds, &[theirs.as_raw_fd()]].concat(),
            ..ChildSpec::new(["tasklab", "__supervisor", &number])
        };
        // Orphans of a supervisor that was killed come to us instead of to init.
        sys::become_subreaper().map_err(|error| failed(&error))?;
        let (prepared, _) = prepare(&spec, Neighbours::default(), None).map_err(|error| failed(&error))?;
        // It outlives the thread that starts it.
        let guard = sys::spawn(&Prepared { death_signal: None, ..prepared })
            .map_err(|error| failed(&LaunchProblem::Spawn { error, path: culprit(error, &spec) }))?;
        drop(theirs);
        let link = Link::new(ours).map_err(|error| failed(&error))?;
        match ready(&link) {
            Ok((pid, pidfd, trouble)) => Ok(Self { link: Some(link), pid, pidfd, guard, trouble, is_buried: false }),
            Err(error) => {
                let _ = guard.pidfd.signal(Signal::KILL, sys::SignalScope::Process);
                // What it has begun with comes to us.
                drop(link);
                let _ = poll(&mut [PollFd::new(&guard.pidfd, PollFlags::IN)], Some(&PATIENT));
                let _ = sys::wait_pidfd(&guard.pidfd, sys::WhatEnded::Reap);
                Err(failed(&error))
            }
        }
    }

    /// Its PID: the root of the tree of everything that was launched.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Why /proc cannot tell of its children, if it cannot: processes below them are not seen then.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Sends a request, or queues it until there is room. Never waits.
    pub fn request(&mut self, request: &Request) -> Result<(), SupervisorError> {
        self.link()?.send(request, Vec::new()).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => SupervisorError::Unsendable(error.to_string()),
            _ => SupervisorError::Lost(error),
        })
    }

    /// Sends what is queued.
    pub fn flush(&mut self) -> Result<(), SupervisorError> {
        Ok(self.link()?.flush()?)
    }

    /// Whether requests are queued, so that the socket is to be watched for room.
    pub fn has_queued(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_waiting)
    }

    /// Whether the guard is still there.
    pub fn is_guarded(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.guard.pidfd, PollFlags::IN)], Some(&now)) == Ok(0)
    }

    /// Continues it, should somebody have stopped it.
    pub fn wake(&self) {
        for pidfd in [&self.pidfd, &self.guard.pidfd] {
            let _ = pidfd.signal(Signal::CONT, sys::SignalScope::Process);
        }
    }

    /// Lets go of a supervisor that has died: reaps it and kills what it has left. Its children died with it; their
    /// children became its guard's, or ours. The new supervisor is spared.
    pub fn bury(mut self, successor: &Self) {
        self.link = None;
        let _ = self.pidfd.signal(Signal::KILL, sys::SignalScope::Process);
        Family::new().end_all_but(Some(successor.guard.pid), Some(PATIENCE), || {});
        self.is_buried = true;
    }

    fn link(&mut self) -> io::Result<&mut Link> {
        self.link.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The next report, `None` when there is none now. Never waits.
    pub fn receive(&self) -> Result<Option<Incoming>, SupervisorError> {
        let Some(link) = &self.link else { return Ok(Some(Incoming::End)) };
        Ok(match link.receive::<Report>()? {
            Received::Message(Report::Launched { run, children }, fds) => Some(Incoming::Launched(run, hand_out(children, fds)?)),
            Received::Message(report, _) => Some(Incoming::Report(report)),
            Received::Nothing => None,
            Received::End => Some(Incoming::End),
        })
    }
}

impl AsFd for Client {
    /// The socket: readable when a report is there, writable when queued requests can go.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_ref().map_or(self.pidfd.as_fd(), AsFd::as_fd)
    }
}

impl Drop for Client {
    /// Closes the connection and waits until the supervisor has ended everything and itself. If it was killed, what it leaves
    /// behind is ended here, so that nothing outlives the app either way. Only what the kernel or another user keeps alive is
    /// given up after a while.
    fn drop(&mut self) {
        if self.is_buried {
            return;
        }
        self.link = None;
        self.wake();
        for pidfd in [&self.pidfd, &self.guard.pidfd] {
            let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&PATIENT));
        }
        match sys::wait_pidfd(&self.guard.pidfd, sys::WhatEnded::Reap) {
            Ok(Some(waited)) if waited.changed == sys::Changed::Ended(ExitStatus::Exited(0)) => {}
            _ => Family::new().end_all_but(None, Some(PATIENCE), || {}),
        }
    }
}

/// Waits for the first thing that a supervisor says: its PID, itself, and what is wrong with /proc.
fn ready(link: &Link) -> io::Result<(Pid, PidFd, Option<String>)> {
    let _ = poll(&mut [PollFd::new(link, PollFlags::IN)], Some(&BEGINNING));
    match link.receive::<Report>()? {
        Received::Message(Report::Ready { pid, trouble }, mut fds) if !fds.is_empty() => {
            Ok((pid, PidFd::from(fds.remove(0)), trouble))
        }
        Received::Message(..) => Err(io::Error::new(io::ErrorKind::InvalidData, "it has not said who it is")),
        Received::Nothing => Err(io::Error::new(io::ErrorKind::TimedOut, format!("it has not begun for {} s", BEGINNING.tv_sec))),
        Received::End => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it ended before it had begun; are too few open files (ulimit -n) or processes (ulimit -u) allowed?",
        )),
    }
}

/// Gives each child the descriptors that its flags announce.
fn hand_out(children: Vec<LaunchedChild>, fds: Vec<OwnedFd>) -> io::Result<Vec<(LaunchedChild, ChildPipes)>> {
    let mut fds = fds.into_iter();
    let mut take = |wanted: bool| match (wanted, fds.len()) {
        (false, _) => Ok(None),
        (true, 0) => Err(io::Error::new(io::ErrorKind::InvalidData, "a report came without its descriptors; too many are open")),
        (true, _) => Ok(fds.next()),
    };
    children
        .into_iter()
        .map(|child| {
            let pidfd = take(true)?.ok_or(io::ErrorKind::InvalidData)?;
            let pipes = ChildPipes {
                pidfd: PidFd::from(pidfd),
                stdin: take(child.has_stdin)?,
                stdout: take(child.has_stdout)?,
                stderr: take(child.has_stderr)?,
                events: take(child.has_lesson_pipes)?,
                control: take(child.has_lesson_pipes)?,
            };
            Ok((child, pipes))
        })
        .collect()
}
