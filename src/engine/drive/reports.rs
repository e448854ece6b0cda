//! What the supervisor tells, and what becomes of a run by it. On the engine's thread.

use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::run::live_run::Run;
use crate::engine::run::subscription::EngineEvent;
use crate::model::{EventKind, Monotonic, Pid, ProcessState, RunId};
use crate::supervisor::{Incoming, Report};
use crate::sys::monotonic_now;

impl EngineLoop {
    /// Takes in all that the supervisor has said.
    pub(crate) fn hear_supervisor(&mut self) {
        if self.client.has_queued()
            && let Err(error) = self.client.flush()
        {
            return self.lose(&error.cause());
        }
        loop {
            match self.client.receive() {
                Ok(None) => return,
                Ok(Some(incoming)) if self.heard(&incoming) => {}
                Ok(Some(Incoming::Launched(run, children))) => {
                    let supervisor = self.client.pid();
                    let now = monotonic_now();
                    self.subscription.tell(EngineEvent::Launched(run, children.iter().map(|(child, _)| child.pid).collect()));
                    if let Some(index) = self.find(run) {
                        let run = &mut self.runs[index];
                        let streams = run.launched(children, supervisor, now, &mut self.subscription);
                        let stages = run.stage_count();
                        self.tell_of_others();
                        self.sampler.watch_pipes(self.runs.iter().flat_map(Run::pipes).collect());
                        let run = &mut self.runs[index];
                        if let Some(why) = self.client.trouble() {
                            let text = format!("{why}; until then only children of the supervisor are seen and counted");
                            run.emit(EventKind::Notice { text }, now, &mut self.subscription);
                        }
                        let effects = run.lifecycle.launched(stages, streams, now);
                        self.perform(index, effects);
                    }
                }
                Ok(Some(Incoming::Report(report))) => self.report(report),
                Ok(Some(Incoming::End)) => return self.lose("it has ended"),
                Err(error) => return self.lose(&error.cause()),
            }
        }
    }

    /// Tells each run which processes are the supervisor's children of another one.
    fn tell_of_others(&mut self) {
        let living = self.runs.iter().filter(|run| !run.lifecycle.is_over());
        let stages: Vec<(RunId, Vec<Pid>)> = living.map(|run| (run.id, run.stage_pids())).collect();
        for run in &mut self.runs {
            run.others = stages.iter().filter(|(id, _)| *id != run.id).flat_map(|(_, pids)| pids).copied().collect();
        }
    }

    pub(crate) fn report(&mut self, report: Report) {
        let now = monotonic_now();
        match report {
            Report::Ready { .. } | Report::Launched { .. } | Report::Here => {}
            Report::NotLaunched { run, failure } => {
                if let Some(index) = self.find(run) {
                    let text = failure.to_string();
                    self.subscription.tell(EngineEvent::NotLaunched(run, failure));
                    self.runs[index].emit(EventKind::Notice { text: text.clone() }, now, &mut self.subscription);
                    self.notice(text);
                    let effects = self.runs[index].lifecycle.not_launched();
                    self.perform(index, effects);
                }
            }
            Report::Stopped { pid, .. } => self.tell_state(pid, ProcessState::Stopped, now),
            Report::Continued { pid } => self.tell_state(pid, ProcessState::Running, now),
            Report::Exited { pid, status, is_reaped, usage } => {
                if is_reaped {
                    self.reaped.insert(pid, now);
                }
                let Some(index) = self.find_by_pid(pid) else { return };
                self.runs[index].emit(EventKind::ProcessUsed { pid, usage }, now, &mut self.subscription);
                let is_stages_end = self.runs[index].exited(pid, status, is_reaped, now, &mut self.subscription);
                self.settle_waits(index, now);
                if is_stages_end {
                    let effects = self.runs[index].lifecycle.stage_ended(now);
                    self.perform(index, effects);
                }
            }
            Report::Reaped { pid } => {
                self.reaped.insert(pid, now);
                let Some(index) = self.find_by_pid(pid) else { return };
                let is_stages_end = self.runs[index].reaped(pid, now, &mut self.subscription);
                self.settle_waits(index, now);
                if is_stages_end {
                    let effects = self.runs[index].lifecycle.stage_ended(now);
                    self.perform(index, effects);
                }
            }
            Report::Signaled { ask, result } => self.signaled(ask, result, now),
            Report::Members { run, pids } => {
                if let Some(index) = self.find(run) {
                    let effects = self.runs[index].lifecycle.members(pids.len() as u32, now);
                    self.perform(index, effects);
                }
            }
            Report::NotCounted { run, why } => self.not_counted(run, &why, now),
            Report::Counted { result } => self.counted(result),
            Report::Note { run, text } => {
                if let Some(index) = self.find(run) {
                    self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription);
                }
            }
            Report::Board { ask, board, edges, refused } => self.board_changed(ask, board, &edges, refused, now),
            Report::Edges { ask, edges } => self.levels_changed(ask, &edges, now),
        }
    }

    fn tell_state(&mut self, pid: Pid, state: ProcessState, now: Monotonic) {
        if let Some(index) = self.find_by_pid(pid) {
            self.runs[index].emit(EventKind::ProcessState { pid, state }, now, &mut self.subscription);
        }
    }
}
