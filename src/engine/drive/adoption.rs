//! The choice of the sampled processes that may be handed to runs now. Pure; on the engine's thread.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::engine::run::run_list::RunList;
use crate::model::{Monotonic, Pid, ProcessSample};

/// How long a reaped PID is remembered: longer than a sample takes to arrive.
const REMEMBERED: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Adoption {
    /// Times at which processes were reaped, for samples that were taken before.
    reaped: HashMap<Pid, Monotonic>,
    /// Unknown children of the supervisor in the last sample, and their descendants.
    strangers: HashSet<Pid>,
}

impl Adoption {
    /// A process was waited on.
    pub(super) fn reaped(&mut self, pid: Pid, now: Monotonic) {
        self.reaped.insert(pid, now);
    }

    /// Leaves out processes that were reaped after the sample was taken (they are not new), and strangers that a report may still
    /// explain.
    pub(super) fn retain(&mut self, processes: &mut Vec<ProcessSample>, taken_at: Monotonic, supervisor: Pid, runs: &RunList) {
        processes.retain(|process| self.reaped.get(&process.pid).is_none_or(|at| *at < taken_at));
        self.reaped.retain(|_, at| *at + REMEMBERED > taken_at);
        // An unknown child of the supervisor, and its descendants, may belong to a launch whose report is still on its way.
        let mut strangers = HashSet::new();
        for process in processes.iter() {
            let is_adrift = process.ppid == supervisor || strangers.contains(&process.ppid);
            if is_adrift && runs.find_by_pid(process.pid).is_none() {
                strangers.insert(process.pid);
            }
        }
        let is_launching = runs.active().any(|run| run.processes.stages().is_empty());
        processes.retain(|process| !strangers.contains(&process.pid) || (!is_launching && self.strangers.contains(&process.pid)));
        self.strangers = strangers;
    }
}
