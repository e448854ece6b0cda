//! The processes of a run, as the supervisor and the samples show them. A body's words do not count here. Pure; on the engine's thread.

use std::collections::HashMap;

use crate::engine::run::pipes::Pipe;
use crate::engine::run::waiting::Child;
use crate::model::{ExitStatus, Pid, ProcessState};

/// Processes whose stage is remembered.
const MOST_OWNED: usize = 16_384;
/// So many samples must miss a process before it has ended: it may be about to be adopted.
const MOST_MISSING: u32 = 2;

#[derive(Debug)]
pub(crate) struct RunProcesses {
    supervisor: Pid,
    /// The supervisor's children that belong to the run.
    stages: Vec<Child>,
    /// The stages of the other runs that go on.
    others: Vec<Pid>,
    /// The stage from which each sampled process descends.
    owners: HashMap<Pid, Pid>,
    /// The last sample of each process.
    seen: HashMap<Pid, Seen>,
}

/// The last sample of a process.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) ppid: Pid,
    pub(crate) state: ProcessState,
    missing: u32,
}

impl RunProcesses {
    pub(crate) fn new(supervisor: Pid) -> Self {
        let (stages, others, owners, seen) = (Vec::new(), Vec::new(), HashMap::new(), HashMap::new());
        Self { supervisor, stages, others, owners, seen }
    }

    /// The supervisor that started it.
    pub(crate) const fn supervisor(&self) -> Pid {
        self.supervisor
    }

    /// The supervisor has started this child for the run.
    pub(crate) fn add_stage(&mut self, pid: Pid) {
        self.stages.push(Child { pid, status: None, is_reaped: false });
        self.owners.insert(pid, pid);
    }

    /// These processes are stages of other runs.
    pub(crate) fn set_others(&mut self, pids: Vec<Pid>) {
        self.others = pids;
    }

    pub(crate) fn stages(&self) -> &[Child] {
        &self.stages
    }

    pub(crate) fn is_stage(&self, pid: Pid) -> bool {
        self.stages.iter().any(|stage| stage.pid == pid)
    }

    /// Whether it is a stage of any run.
    pub(crate) fn is_any_stage(&self, pid: Pid) -> bool {
        self.is_stage(pid) || self.others.contains(&pid)
    }

    /// Whether the supervisor or a sample knows it. A stage that was waited on does not count: another process may have its number.
    pub(crate) fn has_seen(&self, pid: Pid) -> bool {
        self.is_living_stage(pid) || self.seen.contains_key(&pid)
    }

    fn is_living_stage(&self, pid: Pid) -> bool {
        self.stages.iter().any(|stage| stage.pid == pid && !stage.is_reaped)
    }

    /// The stage from which a process descends, as samples have shown.
    pub(crate) fn owner(&self, pid: Pid) -> Option<Pid> {
        self.owners.get(&pid).copied()
    }

    /// Processes that the supervisor has adopted.
    pub(crate) fn orphans(&self) -> Vec<Pid> {
        let adopted = self.seen.iter().filter(|(pid, seen)| seen.ppid == self.supervisor && !self.is_stage(**pid));
        adopted.map(|(pid, _)| *pid).collect()
    }

    /// The pipes between the stages, first to last.
    pub(crate) fn pipes(&self) -> Vec<Pipe> {
        self.stages.windows(2).map(|pair| (pair[0].pid, pair[1].pid)).collect()
    }

    /// A process has ended. Whether it was a stage whose end was not known.
    pub(crate) fn exited(&mut self, pid: Pid, status: ExitStatus) -> bool {
        let stage = self.stages.iter_mut().find(|stage| stage.pid == pid && stage.status.is_none());
        stage.is_some_and(|stage| {
            stage.status = Some(status);
            true
        })
    }

    /// A process was waited on. Whether it was a stage that nobody had waited on.
    pub(crate) fn reaped(&mut self, pid: Pid) -> bool {
        self.seen.remove(&pid);
        let stage = self.stages.iter_mut().find(|stage| stage.pid == pid && !stage.is_reaped);
        stage.is_some_and(|stage| {
            stage.is_reaped = true;
            true
        })
    }

    /// Takes in a sample of one process. Returns the sample before.
    pub(crate) fn sampled(&mut self, pid: Pid, ppid: Pid, state: ProcessState) -> Option<Seen> {
        if !self.is_living_stage(pid) {
            self.note_owner(pid, ppid);
        }
        self.seen.insert(pid, Seen { ppid, state, missing: 0 })
    }

    /// An adopted process stays its stage's, unless a new process has its number.
    fn note_owner(&mut self, pid: Pid, ppid: Pid) {
        let was_seen = self.seen.contains_key(&pid);
        let owner = self.owner(ppid).or_else(|| self.owner(pid).filter(|_| was_seen));
        if self.owners.len() >= MOST_OWNED {
            // The next sample brings those back that live.
            self.owners.retain(|pid, owner| pid == owner);
        }
        match owner {
            Some(owner) => self.owners.insert(pid, owner),
            None => self.owners.remove(&pid),
        };
    }

    /// All processes of a sample were taken in; `is_there` is true for these. Returns processes that have ended without a report: they
    /// were missing twice, and the supervisor, which reports its own and its adopted children, is not their parent.
    pub(crate) fn take_missing(&mut self, is_there: impl Fn(Pid) -> bool) -> Vec<Pid> {
        let supervisor = self.supervisor;
        let gone = self.seen.extract_if(|pid, seen| {
            seen.missing += u32::from(!is_there(*pid));
            !is_there(*pid) && seen.missing >= MOST_MISSING && seen.ppid != supervisor
        });
        gone.map(|(pid, _)| pid).collect()
    }

    /// No process is looked for any more.
    pub(crate) fn forget_seen(&mut self) {
        self.seen.clear();
    }

    /// The run is over.
    pub(crate) fn forget_stages(&mut self) {
        self.stages.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUPERVISOR: i32 = 1;

    /// One stage, process 10.
    fn processes() -> RunProcesses {
        let mut processes = RunProcesses::new(Pid::new(SUPERVISOR));
        processes.add_stage(Pid::new(10));
        processes
    }

    fn sample(processes: &mut RunProcesses, pid: i32, ppid: i32) {
        processes.sampled(Pid::new(pid), Pid::new(ppid), ProcessState::Sleeping);
    }

    #[test]
    fn a_process_that_is_missing_twice_has_ended_unless_the_supervisor_reports_it() {
        let mut processes = processes();
        for (pid, ppid) in [(11, 10), (12, SUPERVISOR), (13, 10)] {
            sample(&mut processes, pid, ppid);
        }
        let is_there = |pid: Pid| pid == Pid::new(13);
        assert!(processes.take_missing(is_there).is_empty(), "once");
        assert_eq!(processes.take_missing(is_there), [Pid::new(11)]);
        assert!(processes.has_seen(Pid::new(12)) && processes.has_seen(Pid::new(13)) && !processes.has_seen(Pid::new(11)));
        assert_eq!(processes.orphans(), [Pid::new(12)]);
    }

    #[test]
    fn an_adopted_process_stays_its_stages_and_a_new_one_with_its_number_is_nobodys() {
        let mut processes = processes();
        sample(&mut processes, 11, 10);
        sample(&mut processes, 11, SUPERVISOR);
        assert_eq!(processes.owner(Pid::new(11)), Some(Pid::new(10)), "adopted");
        processes.reaped(Pid::new(11));
        sample(&mut processes, 11, SUPERVISOR);
        assert_eq!(processes.owner(Pid::new(11)), None, "another process has its number");
    }
}
