//! To which run the processes that a sample shows belong. On the engine's thread.

use std::collections::HashSet;
use std::time::Duration;

use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::drive::sampler::Sample;
use crate::model::{EventKind, Pid};

/// How long a reaped PID is remembered: longer than a sample takes to arrive.
const REMEMBERED: Duration = Duration::from_secs(5);

impl EngineLoop {
    /// Hands a sample to the runs: the machine's load to all, each process to the run that it belongs to.
    pub(crate) fn sampled(&mut self, sample: Sample) {
        let now = sample.at;
        if let Some((machine, own_cpu)) = sample.machine {
            for run in self.runs.iter_mut().filter(|run| !run.lifecycle.is_over()) {
                run.emit(EventKind::Machine(Box::new(machine.clone())), now, &mut self.subscription);
            }
            self.machine.push(now, machine, own_cpu);
        }
        for run in self.runs.iter_mut().filter(|run| !run.lifecycle.is_over()) {
            run.pipes_seen(&sample.pipes, now, &mut self.subscription);
        }
        let Some(mut processes) = sample.processes else { return };
        // A listener that is behind would get them in one heap; the next sample says the same.
        if self.subscription.is_behind() {
            return;
        }
        let supervisor = self.client.pid();
        // What was reaped after the sample was taken is no newcomer.
        processes.retain(|process| self.reaped.get(&process.pid).is_none_or(|at| *at < now));
        self.reaped.retain(|_, at| *at + REMEMBERED > now);
        let pids: Vec<Pid> = processes.iter().map(|process| process.pid).collect();
        // A child of the supervisor's that nobody knows, and what is below it, may belong to a launch whose report has not been heard.
        let mut strangers = HashSet::new();
        for process in &processes {
            let is_adrift = process.ppid == supervisor || strangers.contains(&process.ppid);
            if is_adrift && self.find_by_pid(process.pid).is_none() {
                strangers.insert(process.pid);
            }
        }
        let is_launching = self.runs.iter().any(|run| !run.lifecycle.is_over() && run.stage_count() == 0);
        let before = std::mem::replace(&mut self.strangers, strangers);
        processes.retain(|process| !self.strangers.contains(&process.pid) || (!is_launching && before.contains(&process.pid)));
        for process in processes {
            // A newcomer belongs to the run whose mark it carries, else to its parent's, whatever a body has said of it; an orphan without
            // a mark that nobody saw before, to the newest.
            let of_kin = || {
                let newest = || self.runs.iter().rposition(|run| !run.lifecycle.is_over());
                self.find_by_pid(process.ppid).or_else(newest)
            };
            let of_mark = || sample.marks.get(&process.pid).map_or_else(of_kin, |marked| self.find(*marked));
            let run = self.find_seen(process.pid).or_else(of_mark);
            // What a run has left when it was over belongs to no other.
            if let Some(index) = run.filter(|index| !self.runs[*index].lifecycle.is_over()) {
                let command = sample.commands.get(&process.pid);
                self.runs[index].sampled(process, command, now, &mut self.subscription);
            }
        }
        for run in self.runs.iter_mut().filter(|run| !run.lifecycle.is_over()) {
            run.sampling_done(|pid| pids.contains(&pid), supervisor, now, &mut self.subscription);
        }
    }
}
