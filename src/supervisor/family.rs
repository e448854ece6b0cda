//! The supervisor's children: who they are, how they ended, who gets a signal.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use super::descendants::{Found, Reserve, descendants};
use super::protocol::Report;
use crate::model::{ExitStatus, Pid, Reaping, RunId, Scope, Signal};
use crate::sys::{self, Changed, PidFd, SignalScope, WhatEnded, wait_any, wait_pid, wait_pidfd};

/// A child that has not been reaped.
#[derive(Debug)]
struct Child {
    pidfd: PidFd,
    run: RunId,
    reaping: Reaping,
    /// How it ended, once it is a zombie that is kept.
    status: Option<ExitStatus>,
}

/// Everything below the supervisor.
#[derive(Debug)]
pub(super) struct Family {
    own: Pid,
    children: HashMap<Pid, Child>,
    reserve: Reserve,
}

impl Family {
    pub(super) fn new() -> Self {
        let own = Pid::new(std::process::id().cast_signed());
        Self { own, children: HashMap::new(), reserve: Reserve::default() }
    }

    /// Keeps descriptors back, so that it can look and signal when no other is left.
    pub(super) fn keep_reserve(&mut self) {
        self.reserve.fill();
    }

    /// Does something with the reserved descriptors at hand.
    pub(super) fn with_reserve<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.reserve.release();
        let done = work(self);
        self.reserve.fill();
        done
    }

    /// How many children it has that have not been reaped.
    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    pub(super) fn add(&mut self, pid: Pid, pidfd: PidFd, run: RunId, reaping: Reaping) {
        self.children.insert(pid, Child { pidfd, run, reaping, status: None });
    }

    /// Reaps what has ended and must not be kept, adopted orphans as well; tells what changed.
    pub(super) fn collect(&mut self, reports: &mut Vec<Report>) -> io::Result<()> {
        while let Some(waited) = none_if_childless(wait_any(true))? {
            reports.push(match waited.changed {
                Changed::Stopped(signal) => Report::Stopped { pid: waited.pid, signal },
                _ => Report::Continued { pid: waited.pid },
            });
        }
        // A kept zombie would be found again and again; with one there, everybody is asked in turn.
        while self.children.values().all(|child| child.status.is_none()) {
            let Some(waited) = none_if_childless(wait_any(false))? else { return Ok(()) };
            self.ended(waited.pid, waited.changed, reports)?;
        }
        let own = self.own;
        // Where it cannot be looked, adopted orphans are reaped another time.
        let all = self.with_reserve(|_| descendants(own)).unwrap_or_default();
        let adopted = all.into_iter().filter(|found| found.is_zombie && found.ppid == own);
        let candidates: Vec<Pid> = adopted
            .map(|found| found.pid)
            .chain(self.children.iter().filter(|(_, child)| child.status.is_none()).map(|(pid, _)| *pid))
            .filter(|pid| self.children.get(pid).is_none_or(|child| child.status.is_none()))
            .collect();
        for pid in candidates {
            if let Some(waited) = none_if_childless(wait_pid(pid, WhatEnded::Peek))? {
                self.ended(pid, waited.changed, reports)?;
            }
        }
        Ok(())
    }

    fn ended(&mut self, pid: Pid, changed: Changed, reports: &mut Vec<Report>) -> io::Result<()> {
        let Changed::Ended(status) = changed else { return Ok(()) };
        if let Some(child) = self.children.get_mut(&pid).filter(|child| child.reaping == Reaping::WhenAsked) {
            child.status = Some(status);
            reports.push(Report::Exited { pid, status, is_reaped: false });
            return Ok(());
        }
        none_if_childless(wait_pid(pid, WhatEnded::Reap))?;
        self.children.remove(&pid);
        reports.push(Report::Exited { pid, status, is_reaped: true });
        Ok(())
    }

    /// Reaps a kept zombie, or lets a living child be reaped as soon as it ends.
    pub(super) fn reap(&mut self, pid: Pid, reports: &mut Vec<Report>) -> io::Result<()> {
        let Some(child) = self.children.get_mut(&pid) else { return Ok(()) };
        child.reaping = Reaping::AtOnce;
        if child.status.is_some() {
            none_if_childless(wait_pidfd(&child.pidfd, WhatEnded::Reap))?;
            self.children.remove(&pid);
            reports.push(Report::Reaped { pid });
        }
        Ok(())
    }

    /// Sends signals to a descendant, its group or its tree: how many processes got them, or why none did.
    pub(super) fn signal(&mut self, pid: Pid, signals: &[Signal], scope: Scope) -> Result<u32, String> {
        if let (Scope::Process, Some(child)) = (scope, self.children.get(&pid)) {
            let sent = signals.iter().try_for_each(|signal| child.pidfd.signal(*signal, SignalScope::Process));
            return sent.map(|()| 1).map_err(|error| refusal(pid, &error));
        }
        self.with_reserve(|family| family.signal_found(pid, signals, scope))
    }

    fn signal_found(&self, pid: Pid, signals: &[Signal], scope: Scope) -> Result<u32, String> {
        let look = |root| descendants(root).map_err(|error| format!("could not signal {pid}: /proc cannot be read: {error}"));
        let all = look(self.own)?;
        let target = *all
            .iter()
            .find(|found| found.pid == pid)
            .ok_or_else(|| format!("could not signal {pid}: it has ended, or Task Lab has not started it"))?;
        match scope {
            Scope::Process => send(&[target], signals),
            Scope::Group => {
                if sys::process_group(None).is_ok_and(|ours| target.pgid == ours) {
                    return Err(format!(
                        "could not signal the group of {pid}: Task Lab itself is in it; signal the tree instead"
                    ));
                }
                // Where the kernel can reach the group through one member, nobody can slip through between two.
                if target.signal(signals, SignalScope::Group).is_ok_and(|sent| sent) {
                    return Ok(all.iter().filter(|found| found.pgid == target.pgid).count() as u32);
                }
                let members: Vec<Found> = all.into_iter().filter(|found| found.pgid == target.pgid).collect();
                send(&members, signals)
            }
            Scope::Tree => {
                let mut tree = vec![target];
                tree.extend(look(pid)?);
                send(&tree, signals)
            }
        }
    }

    /// Sends signals to the living processes of a run, those below one of its children and orphans that carry its mark, and says
    /// which these are.
    pub(super) fn signal_run(&mut self, run: RunId, signals: &[Signal], is_only_run: bool) -> io::Result<Vec<Pid>> {
        self.with_reserve(|family| {
            let members = family.members(run, is_only_run)?;
            for found in &members {
                // One that may not be signalled shows in the next count.
                let _ = found.signal(signals, SignalScope::Process);
            }
            Ok(members.iter().map(|found| found.pid).collect())
        })
    }

    fn members(&self, run: RunId, is_only_run: bool) -> io::Result<Vec<Found>> {
        let all = descendants(self.own)?;
        let mut belongs: HashMap<Pid, bool> = HashMap::new();
        for found in &all {
            let inherited = belongs.get(&found.ppid).copied();
            let is_member = match (inherited, self.children.get(&found.pid)) {
                (Some(inherited), _) => inherited,
                (None, Some(child)) => child.run == run,
                (None, None) => found.has_mark_of(run).unwrap_or(is_only_run),
            };
            belongs.insert(found.pid, is_member);
        }
        Ok(all.into_iter().filter(|found| !found.is_zombie && belongs.get(&found.pid) == Some(&true)).collect())
    }

    /// Everything below that is alive.
    pub(super) fn living(&mut self) -> io::Result<Vec<Pid>> {
        let own = self.own;
        let all = self.with_reserve(|_| descendants(own))?;
        Ok(all.into_iter().filter(|found| !found.is_zombie).map(|found| found.pid).collect())
    }

    /// Everything below, less one child and what is below that.
    fn below_except(&self, spared: Option<Pid>) -> io::Result<Vec<Found>> {
        let kept: Vec<Pid> = match spared {
            Some(pid) => descendants(pid)?.iter().map(|found| found.pid).chain([pid]).collect(),
            None => Vec::new(),
        };
        Ok(descendants(self.own)?.into_iter().filter(|found| !kept.contains(&found.pid)).collect())
    }

    /// Without /proc: kills the children that were launched, and reaps whoever has ended.
    fn end_known(&self) {
        for child in self.children.values() {
            let _ = child.pidfd.signal(Signal::KILL, SignalScope::Process);
        }
        while let Ok(Some(waited)) = wait_any(false) {
            drop(wait_pid(waited.pid, WhatEnded::Reap));
        }
    }

    /// Kills everything and reaps until nothing is left. Returns when the kernel says so, however long it takes.
    pub(super) fn end(&mut self) {
        self.end_all_but(None, None);
    }

    /// The same, sparing one child and what is below it, and for no longer than `patience`: the app must not hang on a process
    /// that the kernel or another user keeps alive.
    pub(super) fn end_all_but(&mut self, spared: Option<Pid>, patience: Option<Duration>) {
        self.reserve.release();
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            let doomed = self.below_except(spared);
            let is_done = match (&doomed, spared) {
                (Ok(doomed), Some(_)) => doomed.is_empty(),
                (Err(_), Some(_)) => false,
                // A child that was forked while /proc was read may be missing there; the kernel's own word decides.
                (_, None) => wait_any(false).is_err_and(|error| error.raw_os_error() == Some(libc::ECHILD)),
            };
            if is_done {
                return;
            }
            for found in doomed.as_deref().unwrap_or_default() {
                if found.is_zombie {
                    // Not ours to reap unless we are its parent; then its parent's end will give it to us.
                    drop(wait_pid(found.pid, WhatEnded::Reap));
                } else {
                    // One that may not be signalled (set-uid) is tried again; there is nothing better to do.
                    let _ = found.signal(&[Signal::KILL], SignalScope::Process);
                }
            }
            if doomed.is_err() {
                self.end_known();
            }
            if patience.is_some_and(|patience| begun.elapsed() >= patience) {
                return;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

fn send(targets: &[Found], signals: &[Signal]) -> Result<u32, String> {
    let mut sent = 0;
    for target in targets {
        match target.signal(signals, SignalScope::Process) {
            Ok(true) => sent += 1,
            Ok(false) => {}
            Err(error) => return Err(refusal(target.pid, &error)),
        }
    }
    Ok(sent)
}

fn refusal(pid: Pid, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => format!("could not signal {pid}: not permitted; it runs as another user (sudo?)"),
        Some(libc::ESRCH) => format!("could not signal {pid}: it has ended"),
        _ => format!("could not signal {pid}: {error}"),
    }
}

fn none_if_childless<T>(result: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        result => result,
    }
}
