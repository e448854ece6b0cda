//! Performs what the parts of the engine have decided: sends requests to the supervisor, events to runs and the listener, and notices to the user. On
//! the engine's thread.

use crate::engine::drive::effect::Effect;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::run::actions::Need;
use crate::engine::run::lifecycle::RunEffect;
use crate::engine::run::requests::ActionRequest;
use crate::engine::run::subscription::EngineEvent;
use crate::model::{Action, By, EventKind, Monotonic, Pid};
use crate::supervisor::{LineRequest, ReplyTo, Request};
use crate::sys::monotonic_now;

impl EngineLoop {
    pub(super) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let now = monotonic_now();
            match effect {
                Effect::Request(request) => self.request(&request),
                Effect::AskHeader(reply_to, request) => self.ask_header(reply_to, request),
                Effect::Publish(event) => self.subscription.push(event),
                Effect::Notice(text) => self.publication.notice(text),
                Effect::NoticeIn(run, text) => match self.runs.find(run) {
                    Some(index) => self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription),
                    None => self.publication.notice(text),
                },
                Effect::Edge(edge) => {
                    for run in self.runs.active_mut() {
                        run.edge(&edge, now, &mut self.subscription);
                    }
                    self.subscription.push(EngineEvent::Edge(edge));
                    self.publication.touch();
                }
                Effect::NoticeInAll(text) => self.runs.emit(&EventKind::Notice { text }, now, &mut self.subscription),
            }
        }
    }

    /// Performs the effects of a run's lifecycle.
    pub(super) fn perform_on(&mut self, index: usize, effects: Vec<RunEffect>) {
        for effect in effects {
            let now = monotonic_now();
            match effect {
                RunEffect::Signal(signals) => {
                    let is_only_run = self.runs.active().count() == 1;
                    let (run, seen) = (self.runs[index].id, self.runs[index].processes.orphans());
                    self.request(&Request::SignalRun { run, signals, is_only_run, seen });
                }
                RunEffect::TimedOut => {
                    let end = EventKind::Action { action: Action::End, by: By::Timeout };
                    self.runs[index].emit(end, now, &mut self.subscription);
                }
                RunEffect::ReapKept => {
                    let pids = self.runs[index].stage_pids();
                    self.reap(pids);
                }
                RunEffect::NoticeUnkillable => self.runs[index].notice_all_unkillable(now, &mut self.subscription),
                RunEffect::NoticeOpen(left) => self.runs[index].notice_open(left, now, &mut self.subscription),
                RunEffect::Drain => self.runs[index].streams.release_writers(),
                RunEffect::CloseStreams => self.runs[index].close_streams(&mut self.scratch, now, &mut self.subscription),
                RunEffect::NoticeStuck(left) => self.runs[index].notice_stuck(left, now, &mut self.subscription),
                RunEffect::Finish { cut_short, left } => {
                    // Another run of the same scenario may have the lines now.
                    if !self.runs.shares_lines(index) {
                        self.ask_header(ReplyTo::Nobody, LineRequest::Release { owner: self.runs[index].owner() });
                    }
                    self.last_scheduled(now);
                    self.runs[index].finish(cut_short, left, &mut self.scratch, now, &mut self.subscription);
                    self.watch();
                }
            }
            self.publication.touch();
        }
    }

    /// Does an action on a run, or adds to the run why it cannot be done.
    pub(super) fn act(&mut self, index: usize, request: &ActionRequest) {
        let now = monotonic_now();
        let needed = self.runs[index].act(request, &self.header.view, now, &mut self.subscription);
        let is_done = match needed {
            Ok(Need::Nothing) => true,
            Ok(Need::Signals { pid, signals, scope }) => {
                let id = self.signals.add(self.runs[index].id, pid, &signals, request, now);
                self.request(&Request::Signal { id, pid, signals, scope });
                false
            }
            Ok(Need::Reap(pids)) => {
                self.reap(pids);
                true
            }
            Ok(Need::Lines(requests)) => {
                for request in requests {
                    self.ask_header(ReplyTo::Nobody, request);
                }
                true
            }
            Ok(Need::Effects(effects)) => {
                self.perform_on(index, effects);
                false
            }
            Ok(Need::EndOfAllRuns) => {
                self.stop_everything(request.by);
                false
            }
            Err(why) => {
                self.runs[index].refuse(request, why, now, &mut self.subscription);
                false
            }
        };
        if is_done {
            self.runs[index].done(request, &mut self.subscription);
        }
    }

    /// Ends all runs. Afterwards the processes that are left are counted.
    pub(super) fn stop_everything(&mut self, by: By) {
        self.stop_all.begin(self.runs.active().count());
        for index in 0..self.runs.len() {
            if !self.runs[index].lifecycle.is_over() {
                self.act(index, &ActionRequest { action: Action::End, by, is_demo: false, at: monotonic_now() });
            }
        }
    }

    /// Answers waits on the children of a run, and has children reaped for them.
    pub(super) fn settle_waits(&mut self, index: usize, now: Monotonic) {
        let pids = self.runs[index].settle_waits(false, now, &mut self.subscription);
        self.reap(pids);
    }

    fn reap(&mut self, pids: Vec<Pid>) {
        for pid in pids {
            self.request(&Request::Reap { pid });
        }
    }

    /// Sends a request for the header's lines to the supervisor.
    pub(super) fn ask_header(&mut self, reply_to: ReplyTo, request: LineRequest) {
        let effects = self.header.ask(reply_to, request, self.supervisor.trouble());
        self.perform(effects);
    }

    /// Sends a request to the supervisor.
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
