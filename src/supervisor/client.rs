//! The app's end of the connection: starts the supervisor, sends requests, receives reports. On the engine's thread.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use super::child_table::ChildTable;
use super::launch_failure::LaunchProblem;
use super::link::{Link, Received};
use super::prepare::prepare_child;
use super::protocol::{ChildPipes, LaunchedChild, Report, Request};
use crate::model::{ChildSpec, ExitStatus, Group, Input, OutputTo, Pid, RunId, Signal};
use crate::sys::{self, Neighbours, PacketSocket, PidFd, Prepared, Spawned, is_readable};

/// Why the supervisor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// It could not be started.
    #[error("could not start the supervisor: {0}")]
    Start(String),
    /// The request could not be sent; the supervisor is there as before.
    #[error("could not ask the supervisor: {0}")]
    Unsendable(String),
    /// The connection is broken.
    #[error("lost the supervisor: {0}")]
    Lost(#[from] io::Error),
}

impl SupervisorError {
    /// The error behind it, for a sentence that says the rest.
    pub fn cause(&self) -> String {
        match self {
            Self::Start(_) | Self::Unsendable(_) => self.to_string(),
            Self::Lost(error) => error.to_string(),
        }
    }
}

/// A report, with the descriptors that came with it.
#[derive(Debug)]
pub enum Incoming {
    /// The children of a run were started, first stage to last.
    Launched(RunId, Vec<(LaunchedChild, ChildPipes)>),
    /// Any other report.
    Report(Report),
    /// The supervisor has closed its end: it has ended or is about to.
    End,
}

/// How long the app waits for processes to end.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a supervisor may take to start. Only one that was stopped takes longer, or a machine that stands still.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A running supervisor.
#[derive(Debug)]
pub struct Client {
    /// `None` once the connection was closed on purpose.
    link: Option<Link>,
    pid: Pid,
    pidfd: PidFd,
    /// Its parent and our child, which does its last work if it cannot.
    guard: Spawned,
    /// Why /proc does not show its children, if it does not.
    proc_trouble: Option<String>,
    has_cleaned_up: bool,
}

impl Client {
    /// Starts a supervisor: `program` (usually `/proc/self/exe`) in the role `__supervisor`, with one end of a socket pair.
    pub fn start(program: &Path) -> Result<Self, SupervisorError> {
        Self::start_with_fds(program, &[])
    }

    /// The same, with descriptors of ours that stay open in the supervisor, so that it can pass them on to children.
    pub fn start_with_fds(program: &Path, fds: &[RawFd]) -> Result<Self, SupervisorError> {
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
        // The orphans of a killed supervisor come to us instead of to init.
        sys::become_subreaper().map_err(|error| failed(&error))?;
        let (prepared, _) = prepare_child(&spec, Neighbours::default(), None).map_err(|error| failed(&error))?;
        // Without a death signal, since it must outlive the thread that starts it.
        let guard = sys::spawn(&Prepared { death_signal: None, ..prepared })
            .map_err(|error| failed(&LaunchProblem::spawn(error, &spec)))?;
        drop(theirs);
        let link = Link::new(ours).map_err(|error| failed(&error))?;
        match receive_ready(&link) {
            Ok((pid, pidfd, proc_trouble)) => {
                Ok(Self { link: Some(link), pid, pidfd, guard, proc_trouble, has_cleaned_up: false })
            }
            Err(error) => {
                let _ = guard.pidfd.signal(Signal::KILL, sys::SignalScope::Process);
                // A supervisor that it has already forked sees the end of the socket.
                drop(link);
                let _ = is_readable(&guard.pidfd, PATIENCE);
                let _ = sys::wait_pidfd(&guard.pidfd, sys::WaitMode::Reap);
                Err(failed(&error))
            }
        }
    }

    /// Its PID: the root of the tree of everything that was launched.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Why /proc does not show its children, if it does not. Processes below its children are not seen then.
    pub fn proc_trouble(&self) -> Option<&str> {
        self.proc_trouble.as_deref()
    }

    /// Sends a request, or queues it until there is room. Never waits.
    pub fn request(&mut self, request: &Request) -> Result<(), SupervisorError> {
        self.link()?.send(request, Vec::new()).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => SupervisorError::Unsendable(error.to_string()),
            _ => SupervisorError::Lost(error),
        })
    }

    /// Sends the queued requests, as far as there is room.
    pub fn flush(&mut self) -> Result<(), SupervisorError> {
        Ok(self.link()?.flush()?)
    }

    /// Whether requests are queued, so that the socket is to be watched for room.
    pub fn has_queued(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_waiting)
    }

    /// Whether the guard is still there.
    pub fn is_guarded(&self) -> bool {
        !is_readable(&self.guard.pidfd, Duration::ZERO)
    }

    /// Continues supervisor and guard, in case they were stopped.
    pub fn resume(&self) {
        for pidfd in [&self.pidfd, &self.guard.pidfd] {
            let _ = pidfd.signal(Signal::CONT, sys::SignalScope::Process);
        }
    }

    /// After the supervisor has died: reaps it and kills the processes that it has left. Its children died with it, and their children
    /// came to its guard or to us. The new supervisor is spared.
    pub fn kill_leftovers(mut self, successor: &Self) {
        self.link = None;
        let _ = self.pidfd.signal(Signal::KILL, sys::SignalScope::Process);
        ChildTable::new().kill_leftovers(Some(successor.guard.pid), Some(PATIENCE), || {});
        self.has_cleaned_up = true;
    }

    fn link(&mut self) -> io::Result<&mut Link> {
        self.link.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The next report, `None` when there is none now. Never waits.
    pub fn receive(&self) -> Result<Option<Incoming>, SupervisorError> {
        let Some(link) = &self.link else { return Ok(Some(Incoming::End)) };
        Ok(match link.receive::<Report>()? {
            Received::Message(Report::Launched { run, children }, fds) => {
                Some(Incoming::Launched(run, distribute(children, fds)?))
            }
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
    /// Closes the connection and waits until the supervisor has killed all its children and has ended. If it was killed, the processes
    /// that it has left are killed here, so that none outlives the app. A process that the kernel or another user keeps alive is given up
    /// after a while.
    fn drop(&mut self) {
        if self.has_cleaned_up {
            return;
        }
        self.link = None;
        self.resume();
        for pidfd in [&self.pidfd, &self.guard.pidfd] {
            let _ = is_readable(pidfd, PATIENCE);
        }
        match sys::wait_pidfd(&self.guard.pidfd, sys::WaitMode::Reap) {
            Ok(Some(waited)) if waited.change == sys::ChildChange::Ended(ExitStatus::Exited(0)) => {}
            _ => ChildTable::new().kill_leftovers(None, Some(PATIENCE), || {}),
        }
    }
}

/// Waits for the first report: the supervisor's PID and pidfd, and why /proc does not show its children, if it does not.
fn receive_ready(link: &Link) -> io::Result<(Pid, PidFd, Option<String>)> {
    let _ = is_readable(link, START_PATIENCE);
    match link.receive::<Report>()? {
        Received::Message(Report::Ready { pid, proc_trouble }, mut fds) if !fds.is_empty() => {
            Ok((pid, PidFd::from(fds.remove(0)), proc_trouble))
        }
        Received::Message(..) => Err(io::Error::new(io::ErrorKind::InvalidData, "it has not said who it is")),
        Received::Nothing => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("it has not begun for {} s", START_PATIENCE.as_secs())))
        }
        Received::End => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it ended before it had begun; are too few open files (ulimit -n) or processes (ulimit -u) allowed?",
        )),
    }
}

/// Gives each child the descriptors that its flags announce.
fn distribute(children: Vec<LaunchedChild>, fds: Vec<OwnedFd>) -> io::Result<Vec<(LaunchedChild, ChildPipes)>> {
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
