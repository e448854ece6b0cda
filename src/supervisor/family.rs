//! The supervisor's children: who they are, how they ended, who gets a signal.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use super::descendants::{Found, Reserve, descendants, own_children};
use super::protocol::Report;
use crate::model::{ExitStatus, Pid, Reaping, Refusal, RunId, Scope, Signal};
use crate::sys::{self, Changed, PidFd, SignalScope, Waited, WhatEnded, foreign_proc, wait_any, wait_pid, wait_pidfd};

/// How long one request kills, so that the supervisor goes on hearing; the next one goes on killing.
const TURN_OF_KILLING: Duration = Duration::from_millis(50);
/// How often it is looked again because somebody has ended meanwhile.
const MOST_LOOKS: u32 = 100;
/// How often our own children are looked at before all of /proc is read again.
const MOST_SWEEPS: u32 = 100;
/// Between two looks at who was killed and has not ended yet; beyond the last of these, the kernel or another user holds them.
const SHORTEST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
const IN_VAIN: Duration = Duration::from_millis(8);
/// So many looks that find nobody are proof enough.
const QUIET: u32 = 15;
/// After so many rounds all are killed, newcomers or not: those that were stopped may have been continued by one of them.
const MOST_ROUNDS: u32 = 20;

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
        // The descriptors in reserve are needed for looking at /proc alone, which costs more than all the rest.
        if self.reap_all_that_ended(reports)? { Ok(()) } else { self.with_reserve(|family| family.reap_one_by_one(reports)) }
    }

    /// The same with the reserve at hand.
    fn reap_ended(&mut self, reports: &mut Vec<Report>) -> io::Result<()> {
        if self.reap_all_that_ended(reports)? { Ok(()) } else { self.reap_one_by_one(reports) }
    }

    /// Whether that were all: a kept zombie would be found again and again.
    fn reap_all_that_ended(&mut self, reports: &mut Vec<Report>) -> io::Result<bool> {
        while let Some(waited) = none_if_childless(wait_any(true))? {
            reports.push(match waited.changed {
                Changed::Stopped(signal) => Report::Stopped { pid: waited.pid, signal },
                _ => Report::Continued { pid: waited.pid },
            });
        }
        while self.children.values().all(|child| child.status.is_none()) {
            let Some(waited) = none_if_childless(wait_any(false))? else { return Ok(true) };
            self.ended(&waited, reports)?;
        }
        Ok(false)
    }

    /// With a kept zombie there, everybody is asked in turn.
    fn reap_one_by_one(&mut self, reports: &mut Vec<Report>) -> io::Result<()> {
        // Where it cannot be looked, adopted orphans are reaped another time.
        let adopted = own_children().unwrap_or_default();
        let known: Vec<Pid> = self.children.keys().copied().filter(|pid| !adopted.contains(pid)).collect();
        for pid in adopted.into_iter().chain(known) {
            if !self.is_kept_zombie(pid)
                && let Some(waited) = none_if_childless(wait_pid(pid, WhatEnded::Peek))?
            {
                self.ended(&waited, reports)?;
            }
        }
        Ok(())
    }

    /// Whether it is left unreaped on purpose, after its end was told.
    fn is_kept_zombie(&self, pid: Pid) -> bool {
        self.children.get(&pid).is_some_and(|child| child.status.is_some())
    }

    fn ended(&mut self, waited: &Waited, reports: &mut Vec<Report>) -> io::Result<()> {
        let Waited { pid, changed: Changed::Ended(status), usage } = *waited else { return Ok(()) };
        if let Some(child) = self.children.get_mut(&pid).filter(|child| child.reaping == Reaping::WhenAsked) {
            child.status = Some(status);
            reports.push(Report::Exited { pid, status, is_reaped: false, usage });
            return Ok(());
        }
        none_if_childless(wait_pid(pid, WhatEnded::Reap))?;
        self.children.remove(&pid);
        reports.push(Report::Exited { pid, status, is_reaped: true, usage });
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
    pub(super) fn signal(&mut self, pid: Pid, signals: &[Signal], scope: Scope) -> Result<u32, Refusal> {
        if let (Scope::Process, Some(child)) = (scope, self.children.get(&pid)) {
            let sent = signals.iter().try_for_each(|signal| child.pidfd.signal(*signal, SignalScope::Process));
            return sent.map(|()| 1).map_err(|error| refusal(&error));
        }
        self.with_reserve(|family| family.signal_found(pid, signals, scope))
    }

    fn signal_found(&self, pid: Pid, signals: &[Signal], scope: Scope) -> Result<u32, Refusal> {
        let look = |root| descendants(root).map_err(|error| Refusal::NoProc(error.to_string()));
        let all = look(self.own)?;
        let target = *all.iter().find(|found| found.pid == pid).ok_or(Refusal::NotOurs)?;
        match scope {
            Scope::Process => send(&[target], signals),
            Scope::Group => {
                if sys::process_group(None).is_ok_and(|ours| target.pgid.number() == ours) {
                    return Err(Refusal::OurOwnGroup);
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

    /// Sends signals to the living processes of a run, those below one of its children and orphans that are its own, and says
    /// which these are. SIGKILL is sent until nobody is left or the time for it is up.
    pub(super) fn signal_run(
        &mut self,
        run: RunId,
        signals: &[Signal],
        orphans: Orphans<'_>,
        reports: &mut Vec<Report>,
    ) -> io::Result<Vec<Pid>> {
        let belongs = |family: &Self, found: &Found| match family.children.get(&found.pid) {
            Some(child) => child.run == run,
            None => found.has_mark_of(run).unwrap_or_else(|| orphans.is_only_run || orphans.seen.contains(&found.pid)),
        };
        self.with_reserve(|family| {
            if signals.contains(&Signal::KILL) {
                return family.kill_all(belongs, reports);
            }
            let members = family.living_of(belongs, reports)?;
            for found in &members {
                // One that may not be signalled shows in the next count.
                let _ = found.signal(signals, SignalScope::Process);
            }
            Ok(members.iter().map(|found| found.pid).collect())
        })
    }

    /// Everything below that is alive.
    pub(super) fn living(&mut self, reports: &mut Vec<Report>) -> io::Result<Vec<Pid>> {
        let living = self.with_reserve(|family| family.living_of(|_, _| true, reports))?;
        Ok(living.iter().map(|found| found.pid).collect())
    }

    /// The living among our children that `belongs` says yes to, and all below them. An empty list is certain: whoever lives has an
    /// ancestor among our children, and each of these was seen to be another's, or was reaped.
    fn living_of(&mut self, belongs: impl Fn(&Self, &Found) -> bool, reports: &mut Vec<Report>) -> io::Result<Vec<Found>> {
        for _ in 0..MOST_LOOKS {
            self.reap_ended(reports)?;
            // First these: one that ends from now on leaves its own children to us, perhaps too late for the look at all.
            let before: HashSet<Pid> = own_children()?.into_iter().collect();
            let mut all = descendants(self.own)?;
            // Another user's may be hidden (hidepid of proc(5)), but not that it is our child.
            let seen: HashSet<Pid> = all.iter().map(|found| found.pid).collect();
            all.extend(before.difference(&seen).copied().filter_map(Found::child));
            let mut is_member: HashMap<Pid, bool> = HashMap::new();
            for found in &all {
                let inherited = is_member.get(&found.ppid).copied();
                is_member.insert(found.pid, inherited.unwrap_or_else(|| belongs(self, found)));
            }
            let has_just_ended =
                all.iter().any(|found| found.is_zombie && before.contains(&found.pid) && !self.is_kept_zombie(found.pid));
            all.retain(|found| !found.is_zombie && is_member.get(&found.pid) == Some(&true));
            if !all.is_empty() || !has_just_ended {
                return Ok(all);
            }
        }
        Err(io::Error::other("processes come and go faster than they can be counted"))
    }

    /// Kills the living of which `belongs` says yes, for one turn: who is left then.
    fn kill_all(&mut self, belongs: impl Fn(&Self, &Found) -> bool, reports: &mut Vec<Report>) -> io::Result<Vec<Pid>> {
        let begun = Instant::now();
        let mut hunt = Hunt::default();
        loop {
            let mut news = Vec::new();
            let living = self.living_of(&belongs, &mut news);
            // That we have stopped it ourselves is nobody's concern.
            news.retain(|report| !matches!(report, Report::Stopped { pid, .. } if hunt.has_stopped(*pid)));
            reports.append(&mut news);
            let living = living?;
            let is_late = begun.elapsed() >= TURN_OF_KILLING;
            hunt.strike(&living, is_late);
            if living.is_empty() || is_late || hunt.is_in_vain() {
                return Ok(living.iter().map(|found| found.pid).collect());
            }
        }
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

    /// Kills everything and reaps until nothing is left. Returns when the kernel says so, however long it takes; `beat` is called
    /// at least ten times a second meanwhile.
    pub(super) fn end(&mut self, beat: impl Fn()) {
        self.end_all_but(None, None, beat);
    }

    /// The same, sparing one child and what is below it, and for no longer than `patience`: the app must not hang on a process
    /// that the kernel or another user keeps alive.
    pub(super) fn end_all_but(&mut self, spared: Option<Pid>, patience: Option<Duration>, beat: impl Fn()) {
        self.reserve.release();
        let begun = Instant::now();
        let mut hunt = Hunt::default();
        loop {
            beat();
            hunt.sweep(spared);
            let doomed = self.below_except(spared);
            let is_done = match (&doomed, spared) {
                (Ok(doomed), Some(_)) => doomed.is_empty(),
                (Err(_), Some(_)) => false,
                // A child that was forked while /proc was read may be missing there; the kernel's own word decides. A zombie that its
                // tracer keeps from us is no reason to stay.
                (_, None) => {
                    hunt.has_been_quiet() || wait_any(false).is_err_and(|error| error.raw_os_error() == Some(libc::ECHILD))
                }
            };
            if is_done {
                return;
            }
            let is_late = patience.is_some_and(|patience| begun.elapsed() >= patience);
            if let Ok(doomed) = doomed {
                for zombie in doomed.iter().filter(|found| found.is_zombie) {
                    // Not ours to reap unless we are its parent; then its parent's end will give it to us.
                    drop(wait_pid(zombie.pid, WhatEnded::Reap));
                }
                let living: Vec<Found> = doomed.into_iter().filter(|found| !found.is_zombie).collect();
                hunt.strike(&living, is_late);
            } else {
                self.end_known();
                std::thread::sleep(Duration::from_millis(1));
            }
            if is_late {
                return;
            }
        }
    }

    /// Everything below, less one child and what is below that.
    fn below_except(&self, spared: Option<Pid>) -> io::Result<Vec<Found>> {
        let kept: Vec<Pid> = match spared {
            // Where /proc is foreign, what is below it is not seen, and so it is spared as well.
            Some(pid) if foreign_proc().is_some() => vec![pid],
            Some(pid) => descendants(pid)?.iter().map(|found| found.pid).chain([pid]).collect(),
            None => Vec::new(),
        };
        Ok(descendants(self.own)?.into_iter().filter(|found| !kept.contains(&found.pid)).collect())
    }
}

/// Whose an orphan is that does not carry the mark of any run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orphans<'a> {
    /// No other run is alive: then it is this one's.
    pub(super) is_only_run: bool,
    /// Those that were once seen below this run's processes.
    pub(super) seen: &'a [Pid],
}

/// Killing what forks meanwhile. All are stopped before any is killed, so that nobody takes the place of one that has gone; and there
/// is no pause as long as newcomers appear.
#[derive(Debug, Default)]
struct Hunt {
    stopped: HashSet<(Pid, Option<u64>)>,
    pause: Duration,
    rounds: u32,
    /// Looks that found nobody, one after the other.
    quiet: u32,
}

impl Hunt {
    fn has_stopped(&self, pid: Pid) -> bool {
        self.stopped.iter().any(|(stopped, _)| *stopped == pid)
    }

    /// Whether nobody was found alive for a while: some hundred milliseconds.
    fn has_been_quiet(&self) -> bool {
        self.quiet >= QUIET
    }

    /// Whether those who are left do not die from more of the same.
    fn is_in_vain(&self) -> bool {
        self.pause > IN_VAIN
    }

    /// Stops and reaps our own children, as long as new ones appear: of those that fork and end faster than all of /proc can be read,
    /// each becomes our child the moment its parent ends.
    fn sweep(&mut self, spared: Option<Pid>) {
        for _ in 0..MOST_SWEEPS {
            let mut has_newcomer = false;
            for pid in own_children().unwrap_or_default().into_iter().filter(|pid| Some(*pid) != spared) {
                match Found::child(pid) {
                    Some(found) if found.is_zombie => {
                        drop(wait_pid(pid, WhatEnded::Reap));
                        self.stopped.remove(&found.identity());
                    }
                    Some(found) if self.stopped.insert(found.identity()) => {
                        has_newcomer = true;
                        let _ = found.signal(&[Signal::STOP], SignalScope::Process);
                    }
                    _ => {}
                }
            }
            if !has_newcomer {
                return;
            }
        }
    }

    /// Stops those that were not seen before; once there are none, or it has no time for that, kills them all. One that may not be
    /// signalled (set-uid) is tried again; there is nothing better to do.
    fn strike(&mut self, living: &[Found], is_late: bool) {
        let newcomers: Vec<Found> = living.iter().filter(|found| self.stopped.insert(found.identity())).copied().collect();
        for found in &newcomers {
            let _ = found.signal(&[Signal::STOP], SignalScope::Process);
        }
        self.rounds += 1;
        self.quiet = if living.is_empty() { self.quiet + 1 } else { 0 };
        if newcomers.is_empty() || is_late || self.rounds.is_multiple_of(MOST_ROUNDS) {
            for found in living {
                let _ = found.signal(&[Signal::KILL], SignalScope::Process);
            }
        }
        if !newcomers.is_empty() {
            self.pause = Duration::ZERO;
        } else if !is_late {
            std::thread::sleep(self.pause);
            self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        }
    }
}

fn send(targets: &[Found], signals: &[Signal]) -> Result<u32, Refusal> {
    let mut sent = 0;
    for target in targets {
        match target.signal(signals, SignalScope::Process) {
            Ok(true) => sent += 1,
            Ok(false) => {}
            Err(error) => return Err(refusal(&error)),
        }
    }
    Ok(sent)
}

fn refusal(error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(libc::EPERM) => Refusal::OtherUser,
        Some(libc::ESRCH) => Refusal::Ended,
        Some(errno) => Refusal::Kernel { errno },
        None => Refusal::Said(error.to_string()),
    }
}

fn none_if_childless<T>(result: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        result => result,
    }
}
