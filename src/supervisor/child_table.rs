//! The supervisor's children: the run of each, how they end, and signals to them and to what is below them.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use super::descendants::{Descendant, FdReserve, descendants, own_children};
use super::kill_rounds::KillRounds;
use super::protocol::Report;
use crate::model::{ExitStatus, Pid, Reaping, Refusal, RunId, Scope, Signal};
use crate::sys::{
    self, ChildChange, PidFd, SignalScope, WaitMode, WaitedChild, foreign_proc, own_pid, wait_any_ended,
    wait_any_stopped_or_continued, wait_pid, wait_pidfd,
};

/// How long one request may kill, so that the supervisor can read the next one, which goes on killing.
const KILL_TURN: Duration = Duration::from_millis(50);
/// How often the processes are read again because one has ended meanwhile.
const MOST_LOOKS: u32 = 100;

/// A child that has not been reaped.
#[derive(Debug)]
struct Child {
    pidfd: PidFd,
    run: RunId,
    reaping: Reaping,
    /// How it ended, once it is a zombie that is kept.
    status: Option<ExitStatus>,
}

/// The children of this process that have not been reaped. Used by the supervisor, and for the last clean-up also by its guard and by
/// the app.
#[derive(Debug)]
pub(super) struct ChildTable {
    own: Pid,
    children: HashMap<Pid, Child>,
    reserve: FdReserve,
}

impl ChildTable {
    pub(super) fn new() -> Self {
        Self { own: own_pid(), children: HashMap::new(), reserve: FdReserve::default() }
    }

    /// Keeps descriptors back, so that it can read /proc and send signals when no other is left.
    pub(super) fn keep_reserve(&mut self) {
        self.reserve.fill();
    }

    /// Does something while the reserved descriptors are closed, so that it can open as many.
    pub(super) fn with_reserve<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.reserve.release();
        let done = work(self);
        self.reserve.fill();
        done
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    pub(super) fn add(&mut self, pid: Pid, pidfd: PidFd, run: RunId, reaping: Reaping) {
        self.children.insert(pid, Child { pidfd, run, reaping, status: None });
    }

    /// Reaps the children that have ended, adopted orphans as well, but for zombies that are kept. Reports each change.
    pub(super) fn reap_ended(&mut self, reports: &mut Vec<Report>) -> io::Result<()> {
        // The reserve is for reading /proc alone, which costs more than all the rest.
        if self.reap_while_none_is_kept(reports)? { Ok(()) } else { self.with_reserve(|table| table.reap_one_by_one(reports)) }
    }

    /// The same within [`with_reserve`](Self::with_reserve).
    fn reap_ended_with_reserve(&mut self, reports: &mut Vec<Report>) -> io::Result<()> {
        if self.reap_while_none_is_kept(reports)? { Ok(()) } else { self.reap_one_by_one(reports) }
    }

    /// Reaps until a zombie is kept, which waitid(2) would return again and again. `true`: all that have ended are reaped.
    fn reap_while_none_is_kept(&mut self, reports: &mut Vec<Report>) -> io::Result<bool> {
        while let Some(waited) = none_if_childless(wait_any_stopped_or_continued())? {
            reports.push(match waited.change {
                ChildChange::Stopped(signal) => Report::Stopped { pid: waited.pid, signal },
                _ => Report::Continued { pid: waited.pid },
            });
        }
        while self.children.values().all(|child| child.status.is_none()) {
            let Some(waited) = none_if_childless(wait_any_ended())? else { return Ok(true) };
            self.ended(&waited, reports)?;
        }
        Ok(false)
    }

    /// Reaps while a zombie is kept: waitid(2) is asked of each child in turn.
    fn reap_one_by_one(&mut self, reports: &mut Vec<Report>) -> io::Result<()> {
        // If /proc cannot be read, adopted orphans are reaped another time.
        let adopted = own_children().unwrap_or_default();
        let known: Vec<Pid> = self.children.keys().copied().filter(|pid| !adopted.contains(pid)).collect();
        for pid in adopted.into_iter().chain(known) {
            if !self.is_kept_zombie(pid)
                && let Some(waited) = none_if_childless(wait_pid(pid, WaitMode::Peek))?
            {
                self.ended(&waited, reports)?;
            }
        }
        Ok(())
    }

    /// Whether it is a zombie that is kept on purpose, and whose end was reported.
    fn is_kept_zombie(&self, pid: Pid) -> bool {
        self.children.get(&pid).is_some_and(|child| child.status.is_some())
    }

    fn ended(&mut self, waited: &WaitedChild, reports: &mut Vec<Report>) -> io::Result<()> {
        let WaitedChild { pid, change: ChildChange::Ended(status), usage } = *waited else { return Ok(()) };
        if let Some(child) = self.children.get_mut(&pid).filter(|child| child.reaping == Reaping::WhenAsked) {
            child.status = Some(status);
            reports.push(Report::Exited { pid, status, is_reaped: false, usage });
            return Ok(());
        }
        none_if_childless(wait_pid(pid, WaitMode::Reap))?;
        self.children.remove(&pid);
        reports.push(Report::Exited { pid, status, is_reaped: true, usage });
        Ok(())
    }

    /// Reaps a zombie that was kept. A living child is reaped as soon as it ends.
    pub(super) fn stop_keeping(&mut self, pid: Pid, reports: &mut Vec<Report>) -> io::Result<()> {
        let Some(child) = self.children.get_mut(&pid) else { return Ok(()) };
        child.reaping = Reaping::AtOnce;
        if child.status.is_some() {
            none_if_childless(wait_pidfd(&child.pidfd, WaitMode::Reap))?;
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
        self.with_reserve(|table| table.signal_descendant(pid, signals, scope))
    }

    fn signal_descendant(&self, pid: Pid, signals: &[Signal], scope: Scope) -> Result<u32, Refusal> {
        let look = |root| descendants(root).map_err(|error| Refusal::NoProc(error.to_string()));
        let all = look(self.own)?;
        let target = *all.iter().find(|found| found.pid == pid).ok_or(Refusal::NotOurs)?;
        match scope {
            Scope::Process => send(&[target], signals),
            Scope::Group => {
                if sys::process_group(None).is_ok_and(|ours| target.pgid.number() == ours) {
                    return Err(Refusal::OurOwnGroup);
                }
                // Through one member the kernel (6.9) reaches the whole group at once, new members as well.
                if target.signal(signals, SignalScope::Group).is_ok_and(|sent| sent) {
                    return Ok(all.iter().filter(|found| found.pgid == target.pgid).count() as u32);
                }
                let members: Vec<Descendant> = all.into_iter().filter(|found| found.pgid == target.pgid).collect();
                send(&members, signals)
            }
            Scope::Tree => {
                let mut tree = vec![target];
                tree.extend(look(pid)?);
                send(&tree, signals)
            }
        }
    }

    /// Sends signals to the living processes of a run: its children, its orphans, and all below them. Returns these processes. SIGKILL is
    /// sent until none is left or the time for it is up.
    pub(super) fn signal_run(
        &mut self,
        run: RunId,
        signals: &[Signal],
        orphans: UnmarkedOrphans<'_>,
        reports: &mut Vec<Report>,
    ) -> io::Result<Vec<Pid>> {
        let belongs = |table: &Self, found: &Descendant| match table.children.get(&found.pid) {
            Some(child) => child.run == run,
            None => found.has_mark_of(run).unwrap_or_else(|| orphans.is_only_run || orphans.seen.contains(&found.pid)),
        };
        self.with_reserve(|table| {
            if signals.contains(&Signal::KILL) {
                return table.kill_members(belongs, reports);
            }
            let members = table.living_members(belongs, reports)?;
            for found in &members {
                // A process that may not be signalled shows up in the next count.
                let _ = found.signal(signals, SignalScope::Process);
            }
            Ok(members.iter().map(|found| found.pid).collect())
        })
    }

    /// All descendants that are alive.
    pub(super) fn all_living(&mut self, reports: &mut Vec<Report>) -> io::Result<Vec<Pid>> {
        let living = self.with_reserve(|table| table.living_members(|_, _| true, reports))?;
        Ok(living.iter().map(|found| found.pid).collect())
    }

    /// The living among those of our children that `belongs` accepts, and among all below them. An empty list is certain: every living
    /// descendant has an ancestor among our children, and each of these was found to belong to others, or was reaped.
    fn living_members(
        &mut self,
        belongs: impl Fn(&Self, &Descendant) -> bool,
        reports: &mut Vec<Report>,
    ) -> io::Result<Vec<Descendant>> {
        for _ in 0..MOST_LOOKS {
            self.reap_ended_with_reserve(reports)?;
            // Our own children first: if one ends from now on, its children come to us, perhaps too late for the look at all of /proc.
            let before: HashSet<Pid> = own_children()?.into_iter().collect();
            let mut all = descendants(self.own)?;
            // Other users' processes may be hidden (hidepid in proc(5)); our own children never are.
            let seen: HashSet<Pid> = all.iter().map(|found| found.pid).collect();
            all.extend(before.difference(&seen).copied().filter_map(Descendant::child));
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

    /// Kills the living processes that `belongs` accepts, for one turn. Returns those that are left.
    fn kill_members(&mut self, belongs: impl Fn(&Self, &Descendant) -> bool, reports: &mut Vec<Report>) -> io::Result<Vec<Pid>> {
        let begun = Instant::now();
        let mut rounds = KillRounds::default();
        loop {
            let mut news = Vec::new();
            let living = self.living_members(&belongs, &mut news);
            // Stops of our own are not reported.
            news.retain(|report| !matches!(report, Report::Stopped { pid, .. } if rounds.has_stopped(*pid)));
            reports.append(&mut news);
            let living = living?;
            let is_late = begun.elapsed() >= KILL_TURN;
            rounds.stop_or_kill(&living, is_late);
            if living.is_empty() || is_late || rounds.is_stuck() {
                return Ok(living.iter().map(|found| found.pid).collect());
            }
        }
    }

    /// Without /proc: kills the children that were launched, and reaps those that have ended.
    fn kill_launched(&self) {
        for child in self.children.values() {
            let _ = child.pidfd.signal(Signal::KILL, SignalScope::Process);
        }
        while let Ok(Some(waited)) = wait_any_ended() {
            drop(wait_pid(waited.pid, WaitMode::Reap));
        }
    }

    /// Kills all descendants and reaps until the kernel says that none is left, however long that takes. Meanwhile `heartbeat` is called
    /// at least ten times a second.
    pub(super) fn kill_everything(&mut self, heartbeat: impl Fn()) {
        self.kill_leftovers(None, None, heartbeat);
    }

    /// The same, but one child and all below it are spared, and it takes no longer than `patience`: the app must not hang because the
    /// kernel or another user keeps a process alive.
    pub(super) fn kill_leftovers(&mut self, spared: Option<Pid>, patience: Option<Duration>, heartbeat: impl Fn()) {
        self.reserve.release();
        let begun = Instant::now();
        let mut rounds = KillRounds::default();
        loop {
            heartbeat();
            rounds.stop_own_children(spared);
            let doomed = self.descendants_except(spared);
            let is_done = match (&doomed, spared) {
                (Ok(doomed), Some(_)) => doomed.is_empty(),
                (Err(_), Some(_)) => false,
                // A child that was forked while /proc was read may be missing there, so waitid(2) decides. A zombie that its tracer keeps
                // from us is no reason to stay, so quiet rounds decide as well.
                (_, None) => {
                    rounds.has_been_quiet() || wait_any_ended().is_err_and(|error| error.raw_os_error() == Some(libc::ECHILD))
                }
            };
            if is_done {
                return;
            }
            let is_late = patience.is_some_and(|patience| begun.elapsed() >= patience);
            if let Ok(doomed) = doomed {
                for zombie in doomed.iter().filter(|found| found.is_zombie) {
                    // Fails if we are not its parent. When its parent has ended, it comes to us.
                    drop(wait_pid(zombie.pid, WaitMode::Reap));
                }
                let living: Vec<Descendant> = doomed.into_iter().filter(|found| !found.is_zombie).collect();
                rounds.stop_or_kill(&living, is_late);
            } else {
                self.kill_launched();
                std::thread::sleep(Duration::from_millis(1));
            }
            if is_late {
                return;
            }
        }
    }

    /// All descendants except one child and all below it.
    fn descendants_except(&self, spared: Option<Pid>) -> io::Result<Vec<Descendant>> {
        let kept: Vec<Pid> = match spared {
            // In a foreign /proc the processes below it are not seen, so they are spared as well.
            Some(pid) if foreign_proc().is_some() => vec![pid],
            Some(pid) => descendants(pid)?.iter().map(|found| found.pid).chain([pid]).collect(),
            None => Vec::new(),
        };
        Ok(descendants(self.own)?.into_iter().filter(|found| !kept.contains(&found.pid)).collect())
    }
}

/// Which orphans without any run's mark belong to a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnmarkedOrphans<'a> {
    /// No other run is alive: then all of them do.
    pub(super) is_only_run: bool,
    /// Those that were once seen below the run's processes.
    pub(super) seen: &'a [Pid],
}

fn send(targets: &[Descendant], signals: &[Signal]) -> Result<u32, Refusal> {
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
