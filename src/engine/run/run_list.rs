//! The runs of an engine: those that go on, and the finished ones that are still shown. On the engine's thread.

use std::ops::{Index, IndexMut};
use std::time::Duration;

use crate::engine::run::live_run::Run;
use crate::engine::run::subscription::Subscription;
use crate::model::{EventKind, Measured, Monotonic, Pid, RunId};

/// Finished runs that stay on the screen.
const MOST_FINISHED: usize = 8;
/// The interval between two searches of the runs for deadlocks and the like.
const LOOK: Duration = Duration::from_millis(100);

/// All runs, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RunList {
    runs: Vec<Run>,
    launches: u32,
    looked_at: Monotonic,
}

/// How far a run is.
#[derive(Debug)]
pub(crate) enum RunStatus {
    /// It was forgotten.
    Gone,
    GoesOn,
    /// It is over; `None` where it could not be launched.
    Over(Option<Measured>),
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

    /// How far this run is.
    pub(crate) fn status(&self, id: RunId) -> RunStatus {
        let Some(index) = self.find(id) else { return RunStatus::Gone };
        let run = &self.runs[index];
        if !run.lifecycle.is_over() {
            return RunStatus::GoesOn;
        }
        RunStatus::Over(run.fold.measured().filter(|_| !run.fold.stages().is_empty()))
    }

    /// Whether the runs are to be searched for deadlocks and the like now: true once in each interval.
    pub(crate) fn is_time_to_look(&mut self, now: Monotonic) -> bool {
        let is_due = now >= self.looked_at + LOOK;
        if is_due {
            self.looked_at = now;
        }
        is_due
    }

    /// The run that goes on and has this process.
    pub(crate) fn find_by_pid(&self, pid: Pid) -> Option<usize> {
        self.find_seen(pid).or_else(|| self.newest(|run| run.has_living(pid)))
    }

    /// The run that a sampled process belongs to; `mark` is the run whose mark it carries. A new process belongs to the run of its
    /// mark, else to its parent's run, whatever a body has said of it; an orphan without a mark that was never seen before, to the
    /// newest run.
    pub(crate) fn find_home(&self, pid: Pid, ppid: Pid, mark: Option<RunId>) -> Option<usize> {
        let of_kin = || self.find_by_pid(ppid).or_else(|| self.newest(|_| true));
        let home = self.find_seen(pid).or_else(|| mark.map_or_else(of_kin, |marked| self.find(marked)));
        // Processes that a finished run has left belong to no other run.
        home.filter(|index| !self.runs[*index].lifecycle.is_over())
    }

    /// The run of a process that the supervisor or a sample has told of: a body can name any process.
    pub(crate) fn find_seen(&self, pid: Pid) -> Option<usize> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::run::actions::Need;
    use crate::engine::run::launch::Plan;
    use crate::engine::run::lines::USER;
    use crate::engine::run::requests::{ActionRequest, LaunchRequest, What};
    use crate::model::{
        Action, BoardView, By, Language, Line, Outcome, Pgid, PinFunction, PinView, ProcessState, Refusal, Scope, Sent, Sid,
        Signal, StopPlan,
    };
    use crate::scenario::Params;
    use crate::supervisor::LineRequest;

    const SUPERVISOR: Pid = Pid::new(2);

    /// Runs 1, 2 … of programs; of each the first stage is process 10, 20 …
    fn runs(count: u32) -> (RunList, Subscription) {
        let (mut runs, mut subscription) = (RunList::default(), Subscription::new(None));
        for _ in 0..count {
            let (language, params, stages) = (Language::Program, BTreeMap::new(), Vec::new());
            let plan = Plan {
                source: None,
                title: "sleep".to_owned(),
                scenario: None,
                language,
                params,
                checked: Params::defaults(&[]),
                stages,
                input: None,
                is_told: false,
                notices: Vec::new(),
            };
            let what = What::Programs { stages: Vec::new(), input: None };
            let request = LaunchRequest { what, script: Vec::new(), timeout: None, stop: StopPlan::default() };
            let id = runs.next_id();
            let mut run = Run::new(id, plan, &request, SUPERVISOR, Monotonic::ZERO, &mut subscription);
            run.processes.add_stage(Pid::new(id.number() as i32 * 10));
            runs.push(run);
        }
        (runs, subscription)
    }

    fn end(run: &mut Run, subscription: &mut Subscription) {
        run.lifecycle.abandon();
        run.emit(
            EventKind::RunFinished { run: run.id, outcome: Outcome::Passed, elapsed_s: 1.0, processes_left: 0 },
            Monotonic::ZERO,
            subscription,
        );
    }

    #[test]
    fn a_process_belongs_to_the_run_of_its_mark_else_to_its_parents() {
        let (mut runs, mut subscription) = runs(3);
        let home =
            |runs: &RunList, ppid: i32, mark: Option<u32>| runs.find_home(Pid::new(99), Pid::new(ppid), mark.map(RunId::new));
        assert_eq!(home(&runs, 10, None), Some(0), "its parent's");
        assert_eq!(home(&runs, 10, Some(2)), Some(1), "its mark's, whatever its parent is");
        assert_eq!(home(&runs, 2, None), Some(2), "the newest, of an orphan that nobody knows");
        runs[1].processes.sampled(Pid::new(99), Pid::new(20), ProcessState::Sleeping);
        assert_eq!(home(&runs, 10, Some(1)), Some(1), "that of the sample before");
        end(&mut runs[1], &mut subscription);
        assert_eq!(home(&runs, 10, Some(2)), None, "no other run's");
    }

    #[test]
    fn the_oldest_finished_runs_are_forgotten_and_those_that_go_on_stay() {
        let (mut runs, mut subscription) = runs(12);
        for index in 1..12 {
            end(&mut runs[index], &mut subscription);
        }
        runs.forget_oldest();
        let ids: Vec<u32> = runs.iter().map(|run| run.id.number()).collect();
        assert_eq!(ids, [1, 5, 6, 7, 8, 9, 10, 11, 12]);
        runs.forget(RunId::new(1));
        assert_eq!((runs.len(), runs.find_active(RunId::new(1)), runs.find_active(RunId::new(5))), (9, Some(0), None));
    }

    #[test]
    fn an_action_says_what_it_needs_of_others_or_why_it_cannot_be_done() {
        let (mut runs, mut subscription) = runs(1);
        let (run, line) = (&mut runs[0], Line::gpio(17));
        let started = |pid: i32| EventKind::ProcessStarted {
            pid: Pid::new(pid),
            ppid: SUPERVISOR,
            pgid: Pgid::new(pid),
            sid: Sid::new(pid),
            name: "sleep".to_owned(),
            argv: Vec::new(),
        };
        run.emit(started(10), Monotonic::ZERO, &mut subscription);
        let mut board = BoardView { pins: vec![PinView::new(PinFunction::Ground); 40], ..BoardView::default() };
        let mut act = |run: &mut Run, action: Action, board: &BoardView| {
            let request = ActionRequest { action, by: By::You, is_demo: false, at: Monotonic::ZERO };
            run.act(&request, board, Monotonic::ZERO, &mut subscription)
        };
        let signals = Need::Signals { pid: Pid::new(10), signals: vec![Signal::TERM, Signal::CONT], scope: Scope::Process };
        assert_eq!(act(run, Sent::Terminate.to("sleep"), &board), Ok(signals));
        assert_eq!(act(run, Sent::Kill.to("nobody"), &board), Err(Refusal::NoSuchProcess));
        assert_eq!(act(run, Action::Wait(Pid::new(10).into()), &board), Ok(Need::Reap(vec![Pid::new(10)])));
        assert_eq!(act(run, Action::own("send", "x"), &board), Err(Refusal::NobodyListens));
        let toggle = |owner: &str| Ok(Need::Lines(vec![LineRequest::Toggle { line, owner: owner.to_owned() }]));
        assert_eq!(act(run, Action::Toggle(line), &board), toggle(USER));
        board.pin_mut(line).expect("a pin").owner = Some(run.owner());
        assert_eq!(act(run, Action::Toggle(line), &board), toggle("run 1"), "a line of the run stays the run's");
    }
}
