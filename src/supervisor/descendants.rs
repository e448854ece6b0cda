//! Who descends from whom, and signals that cannot hit anybody else. From /proc, if it shows our own PID namespace; else from what
//! waitid(2) says: who is a child of ours.

use std::io;
use std::os::fd::OwnedFd;

use super::mark;
use crate::model::{Pgid, Pid, RunId, Signal};
use crate::sys::{
    PidFd, SignalScope, Stat, WhatEnded, all_pids, below, foreign_proc, open_null, process_group, try_stat_of, wait_any, wait_pid,
};

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

/// The most PIDs that Linux gives away (`PID_MAX_LIMIT` on 64 bits).
const MOST_PIDS: i32 = 4 << 20;

/// A descendant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) pid: Pid,
    pub(super) ppid: Pid,
    pub(super) pgid: Pgid,
    pub(super) is_zombie: bool,
    /// When it started, in clock ticks since boot, as /proc said. `None`: the kernel said that it is a child of ours, whose number
    /// cannot pass to another process before we have reaped it.
    start_ticks: Option<u64>,
}

impl Found {
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

    /// What stays the same as long as it lives, and is no other process's.
    pub(super) const fn identity(&self) -> (Pid, Option<u64>) {
        (self.pid, self.start_ticks)
    }

    /// A child of ours, by the kernel's own word; `None`: it is none.
    pub(super) fn child(pid: Pid) -> Option<Self> {
        let ended = wait_pid(pid, WhatEnded::Peek).ok()?;
        let ppid = Pid::new(std::process::id().cast_signed());
        let pgid = Pgid::new(process_group(Some(pid)).unwrap_or_default());
        Some(Self { pid, ppid, pgid, is_zombie: ended.is_some(), start_ticks: None })
    }

    /// Sends signals to this process, or to nobody: the descriptor is opened first, and then it is checked that the
    /// PID still means the process that was found. `Ok(false)`: it is gone.
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

    /// Whether it carries this run's mark; `None` if it carries none of this supervisor's.
    pub(super) fn has_mark_of(&self, run: RunId) -> Option<bool> {
        let myself = Pid::new(std::process::id().cast_signed());
        self.start_ticks.and_then(|_| mark::read(self.pid, myself)).map(|marked| marked == run)
    }
}

/// All processes below `root`, parents first; `root` itself is left out. What vanishes meanwhile is left out, too. That it could not
/// be looked is an error, and never an empty list. Where /proc is foreign, only our own children can be known.
pub(super) fn descendants(root: Pid) -> io::Result<Vec<Found>> {
    if let Some(why) = foreign_proc() {
        if root.number().cast_unsigned() != std::process::id() {
            return Err(io::Error::other(why));
        }
        return Ok(children_without_proc());
    }
    let mut all = Vec::new();
    for pid in all_pids()? {
        all.extend(Found::read(pid)?);
    }
    Ok(below(root, all, |found| (found.pid, found.ppid, found.start_ticks.unwrap_or_default())))
}

/// Our own children, zombies included, and for a process with one thread that alone reaps them all there are at the end of the call:
/// the kernel appends newcomers to the list, orphans as well (`proc_tid_children(5)`).
pub(super) fn own_children() -> io::Result<Vec<Pid>> {
    if foreign_proc().is_some() {
        return Ok(children_without_proc().iter().map(|found| found.pid).collect());
    }
    let mut pids = Vec::new();
    for thread in std::fs::read_dir("/proc/self/task")? {
        match std::fs::read_to_string(thread?.path().join("children")) {
            Ok(text) => pids.extend(text.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::new)),
            // A kernel without CONFIG_PROC_CHILDREN. What was forked while /proc was read may be missing, so it is read twice.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let myself = Pid::new(std::process::id().cast_signed());
                let both = [descendants(myself)?, descendants(myself)?].concat();
                pids.extend(both.iter().filter(|found| found.ppid == myself).map(|found| found.pid));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(pids)
}

/// Our own children where /proc cannot tell: each number is shown to the kernel, which knows whether it is a child of ours.
fn children_without_proc() -> Vec<Found> {
    if wait_any(false).is_err_and(|error| error.raw_os_error() == Some(libc::ECHILD)) {
        return Vec::new();
    }
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<i32>().ok();
    // Both are of our own namespace, whosever /proc it is. A namespace starts with small numbers; the others come into use once all
    // have been given away, and four millions take seconds.
    let newest = number("/proc/sys/kernel/ns_last_pid").unwrap_or_default();
    let most = number("/proc/sys/kernel/pid_max").unwrap_or(MOST_PIDS);
    let look = |pids: std::ops::RangeInclusive<i32>| pids.filter_map(|pid| Found::child(Pid::new(pid)));
    let mut found: Vec<Found> = look(1..=newest).collect();
    if found.is_empty() {
        found.extend(look(newest + 1..=most));
    }
    found
}
