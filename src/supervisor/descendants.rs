//! The descendants of a process, and signals to them that cannot hit another process. They are read from /proc, if it shows our own PID
//! namespace; else waitid(2) tells which processes are our own children.

use std::io;
use std::os::fd::OwnedFd;

use super::mark;
use crate::model::{Pgid, Pid, RunId, Signal};
use crate::sys::{
    PidFd, SignalScope, Stat, WaitMode, all_pids, below, foreign_proc, open_null, own_pid, process_group, try_stat_of,
    wait_any_ended, wait_pid,
};

/// How many descriptors are kept back.
const RESERVED: usize = 8;

/// Descriptors that are kept back for reading /proc and for sending signals, when children have used up all others.
#[derive(Debug, Default)]
pub(super) struct FdReserve(Vec<OwnedFd>);

impl FdReserve {
    /// Opens those that are missing, as far as the limit allows.
    pub(super) fn fill(&mut self) {
        while self.0.len() < RESERVED {
            let Ok(fd) = self.0.first().map_or_else(open_null, OwnedFd::try_clone) else { return };
            self.0.push(fd);
        }
    }

    /// Closes all of them.
    pub(super) fn release(&mut self) {
        self.0.clear();
    }
}

/// Whether an error says that no descriptor is left, in this process or in the whole system.
pub(super) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// The largest number of PIDs that Linux can have (`PID_MAX_LIMIT` on 64 bits).
const MOST_PIDS: i32 = 4 << 20;

/// A descendant, as it was when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descendant {
    pub(super) pid: Pid,
    pub(super) ppid: Pid,
    pub(super) pgid: Pgid,
    pub(super) is_zombie: bool,
    /// When it started, in clock ticks since boot, by /proc. `None`: waitid(2) said that it is a child of ours. Its PID cannot pass to
    /// another process before we have reaped it.
    start_ticks: Option<u64>,
}

impl Descendant {
    /// `None`: no process has this PID, or it is hidden from us. An error means that we could not look.
    fn read(pid: Pid) -> io::Result<Option<Self>> {
        let found = |stat: Stat| Self {
            pid,
            ppid: stat.ppid,
            pgid: stat.pgid,
            is_zombie: stat.has_ended(),
            start_ticks: Some(stat.start_ticks),
        };
        Ok(try_stat_of(pid)?.map(found))
    }

    /// Its identity: no other process has it while this one lives.
    pub(super) const fn identity(&self) -> (Pid, Option<u64>) {
        (self.pid, self.start_ticks)
    }

    /// A child of ours, by waitid(2); `None`: it is no child of ours.
    pub(super) fn child(pid: Pid) -> Option<Self> {
        let ended = wait_pid(pid, WaitMode::Peek).ok()?;
        let pgid = Pgid::new(process_group(Some(pid)).unwrap_or_default());
        Some(Self { pid, ppid: own_pid(), pgid, is_zombie: ended.is_some(), start_ticks: None })
    }

    /// Sends signals to this process and to no other: the pidfd is opened first, and then it is checked that the PID still means the
    /// same process. `Ok(false)`: it is gone.
    pub(super) fn signal(&self, signals: &[Signal], scope: SignalScope) -> io::Result<bool> {
        let pidfd = match PidFd::open(self.pid) {
            Ok(pidfd) => pidfd,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(false),
            Err(error) => return Err(error),
        };
        let now = if self.start_ticks.is_some() { Self::read(self.pid)? } else { Self::child(self.pid) };
        if now.is_none_or(|now| now.start_ticks != self.start_ticks) {
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

    /// Whether it carries this run's mark; `None` if it carries no mark of this supervisor's.
    pub(super) fn has_mark_of(&self, run: RunId) -> Option<bool> {
        self.start_ticks.and_then(|_| mark::read(self.pid, own_pid())).map(|marked| marked == run)
    }
}

/// All processes below `root`, parents first; `root` itself is left out, and so are processes that end meanwhile. If /proc cannot be
/// read, that is an error and never an empty list. If /proc is foreign, only our own children can be known.
pub(super) fn descendants(root: Pid) -> io::Result<Vec<Descendant>> {
    if let Some(why) = foreign_proc() {
        if root != own_pid() {
            return Err(io::Error::other(why));
        }
        return Ok(children_without_proc());
    }
    let mut all = Vec::new();
    for pid in all_pids()? {
        all.extend(Descendant::read(pid)?);
    }
    Ok(below(root, all, |found| (found.pid, found.ppid, found.start_ticks.unwrap_or_default())))
}

/// Our own children, zombies included. For a process with one thread these are all that there are at the end of the call: only that
/// thread reaps, and the kernel appends new children to the list, orphans as well (`proc_tid_children(5)`).
pub(super) fn own_children() -> io::Result<Vec<Pid>> {
    if foreign_proc().is_some() {
        return Ok(children_without_proc().iter().map(|found| found.pid).collect());
    }
    let mut pids = Vec::new();
    for thread in std::fs::read_dir("/proc/self/task")? {
        match std::fs::read_to_string(thread?.path().join("children")) {
            Ok(text) => pids.extend(text.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::new)),
            // A kernel without CONFIG_PROC_CHILDREN. A process that was forked while /proc was read may be missing, so it is read twice.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let myself = own_pid();
                let both = [descendants(myself)?, descendants(myself)?].concat();
                pids.extend(both.iter().filter(|found| found.ppid == myself).map(|found| found.pid));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(pids)
}

/// Our own children without /proc: waitid(2) is asked of each PID whether it is one.
fn children_without_proc() -> Vec<Descendant> {
    if wait_any_ended().is_err_and(|error| error.raw_os_error() == Some(libc::ECHILD)) {
        return Vec::new();
    }
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<i32>().ok();
    // Both files speak of our own namespace, even in a foreign /proc. A namespace starts with small PIDs and uses larger ones later. To
    // ask for all four million takes seconds, so the larger ones are asked only if no child is among the small ones.
    let newest = number("/proc/sys/kernel/ns_last_pid").unwrap_or_default();
    let most = number("/proc/sys/kernel/pid_max").unwrap_or(MOST_PIDS);
    let look = |pids: std::ops::RangeInclusive<i32>| pids.filter_map(|pid| Descendant::child(Pid::new(pid)));
    let mut found: Vec<Descendant> = look(1..=newest).collect();
    if found.is_empty() {
        found.extend(look(newest + 1..=most));
    }
    found
}
