//! The shares of time of a run's threads, where the kernel gives no switch records: sums since the last time, from schedstat. Pure; on
//! the engine's thread.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::model::{EventKind, Monotonic, Pid, TaskCpu, Tid};
use crate::monitor::ThreadTimes;
use crate::sys::{SchedStat, counts_turns};

/// What a thread has done up to a time, since it began.
#[derive(Debug, Clone, Copy)]
struct Past {
    times: SchedStat,
    blocked: Duration,
}

const NOTHING: Past =
    Past { times: SchedStat { ran: Duration::ZERO, waited: Duration::ZERO, turns: 0 }, blocked: Duration::ZERO };

/// Where the times of a run's threads come from.
#[derive(Debug)]
pub(crate) enum CpuSource {
    /// From switch records, which the fold takes in.
    Records,
    /// From schedstat.
    Schedstat(Shares),
    /// There are neither.
    Nothing,
}

impl CpuSource {
    /// For a run that begins now, without switch records.
    pub(crate) fn without_records(now: Monotonic) -> Self {
        if counts_turns() { Self::Schedstat(Shares::new(now)) } else { Self::Nothing }
    }

    /// Whether there are switch records of it.
    pub(crate) const fn has_records(&self) -> bool {
        matches!(self, Self::Records)
    }

    /// Whether schedstat is to be read for it.
    pub(crate) const fn has_shares(&self) -> bool {
        matches!(self, Self::Schedstat(_))
    }

    /// Takes in the times of all its threads. Returns the sums to tell.
    pub(crate) fn look(&mut self, threads: Vec<(Pid, ThreadTimes)>, at: Monotonic) -> Vec<EventKind> {
        if let Self::Schedstat(shares) = self { events(shares.look(threads, at)) } else { Vec::new() }
    }

    /// The run is over. Returns the last sums.
    pub(crate) fn end(&mut self) -> Vec<EventKind> {
        if let Self::Schedstat(shares) = self { events(shares.end()) } else { Vec::new() }
    }
}

fn events(sums: Vec<TaskCpu>) -> Vec<EventKind> {
    sums.into_iter().map(|sums| EventKind::TaskCpu(Box::new(sums))).collect()
}

/// The threads that have been seen and have not ended.
#[derive(Debug)]
pub(crate) struct Shares {
    threads: HashMap<(Pid, Tid), Thread>,
    looked_at: Monotonic,
}

#[derive(Debug)]
struct Thread {
    name: String,
    /// When it was not there yet.
    since: Monotonic,
    seen: Past,
    told: Past,
    /// Since it was told last, and in all.
    cores: [BTreeSet<u16>; 2],
}

impl Shares {
    /// For a run that begins now.
    fn new(now: Monotonic) -> Self {
        Self { threads: HashMap::new(), looked_at: now }
    }

    /// Takes in the times of all its threads. Returns the sums of those whose times have changed, and the last ones of those that have
    /// gone.
    fn look(&mut self, seen: impl IntoIterator<Item = (Pid, ThreadTimes)>, at: Monotonic) -> Vec<TaskCpu> {
        let mut told = Vec::new();
        let mut there = HashSet::new();
        for (pid, thread) in seen {
            let id = (pid, thread.tid);
            there.insert(id);
            // A counter that went back is another thread's with the same number.
            if self.threads.get(&id).is_some_and(|known| known.has_passed(thread.times)) {
                told.extend(self.threads.remove(&id).into_iter().flat_map(|ended| ended.last(id)));
            }
            let since = self.looked_at;
            let known = self.threads.entry(id).or_insert_with(|| Thread::new(since));
            told.extend(known.see(id, thread, at));
        }
        let gone = self.threads.extract_if(|id, _| !there.contains(id));
        told.extend(gone.flat_map(|(id, thread)| thread.last(id)));
        self.looked_at = at;
        told.sort_by_key(|sums| (sums.pid, sums.tid));
        told
    }

    /// The run is over: the last sums of all that are left.
    fn end(&mut self) -> Vec<TaskCpu> {
        self.look([], self.looked_at)
    }
}

impl Thread {
    const fn new(since: Monotonic) -> Self {
        Self { name: String::new(), since, seen: NOTHING, told: NOTHING, cores: [BTreeSet::new(), BTreeSet::new()] }
    }

    /// Whether it had come further than this.
    fn has_passed(&self, times: SchedStat) -> bool {
        self.seen.times.ran > times.ran || self.seen.times.turns > times.turns
    }

    /// Takes in its times. Returns the sums since it was told last, if they have changed.
    fn see(&mut self, id: (Pid, Tid), thread: ThreadTimes, at: Monotonic) -> Option<TaskCpu> {
        let times = thread.times;
        // The kernel counts what runs from tick to tick, so that the rest can seem to shrink for a moment.
        let blocked = at.since(self.since).saturating_sub(times.ran).saturating_sub(times.waited).max(self.seen.blocked);
        (self.name, self.seen) = (thread.name, Past { times, blocked });
        for cores in &mut self.cores {
            cores.insert(thread.core);
        }
        if times == self.told.times {
            return None;
        }
        let sums = sums(id, &self.name, [self.told, self.seen], &self.cores[0], false);
        self.told = self.seen;
        self.cores[0].clear();
        Some(sums)
    }

    /// What it has waited since it was told last, and all of it.
    fn last(&self, id: (Pid, Tid)) -> impl Iterator<Item = TaskCpu> + use<> {
        let has_waited = self.seen.blocked > self.told.blocked;
        let rest = has_waited.then(|| sums(id, &self.name, [self.told, self.seen], &self.cores[0], false));
        rest.into_iter().chain([sums(id, &self.name, [NOTHING, self.seen], &self.cores[1], true)])
    }
}

fn sums((pid, tid): (Pid, Tid), name: &str, [from, to]: [Past; 2], cores: &BTreeSet<u16>, is_final: bool) -> TaskCpu {
    let nanos = |from: Duration, to: Duration| u64::try_from(to.saturating_sub(from).as_nanos()).unwrap_or(u64::MAX);
    TaskCpu {
        pid,
        tid,
        name: name.to_owned(),
        ran_ns: nanos(from.times.ran, to.times.ran),
        ready_ns: nanos(from.times.waited, to.times.waited),
        blocked_ns: nanos(from.blocked, to.blocked),
        switches: to.times.turns.saturating_sub(from.times.turns),
        cores: cores.iter().copied().collect(),
        is_exact: false,
        is_final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
    }

    /// One thread of process 10, by milliseconds.
    fn thread(tid: i32, ran: u64, waited: u64, turns: u64, core: u16) -> (Pid, ThreadTimes) {
        let times = SchedStat { ran: Duration::from_millis(ran), waited: Duration::from_millis(waited), turns };
        (Pid::new(10), ThreadTimes { tid: Tid::new(tid), name: format!("t{tid}"), core, times })
    }

    /// Thread, milliseconds that it ran, was ready and blocked, switches, cores, and whether it is the last one.
    type Told = (i32, [u64; 3], u64, Vec<u16>, bool);

    fn told(sums: &[TaskCpu]) -> Vec<Told> {
        let millis = |nanos: u64| nanos / 1_000_000;
        sums.iter()
            .map(|one| {
                assert!(!one.is_exact && one.name == format!("t{}", one.tid) && one.pid == Pid::new(10));
                let times = [one.ran_ns, one.ready_ns, one.blocked_ns].map(millis);
                (one.tid.number(), times, one.switches, one.cores.clone(), one.is_final)
            })
            .collect()
    }

    #[test]
    fn each_thread_is_told_what_is_new_and_in_the_end_all() {
        let mut shares = Shares::new(at(0));
        let first = shares.look([thread(10, 30, 20, 3, 0), thread(11, 0, 0, 0, 1)], at(100));
        assert_eq!(told(&first), [(10, [30, 20, 50], 3, vec![0], false)], "the other has done nothing yet");
        let second = shares.look([thread(10, 30, 20, 3, 0), thread(11, 60, 0, 1, 1)], at(200));
        assert_eq!(told(&second), [(11, [60, 0, 140], 1, vec![1], false)], "since it began, and one has not changed");
        let third = shares.look([thread(10, 130, 20, 4, 1)], at(400));
        assert_eq!(
            told(&third),
            [(10, [100, 0, 200], 1, vec![0, 1], false), (11, [60, 0, 140], 1, vec![1], true)],
            "since it was told last; and one has gone"
        );
        assert_eq!(told(&shares.end()), [(10, [130, 20, 250], 4, vec![0, 1], true)]);
        assert!(shares.end().is_empty(), "once");
    }

    #[test]
    fn a_number_that_is_used_again_is_another_thread_and_nothing_is_negative() {
        let mut shares = Shares::new(at(0));
        shares.look([thread(10, 90, 9, 9, 0)], at(100));
        let next = shares.look([thread(10, 5, 1, 2, 0)], at(200));
        assert_eq!(told(&next), [(10, [90, 9, 1], 9, vec![0], true), (10, [5, 1, 94], 2, vec![0], false)]);
        let busy = shares.look([thread(10, 205, 1, 2, 0)], at(300));
        assert_eq!(told(&busy), [(10, [200, 0, 0], 0, vec![0], false)], "counted up to a moment later than the clock");
        assert_eq!(told(&shares.end()), [(10, [205, 1, 94], 2, vec![0], true)], "the parts add up");
    }
}
