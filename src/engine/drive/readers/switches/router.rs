//! Finds the run of each switch record. Pure; on the engine's thread.
//!
//! A process belongs to the run of the process that has made it. Only of the supervisor's own children a report has to say the run, which may
//! come before their records or after them; so long their records and those of what they start are held. A PID that is used again is
//! another process from the record of its birth on.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::batch::SwitchBatch;
use crate::model::{Monotonic, Pid, RunId, Scheduled, SchedulerRecord};

/// How long a child of the supervisor and the report of its launch wait for each other. A supervisor that owes an answer for half this
/// time counts as lost.
const REPORTED_WITHIN: Duration = Duration::from_secs(10);
/// Records that are held at most.
const MOST_HELD: usize = 65_536;
/// How long the engine may still take a process that has ended for the one that it was: longer than two samples take to miss it.
const SETTLED: Duration = Duration::from_secs(1);

/// Where the records of a process go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    Run(RunId),
    /// To the run that a report will name.
    Family(u64),
    /// Nowhere, until the engine knows it. Its parent was not known.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
struct Process {
    home: Home,
    /// When it began, or was first heard of.
    since: Monotonic,
    /// Its living threads; `None` where its birth was not seen.
    threads: Option<u32>,
}

/// A child of the supervisor whose run is not known yet, and all that it starts.
#[derive(Debug)]
struct Family {
    number: u64,
    first: Pid,
    began: Monotonic,
}

/// A child of the supervisor whose run is known, and whose birth is not.
#[derive(Debug)]
struct Launched {
    pid: Pid,
    run: RunId,
    at: Monotonic,
}

/// Whose a process is, learnt from the records and the reports of one supervisor.
#[derive(Debug)]
pub(crate) struct Router {
    supervisor: Pid,
    processes: HashMap<Pid, Process>,
    /// Oldest first.
    families: VecDeque<Family>,
    next_family: u64,
    /// Oldest first.
    launched: VecDeque<Launched>,
    /// Records of families, and of what was lost meanwhile, in the order of time.
    held: Vec<(Option<u64>, SchedulerRecord)>,
    /// Families whose runs are known now; their records are still held.
    found: HashMap<u64, RunId>,
}

impl Router {
    pub(crate) fn new(supervisor: Pid) -> Self {
        Self {
            supervisor,
            processes: HashMap::new(),
            families: VecDeque::new(),
            next_family: 0,
            launched: VecDeque::new(),
            held: Vec::new(),
            found: HashMap::new(),
        }
    }

    /// The supervisor has reported that it started these processes for a run.
    pub(crate) fn launched(&mut self, run: RunId, pids: impl IntoIterator<Item = Pid>, at: Monotonic) {
        for pid in pids {
            // Reports come in the order of the launches: the first of two processes with one number is reported first.
            match self.families.iter().position(|family| family.first == pid && family.began <= at) {
                Some(index) => {
                    let number = self.families.remove(index).map_or(0, |family| family.number);
                    for process in self.processes.values_mut().filter(|process| process.home == Home::Family(number)) {
                        process.home = Home::Run(run);
                    }
                    self.found.insert(number, run);
                }
                None => self.launched.push_back(Launched { pid, run, at }),
            }
        }
    }

    /// The records of each run that has begun, which may be none, in the order of time. `find` gives the run of a process as far as the
    /// supervisor and samples have told of it.
    pub(crate) fn route(
        &mut self,
        batch: SwitchBatch,
        begun: &[RunId],
        find: impl Fn(Pid) -> Option<RunId>,
    ) -> Vec<(RunId, Vec<SchedulerRecord>)> {
        let mut routed: Vec<(RunId, Vec<SchedulerRecord>)> = begun.iter().map(|run| (*run, Vec::new())).collect();
        self.release(&mut routed);
        let mut has_lost = false;
        for record in batch.records {
            if matches!(record.what, Scheduled::Lost { .. }) {
                if !std::mem::replace(&mut has_lost, true) {
                    self.doubt(record.t, &find);
                }
                for (_, records) in &mut routed {
                    records.push(record.clone());
                }
                if !self.families.is_empty() {
                    self.held.push((None, record));
                }
                continue;
            }
            match self.home_of(&record, &find) {
                Home::Run(run) => {
                    if let Some((_, records)) = routed.iter_mut().find(|(id, _)| *id == run) {
                        records.push(record);
                    }
                }
                Home::Family(number) => self.held.push((Some(number), record)),
                Home::Unknown => {}
            }
        }
        self.expire(batch.until);
        routed
    }

    /// Hands the records of families whose runs are known now to these. A run gets nothing before that, so they are its first ones.
    fn release(&mut self, routed: &mut [(RunId, Vec<SchedulerRecord>)]) {
        if self.found.is_empty() {
            return;
        }
        let found = std::mem::take(&mut self.found);
        let mut kept = Vec::new();
        for (number, record) in std::mem::take(&mut self.held) {
            match number.map(|number| found.get(&number)) {
                Some(Some(run)) => {
                    if let Some((_, records)) = routed.iter_mut().find(|(id, _)| id == run) {
                        records.push(record);
                    }
                }
                Some(None) => kept.push((number, record)),
                // What was lost concerns each of them from its first record on.
                None => {
                    let begun =
                        routed.iter_mut().filter(|(run, records)| found.values().any(|id| id == run) && !records.is_empty());
                    begun.for_each(|(_, records)| records.push(record.clone()));
                    kept.push((number, record));
                }
            }
        }
        self.held = kept;
    }

    /// Takes in what a record says of its process. Returns where it goes.
    fn home_of(&mut self, record: &SchedulerRecord, find: &impl Fn(Pid) -> Option<RunId>) -> Home {
        let (pid, t) = (record.pid, record.t);
        match record.what {
            Scheduled::Began { parent, .. } if parent != pid => {
                let home = if parent == self.supervisor { self.home_of_child(pid, t) } else { self.known(parent, t, find).home };
                self.processes.insert(pid, Process { home, since: t, threads: Some(1) });
                home
            }
            Scheduled::Began { .. } => {
                let process = self.known(pid, t, find);
                process.threads = process.threads.map(|threads| threads + 1);
                process.home
            }
            Scheduled::Ended => {
                let process = self.known(pid, t, find);
                let home = process.home;
                process.threads = process.threads.map(|threads| threads.saturating_sub(1));
                if process.threads == Some(0) {
                    self.processes.remove(&pid);
                }
                home
            }
            // It was read a moment later: the process may have ended meanwhile.
            Scheduled::Counted { .. } => self.processes.get(&pid).map_or(Home::Unknown, |process| process.home),
            _ => self.known(pid, t, find).home,
        }
    }

    /// A process; if its birth was not seen, as the engine knows it.
    fn known(&mut self, pid: Pid, t: Monotonic, find: &impl Fn(Pid) -> Option<RunId>) -> &mut Process {
        let ask = || find(pid).map_or(Home::Unknown, Home::Run);
        let process = self.processes.entry(pid).or_insert_with(|| Process { home: ask(), since: t, threads: None });
        if process.home == Home::Unknown && t >= process.since + SETTLED {
            (process.home, process.since) = (ask(), t);
        }
        process
    }

    /// The supervisor has started a child.
    fn home_of_child(&mut self, pid: Pid, t: Monotonic) -> Home {
        // A report from before its birth is about another process that had its number.
        if let Some(index) = self.launched.iter().position(|launched| launched.pid == pid && launched.at >= t)
            && let Some(launched) = self.launched.remove(index)
        {
            return Home::Run(launched.run);
        }
        self.next_family += 1;
        self.families.push_back(Family { number: self.next_family, first: pid, began: t });
        Home::Family(self.next_family)
    }

    /// Records were lost, births and ends perhaps among them: believes only what the engine knows, too, and what is quite new.
    fn doubt(&mut self, t: Monotonic, find: &impl Fn(Pid) -> Option<RunId>) {
        self.processes.retain(|pid, process| {
            process.threads = None;
            match process.home {
                Home::Run(run) => process.since + SETTLED > t || find(*pid) == Some(run),
                Home::Family(_) => true,
                Home::Unknown => false,
            }
        });
    }

    /// Gives up on children that nobody reports, such as helpers of the supervisor's, and on reports of children that nobody has seen.
    fn expire(&mut self, now: Monotonic) {
        self.launched.retain(|launched| launched.at + REPORTED_WITHIN > now);
        while let Some(family) = self.families.front()
            && (family.began + REPORTED_WITHIN <= now || self.held.len() > MOST_HELD)
        {
            let home = Home::Family(family.number);
            self.held.retain(|(of, _)| of.is_none_or(|number| Home::Family(number) != home));
            self.processes.retain(|_, process| process.home != home);
            self.families.pop_front();
        }
        if self.families.is_empty() && self.found.is_empty() {
            self.held.clear();
        }
    }
}

#[cfg(test)]
mod tests;
