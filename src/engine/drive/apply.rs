//! Commands of the window and the command line, and what the engine says to them. On the engine's thread.

use crate::engine::drive::actions::ActionRequest;
use crate::engine::drive::board::USER;
use crate::engine::drive::command::{Command, LaunchRequest};
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::drive::save::Saving;
use crate::engine::drive::subscription::EngineEvent;
use crate::engine::run::launch::plan;
use crate::engine::run::live_run::Run;
use crate::model::{By, Refusal, RunId};
use crate::supervisor::{LineRequest, ReplyTo, Request};
use crate::sys::monotonic_now;

/// Finished runs that stay on the screen.
const MOST_FINISHED: usize = 8;
/// Notices that stay in the snapshot.
const MOST_NOTICES: usize = 20;

impl EngineLoop {
    /// Does what was asked.
    pub(crate) fn command(&mut self, command: Command) {
        self.has_news = true;
        match command {
            Command::Launch(request) => drop(self.launch(&request)),
            Command::Compare(request) => self.compare(*request),
            Command::Act { run, action } => match self.runs.iter().position(|candidate| candidate.id == run) {
                Some(index) if !self.runs[index].lifecycle.is_over() => {
                    self.act(index, &ActionRequest { action, by: By::You, is_demo: false, at: monotonic_now() });
                }
                _ => self.notice(action.could_not(&Refusal::RunOver)),
            },
            Command::Feed { run, from, ends } => {
                let run = self.runs.iter_mut().find(|candidate| candidate.id == run);
                if let Some(input) = run.and_then(|run| run.inputs.first_mut()) {
                    input.feed(from, ends);
                }
            }
            Command::ToggleLine(line) => {
                let request = LineRequest::Toggle { line, owner: USER.to_owned() };
                self.ask_header(ReplyTo::Nobody, request);
            }
            Command::FreeLine(line) => self.ask_header(ReplyTo::Nobody, LineRequest::Free { line, owner: USER.to_owned() }),
            Command::Lines { ask, request } => self.ask_header(ask.map_or(ReplyTo::Nobody, ReplyTo::Command), request),
            Command::StopEverything => self.stop_everything(By::You),
            Command::Save(run) => self.save(run, Run::to_be_saved),
            Command::SaveEdges(run) => self.save(run, Run::edges_to_be_saved),
            Command::Forget(run) => self.runs.retain(|candidate| candidate.id != run || !candidate.lifecycle.is_over()),
        }
    }

    /// Starts a run, and returns which; `None` where it was refused.
    pub(crate) fn launch(&mut self, request: &LaunchRequest) -> Option<RunId> {
        let origin = monotonic_now();
        if let Some(trouble) = &self.trouble {
            let refusal = format!("could not start: {trouble}");
            self.refuse(refusal);
            return None;
        }
        if let Err(text) = crate::engine::drive::ending::has_room(self.runs.iter().map(Run::descriptors_awaited).sum(), request) {
            self.refuse(format!("could not start: {text}"));
            return None;
        }
        let plan = plan(request, &self.program, &mut self.twins, origin);
        if let Some(folder) = self.twins.take_new() {
            self.request(&Request::RemoveAtEnd { folder });
        }
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => {
                self.refuse(format!("could not start: {error}"));
                return None;
            }
        };
        self.launches += 1;
        let run = RunId::new(self.launches);
        let stages = plan.stages.clone();
        self.runs.push(Run::new(run, plan, request, origin, &mut self.subscription));
        self.request(&Request::Launch { run, stages });
        self.sampler.watch(true);
        let finished: Vec<RunId> = self.runs.iter().filter(|run| run.lifecycle.is_over()).map(|run| run.id).collect();
        let excess = finished.len().saturating_sub(MOST_FINISHED);
        self.runs.retain(|run| !finished[..excess].contains(&run.id));
        Some(run)
    }

    fn save(&mut self, run: RunId, what: fn(&Run) -> Saving) {
        let Some(run) = self.runs.iter().find(|candidate| candidate.id == run) else {
            return self.notice(format!("could not save run {run}: it is not shown any more"));
        };
        if let Err(error) = self.saver.save(what(run), self.bell.clone()) {
            self.notice(format!("could not save the run: {error}"));
        }
    }

    pub(crate) fn refuse(&mut self, sentence: String) {
        self.subscription.tell(EngineEvent::Refused(sentence.clone()));
        self.notice(sentence);
    }

    /// Tells the user something that belongs to no run.
    pub(crate) fn notice(&mut self, sentence: String) {
        self.noticed += 1;
        self.notices.push((self.noticed, sentence.into()));
        let excess = self.notices.len().saturating_sub(MOST_NOTICES);
        self.notices.drain(..excess);
        self.has_news = true;
    }
}
