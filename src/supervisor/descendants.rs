//! Who descends from whom, read from /proc, and signals that cannot hit anybody else.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use procfs::process::Process;

use super::prepare::{RUN_VARIABLE, run_tag};
use crate::model::{Pid, ProcessState, RunId, Signal};
use crate::sys::{PidFd, SignalScope, open_null, parse_stat};

/// Descriptors that are kept back while all others may be in use.
const RESERVED: usize = 8;

/// Descriptors for looking at /proc and for sending signals, when launching has used up all others.
#[derive(Debug, Default)]
pub(super) struct Reserve(Vec<OwnedFd>);

impl Reserve {
    /// Takes what is missing, as far as there is any.
    pub(super) fn fill(&mut self) {
        while self.0.len() < RESERVED {
            let Ok(fd) = self.0.first().map_or_else(open_null, OwnedFd::try_clone) else { return };
            self.0.push(fd);
        }
    }

    /// Lets go of all of them.
    pub(super) fn release(&mut self) {
        self.0.clear();
    }
}

/// No descriptor is left, in this process or in the whole system.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// A process as /proc showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) pid: Pid,
    pub(super) ppid: Pid,
    pub(super) pgid: i32,
    pub(super) is_zombie: bool,
    start_ticks: u64,
}

impl Found {
    /// `None`: nobody has this number, or it is hidden from us. An error means that we could not look.
    fn read(pid: i32) -> io::Result<Option<Self>> {
        let text = match std::fs::read(format!("/proc/{pid}/stat")) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => return Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
            Err(error) => return Err(error),
        };
        // What vanishes while it is read leaves half a line.
        let Some(stat) = parse_stat(&text) else { return Ok(None) };
        Ok(Some(Self {
            pid: Pid::new(stat.id),
            ppid: Pid::new(stat.ppid),
            pgid: stat.pgid,
            // The first thread may have ended before the others: that is no zombie, and it can be killed.
            is_zombie: matches!(stat.state, ProcessState::Zombie | ProcessState::Dead) && stat.threads <= 1,
            start_ticks: stat.start_ticks,
        }))
    }

    /// Sends signals to this process, or to nobody: the descriptor is opened first, and then it is checked that the
    /// PID still means the process that was found. `Ok(false)`: it is gone.
    pub(super) fn signal(&self, signals: &[Signal], scope: SignalScope) -> io::Result<bool> {
        let pidfd = match PidFd::open(self.pid) {
            Ok(pidfd) => pidfd,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(false),
            Err(error) => return Err(error),
        };
        if Self::read(self.pid.number())?.is_none_or(|now| now.start_ticks != self.start_ticks) {
            return Ok(false);
        }
        for signal in signals {
            match pidfd.signal(*signal, scope) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(false),
                result => result?,
            }
        }
        Ok(true)
    }

    /// Whether it carries this run's mark; `None` if its environment cannot be read or has no mark of this supervisor's.
    pub(super) fn has_mark_of(&self, run: RunId) -> Option<bool> {
        let environ = Process::new(self.pid.number()).ok()?.environ().ok()?;
        let mark = environ.get(std::ffi::OsStr::new(RUN_VARIABLE))?.to_str()?;
        let (supervisor, _) = mark.split_once('.')?;
        (supervisor == std::process::id().to_string()).then(|| mark == run_tag(run))
    }
}

/// All processes below `root`, parents first; `root` itself is left out. What vanishes meanwhile is left out, too. That it could not
/// be looked is an error, and never an empty list.
pub(super) fn descendants(root: Pid) -> io::Result<Vec<Found>> {
    let mut children: HashMap<Pid, Vec<Found>> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(found) = Found::read(pid)? {
            children.entry(found.ppid).or_default().push(found);
        }
    }
    // Removing each list as it is taken ends the walk even if PID reuse has made a circle.
    let mut below = children.remove(&root).unwrap_or_default();
    let mut index = 0;
    while let Some(found) = below.get(index).copied() {
        below.extend(children.remove(&found.pid).unwrap_or_default());
        index += 1;
    }
    Ok(below)
}
