//! The runs of an engine: those that go on, and the finished ones that are still shown. On the engine's thread.

use std::ops::{Index, IndexMut};

use crate::engine::run::live_run::Run;
use crate::engine::run::subscription::Subscription;
use crate::model::{EventKind, Monotonic, Pid, ProcessSample, RunId};

/// Finished runs that stay on the screen.
const MOST_FINISHED: usize = 8;

/// All runs, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RunList {
    runs: Vec<Run>,
    launches: u32,
}

impl RunList {
    /// The number of the next run.
    pub(crate) fn next_id(&mut self) -> RunId {
        self.launches += 1;
        RunId::new(self.launches)
    }

    pub(crate) fn push(&mut self, run: Run) {
        self.runs.push(run);
    }

    /// Forgets a run, if it is over.
    pub(crate) fn forget(&mut self, id: RunId) {
        self.runs.retain(|run| run.id != id || !run.lifecycle.is_over());
    }

    /// Forgets the oldest finished runs where there are too many of them.
    pub(crate) fn forget_oldest(&mut self) {
        let finished = self.runs.iter().filter(|run| run.lifecycle.is_over()).count();
        let mut excess = finished.saturating_sub(MOST_FINISHED);
        self.runs.retain(|run| {
            let goes = excess > 0 && run.lifecycle.is_over();
            excess -= usize::from(goes);
            !goes
        });
    }

    pub(crate) const fn len(&self) -> usize {
        self.runs.len()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Run> {
        self.runs.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Run> {
        self.runs.iter_mut()
    }

    /// The runs that go on.
    pub(crate) fn active(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter().filter(|run| !run.lifecycle.is_over())
    }

    pub(crate) fn active_mut(&mut self) -> impl Iterator<Item = &mut Run> {
        self.runs.iter_mut().filter(|run| !run.lifecycle.is_over())
    }

    /// Whether any run goes on.
    pub(crate) fn is_active(&self) -> bool {
        self.active().next().is_some()
    }

    pub(crate) fn find(&self, id: RunId) -> Option<usize> {
        self.runs.iter().position(|run| run.id == id)
    }

    /// The same, if the run goes on.
    pub(crate) fn find_active(&self, id: RunId) -> Option<usize> {
        self.find(id).filter(|index| !self.runs[*index].lifecycle.is_over())
    }

    /// The run that goes on and has this process.
    pub(crate) fn find_by_pid(&self, pid: Pid) -> Option<usize> {
        self.find_seen(pid).or_else(|| self.newest(|run| run.has_living(pid)))
    }

    /// The run that a sampled process belongs to; `mark` is the run whose mark it carries. A new process belongs to the run of its
    /// mark, else to its parent's run, whatever a body has said of it; an orphan without a mark that was never seen before, to the
    /// newest run.
    pub(crate) fn find_home(&self, process: &ProcessSample, mark: Option<RunId>) -> Option<usize> {
        let of_kin = || self.find_by_pid(process.ppid).or_else(|| self.newest(|_| true));
        let home = self.find_seen(process.pid).or_else(|| mark.map_or_else(of_kin, |marked| self.find(marked)));
        // Processes that a finished run has left belong to no other run.
        home.filter(|index| !self.runs[*index].lifecycle.is_over())
    }

    /// The run of a process that the supervisor or a sample has told of: a body can name any process.
    fn find_seen(&self, pid: Pid) -> Option<usize> {
        self.newest(|run| run.processes.has_seen(pid))
    }

    fn newest(&self, is_it: impl Fn(&Run) -> bool) -> Option<usize> {
        self.runs.iter().rposition(|run| !run.lifecycle.is_over() && is_it(run))
    }

    /// Whether another run that goes on has the same GPIO lines as this one: that of the same scenario.
    pub(crate) fn shares_lines(&self, index: usize) -> bool {
        let owner = self.runs[index].owner();
        let mut others = self.runs.iter().enumerate().filter(|(other, run)| *other != index && !run.lifecycle.is_over());
        others.any(|(_, run)| run.owner() == owner)
    }

    /// Lets each run know which processes are the supervisor's children of another run.
    pub(crate) fn share_stages(&mut self) {
        let stages: Vec<(RunId, Vec<Pid>)> = self.active().map(|run| (run.id, run.stage_pids())).collect();
        for run in &mut self.runs {
            let others = stages.iter().filter(|(id, _)| *id != run.id).flat_map(|(_, pids)| pids);
            run.processes.set_others(others.copied().collect());
        }
    }

    /// Adds the same event to each run that goes on.
    pub(crate) fn emit(&mut self, kind: &EventKind, now: Monotonic, subscription: &mut Subscription) {
        for run in self.active_mut() {
            run.emit(kind.clone(), now, subscription);
        }
    }
}

impl Index<usize> for RunList {
    type Output = Run;

    fn index(&self, index: usize) -> &Run {
        &self.runs[index]
    }
}

impl IndexMut<usize> for RunList {
    fn index_mut(&mut self, index: usize) -> &mut Run {
        &mut self.runs[index]
    }
}
