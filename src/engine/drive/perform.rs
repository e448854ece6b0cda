//! What was decided is performed here: requests go to the supervisor, sentences to runs, listeners and the user. On the engine's thread.

use crate::engine::drive::effect::Effect;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::run::lifecycle::RunEffect;
use crate::model::EventKind;
use crate::supervisor::{LineRequest, Request};
use crate::sys::monotonic_now;

impl EngineLoop {
    pub(super) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let now = monotonic_now();
            match effect {
                Effect::Request(request) => self.request(&request),
                Effect::AskHeader(ask, request) => self.ask_header(ask, request),
                Effect::Tell(told) => self.subscription.tell(told),
                Effect::Notice(text) => self.publication.notice(text),
                Effect::NoticeIn(run, text) => match self.runs.find(run) {
                    Some(index) => self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription),
                    None => self.publication.notice(text),
                },
                Effect::NoticeInAll(text) => self.runs.emit(&EventKind::Notice { text }, now, &mut self.subscription),
            }
        }
    }

    /// Performs what the lifecycle of a run wants.
    pub(super) fn perform_on(&mut self, index: usize, effects: Vec<RunEffect>) {
        for effect in effects {
            let now = monotonic_now();
            match effect {
                RunEffect::Signal(signals) => {
                    let is_only_run = self.runs.active().count() == 1;
                    let (run, seen) = (self.runs[index].id, self.runs[index].orphans(self.supervisor.pid()));
                    self.request(&Request::SignalRun { run, signals, is_only_run, seen });
                }
                RunEffect::ReapKept => {
                    for pid in self.runs[index].stage_pids() {
                        self.request(&Request::Reap { pid });
                    }
                }
                RunEffect::NameStuck => self.runs[index].name_stuck(now, &mut self.subscription),
                // Held up by our own listener, it is open because it has not been read.
                RunEffect::TellOpen(_) if self.subscription.is_behind() => {}
                RunEffect::TellOpen(left) => self.runs[index].tell_open(left, now, &mut self.subscription),
                RunEffect::Drain => self.runs[index].streams.close_terminal(),
                RunEffect::CloseStreams => self.runs[index].close_streams(&mut self.scratch, now, &mut self.subscription),
                RunEffect::TellStuck(left) => self.runs[index].tell_stuck(left, now, &mut self.subscription),
                RunEffect::Finish { cut_short, left } => {
                    // The same scenario may run once more and have the lines now.
                    if !self.runs.shares_lines(index) {
                        self.ask_header(0, LineRequest::Release { owner: self.runs[index].owner() });
                    }
                    self.runs[index].finish(cut_short, left, &mut self.scratch, now, &mut self.subscription);
                    self.sampler.watch(self.runs.is_active());
                }
            }
            self.publication.touch();
        }
    }

    /// Asks the supervisor.
    pub(super) fn request(&mut self, request: &Request) {
        if let Err(error) = self.supervisor.request(request) {
            self.publication.notice(error.to_string());
        }
    }

    pub(super) fn streams_closed(&mut self, run: usize, count: usize) {
        for _ in 0..count {
            let effects = self.runs[run].lifecycle.stream_closed();
            self.perform_on(run, effects);
        }
    }
}
