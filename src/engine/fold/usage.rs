//! The cost of a run: CPU time and context switches of each process that was waited on, from the kernel; memory from samples; processes
//! and threads as they were seen. Pure; lives on the engine's thread.

use std::collections::{HashMap, HashSet};

use crate::model::{MachineSample, Pid, ProcessSample, RunCost, Tid, Usage};

/// Threads and processes that are told apart; later ones are not counted.
const MAX_SEEN: usize = 100_000;

/// The sums so far.
#[derive(Debug, Default)]
pub(crate) struct ResourceUsage {
    cost: RunCost,
    processes: HashSet<Pid>,
    threads: HashMap<Pid, HashSet<Tid>>,
    /// How many threads that are.
    known_threads: usize,
    resident: HashMap<Pid, u64>,
    machine_samples: u32,
}

impl ResourceUsage {
    /// A process has begun, and with it its first thread.
    pub(crate) fn started(&mut self, pid: Pid) {
        if self.processes.len() < MAX_SEEN && self.processes.insert(pid) {
            self.cost.processes += 1;
        }
        self.thread(pid, Tid::new(pid.number()));
    }

    /// A thread was seen.
    pub(crate) fn thread(&mut self, pid: Pid, tid: Tid) {
        if self.known_threads < MAX_SEEN && self.threads.entry(pid).or_default().insert(tid) {
            self.known_threads += 1;
            self.cost.threads += 1;
        }
    }

    /// Takes in a sample of a process.
    pub(crate) fn sampled(&mut self, sample: &ProcessSample) {
        for thread in &sample.threads {
            self.thread(sample.pid, thread.tid);
        }
        self.resident.insert(sample.pid, sample.rss);
        self.cost.peak_rss = self.cost.peak_rss.max(self.resident.values().sum());
    }

    /// How busy the machine is, where that is known.
    pub(crate) fn machine(&mut self, sample: &MachineSample) {
        if sample.percent.is_empty() {
            return;
        }
        let busy = f64::from(sample.percent.iter().sum::<f32>()) / 100.0;
        self.machine_samples += 1;
        self.cost.machine_cores += (busy - self.cost.machine_cores) / f64::from(self.machine_samples);
    }

    /// A process has ended: its number may be used again.
    pub(crate) fn ended(&mut self, pid: Pid) {
        self.resident.remove(&pid);
        self.processes.remove(&pid);
        self.known_threads -= self.threads.remove(&pid).map_or(0, |threads| threads.len());
    }

    /// A process was waited on, and the kernel has told its usage.
    pub(crate) fn used(&mut self, usage: &Usage) {
        let Usage { user_s, system_s, peak_rss, waits, preemptions } = *usage;
        self.cost.user_s += user_s;
        self.cost.system_s += system_s;
        self.cost.peak_rss = self.cost.peak_rss.max(peak_rss);
        self.cost.waits += waits;
        self.cost.preemptions += preemptions;
    }

    /// The sums.
    pub(crate) const fn cost(&self) -> RunCost {
        self.cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_counted_once_and_a_number_that_is_used_again_once_more() {
        let mut usage = ResourceUsage::default();
        let (pid, tid) = (Pid::new(7), Tid::new(8));
        for _ in 0..3 {
            usage.started(pid);
            usage.thread(pid, tid);
        }
        assert_eq!((usage.cost().processes, usage.cost().threads), (1, 2));
        usage.ended(pid);
        usage.started(pid);
        assert_eq!((usage.cost().processes, usage.cost().threads), (2, 3));
    }

    #[test]
    fn how_busy_the_machine_was_is_an_average() {
        let mut usage = ResourceUsage::default();
        for percent in [vec![100.0, 50.0], vec![], vec![0.0, 50.0]] {
            usage.machine(&MachineSample { percent, ..MachineSample::default() });
        }
        assert!((usage.cost().machine_cores - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_used_adds_up_and_the_peak_does_not() {
        let mut usage = ResourceUsage::default();
        for peak_rss in [100, 300, 200] {
            usage.used(&Usage { user_s: 0.5, system_s: 0.25, peak_rss, waits: 2, preemptions: 1 });
        }
        let cost = usage.cost();
        assert_eq!((cost.cpu_s().to_string().as_str(), cost.peak_rss, cost.switches()), ("2.25", 300, 9));
    }
}
