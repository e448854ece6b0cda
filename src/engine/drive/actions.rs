//! Actions of the user and of scripts: who is meant, and who can do it. That something was done is told when it was; that it was not,
//! with the reason.

use std::time::Duration;

use crate::engine::drive::board::USER;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::drive::subscription::Subscription;
use crate::engine::run::lifecycle::NAME_AFTER;
use crate::engine::run::live_run::Run;
use crate::engine::run::streams::InputStream;
use crate::engine::run::waiting::WaitTarget;
use crate::model::{Action, By, EventKind, Line, Monotonic, Outcome, Pid, ProcessRef, Refusal, Scope, Sent, Signal};
use crate::supervisor::{LineRequest, ReplyTo, Request, SignalRequestId};
use crate::sys::{ignores_signal, monotonic_now};

/// Something that somebody wants done to a run.
#[derive(Debug, Clone)]
pub(crate) struct ActionRequest {
    pub(crate) action: Action,
    pub(crate) by: By,
    /// Whether it is of the scenario's own demo, where it is no matter if it comes too late.
    pub(crate) is_demo: bool,
    pub(crate) at: Monotonic,
}

/// Whether it is known that it was done.
enum Done {
    Yes,
    /// The supervisor will say.
    Requested,
}

impl Run {
    /// It was done, when it was asked for.
    fn done(&mut self, asked: &ActionRequest, subscription: &mut Subscription) {
        self.emit(EventKind::Action { action: asked.action.clone(), by: asked.by }, asked.at, subscription);
    }

    /// A signal that its process ignores was sent, and changes nothing.
    fn tell_ignored(&mut self, asked: &ActionRequest, now: Monotonic, subscription: &mut Subscription) {
        let Action::Send(Sent::Signal(signal), process, Scope::Process) = &asked.action else { return };
        let row = self.fold.find(process).and_then(|pid| self.fold.process(pid)).filter(|row| row.ended.is_none());
        let Some((pid, name)) = row.map(|row| (row.pid, row.name.clone())) else { return };
        if ignores_signal(pid, *signal) {
            let text = format!("{name} ({pid}) ignores {signal}: nothing changes");
            self.emit(EventKind::Notice { text }, now, subscription);
        }
    }

    /// It was not done.
    pub(crate) fn refuse(&mut self, asked: &ActionRequest, why: Refusal, now: Monotonic, subscription: &mut Subscription) {
        let refused = EventKind::ActionRefused { action: asked.action.clone(), by: asked.by, why: Box::new(why) };
        self.emit(refused, now, subscription);
    }
}

impl EngineLoop {
    /// Does something to a run, or says in it why that cannot be done.
    pub(crate) fn act(&mut self, index: usize, asked: &ActionRequest) {
        let done = match &asked.action {
            Action::Send(sent, process, scope) => self.send(index, asked, *sent, process, *scope),
            Action::Wait(process) => self.wait_on(index, asked, process),
            Action::WaitAny(limit) => self.wait_for(index, asked, WaitTarget::Any, *limit),
            Action::WaitAll(limit) => self.wait_for(index, asked, WaitTarget::All, *limit),
            Action::Toggle(line) => {
                self.toggle(index, *line);
                Ok(Done::Yes)
            }
            Action::Press(line) => {
                self.press(*line);
                Ok(Done::Yes)
            }
            // Before the run ends of it.
            Action::End | Action::StopEverything => Ok(Done::Yes),
            Action::Type(process, text) => self.type_to(index, process, text),
            Action::CloseInput(process) => self.input_of(index, process).map(|input| {
                input.end();
                Done::Yes
            }),
            Action::Own { .. } => self.tell_body(index, asked).map(|()| Done::Yes),
        };
        match done {
            Ok(Done::Yes) => self.runs[index].done(asked, &mut self.subscription),
            Ok(Done::Requested) => {}
            Err(why) => self.runs[index].refuse(asked, why, monotonic_now(), &mut self.subscription),
        }
        match asked.action {
            Action::End => {
                self.runs[index].script.stop();
                let effects = self.runs[index].lifecycle.end(Outcome::Stopped, asked.at);
                self.perform(index, effects);
            }
            Action::StopEverything => self.stop_everything(asked.by),
            _ => {}
        }
    }

    /// The supervisor has sent the signals that were asked for, or says why not.
    pub(crate) fn signaled(&mut self, id: SignalRequestId, result: Result<u32, Refusal>, now: Monotonic) {
        let Some(position) = self.asks.iter().position(|(asked, ..)| *asked == id) else { return };
        let (_, run, asked) = self.asks.swap_remove(position);
        let Some(index) = self.find(run).filter(|index| !self.runs[*index].lifecycle.is_over()) else { return };
        match result {
            Ok(_) => {
                self.runs[index].done(&asked, &mut self.subscription);
                self.runs[index].tell_ignored(&asked, now, &mut self.subscription);
            }
            Err(why) => self.runs[index].refuse(&asked, why, now, &mut self.subscription),
        }
    }

    /// Nobody will say any more what became of the signals that were asked for.
    pub(crate) fn refuse_asked(&mut self, why: &Refusal, now: Monotonic) {
        for (_, run, asked) in std::mem::take(&mut self.asks) {
            if let Some(index) = self.find(run).filter(|index| !self.runs[*index].lifecycle.is_over()) {
                self.runs[index].refuse(&asked, why.clone(), now, &mut self.subscription);
            }
        }
    }

    fn process(&self, index: usize, process: &ProcessRef) -> Result<Pid, Refusal> {
        self.runs[index].fold.find(process).ok_or(Refusal::NoSuchProcess)
    }

    fn send(
        &mut self,
        index: usize,
        asked: &ActionRequest,
        sent: Sent,
        process: &ProcessRef,
        scope: Scope,
    ) -> Result<Done, Refusal> {
        let pid = self.process(index, process)?;
        if !self.runs[index].has_living(pid) {
            return Err(Refusal::Reaped);
        }
        self.runs[index].was_signaled = true;
        let run = self.runs[index].id;
        let mut signals = vec![sent.signal()];
        if sent == Sent::Terminate {
            signals.push(Signal::CONT);
        }
        if sent.signal() == Signal::KILL {
            self.kills.push((monotonic_now() + NAME_AFTER, run, pid));
        }
        self.next_ask += 1;
        let id = SignalRequestId(self.next_ask);
        self.asks.push((id, run, asked.clone()));
        self.request(&Request::Signal { id, pid, signals, scope });
        Ok(Done::Requested)
    }

    fn type_to(&mut self, index: usize, process: &ProcessRef, text: &str) -> Result<Done, Refusal> {
        let is_taken = self.input_of(index, process)?.push(format!("{text}\n").as_bytes());
        if is_taken { Ok(Done::Yes) } else { Err(Refusal::InputFull) }
    }

    fn input_of(&mut self, index: usize, process: &ProcessRef) -> Result<&mut InputStream, Refusal> {
        let pid = self.process(index, process)?;
        self.runs[index].inputs.iter_mut().find(|input| input.pid == pid).ok_or(Refusal::NoInput)
    }

    /// Only a parent can wait: the supervisor for its own children, the body for its.
    fn wait_on(&mut self, index: usize, asked: &ActionRequest, process: &ProcessRef) -> Result<Done, Refusal> {
        let run = &self.runs[index];
        if let Some(pid) = run.fold.find(process).filter(|pid| run.is_stage(*pid)) {
            self.request(&Request::Reap { pid });
            self.runs[index].waiting.ask(WaitTarget::One(pid), None);
            self.settle_waits(index, monotonic_now());
            return Ok(Done::Yes);
        }
        if run.controls.is_empty() {
            let pid = self.process(index, process)?;
            return Err(Refusal::OnlyItsParent { parent: run.fold.process(pid).map(|row| row.ppid) });
        }
        self.tell_body(index, asked).map(|()| Done::Yes)
    }

    /// Waits on any or all children of the run: the supervisor's own, or the body's where its lesson knows how.
    fn wait_for(
        &mut self,
        index: usize,
        asked: &ActionRequest,
        whom: WaitTarget,
        limit: Option<Duration>,
    ) -> Result<Done, Refusal> {
        if self.runs[index].scenario.is_some() {
            return self.tell_body(index, asked).map(|()| Done::Yes);
        }
        let now = monotonic_now();
        self.runs[index].waiting.ask(whom, limit.map(|limit| now + limit));
        self.settle_waits(index, now);
        Ok(Done::Yes)
    }

    /// Answers who waits on the children of a run, and has those reaped that this takes.
    pub(crate) fn settle_waits(&mut self, index: usize, now: Monotonic) {
        for pid in self.runs[index].settle_waits(false, now, &mut self.subscription) {
            self.request(&Request::Reap { pid });
        }
    }

    /// A line that the run drives stays the run's; any other becomes yours.
    fn toggle(&mut self, index: usize, line: Line) {
        let of_run = Some(self.runs[index].owner()).filter(|owner| self.header.owner(line) == Some(owner));
        let request = LineRequest::Toggle { line, owner: of_run.unwrap_or_else(|| USER.to_owned()) };
        self.ask_header(ReplyTo::Nobody, request);
    }

    /// Presses a virtual button and lets it go: a body that watches the line hears of it by its edge.
    fn press(&mut self, line: Line) {
        for is_pressed in [true, false] {
            self.ask_header(ReplyTo::Nobody, LineRequest::Press { line, is_pressed });
        }
    }

    pub(crate) fn tell_body(&mut self, index: usize, asked: &ActionRequest) -> Result<(), Refusal> {
        let run = &mut self.runs[index];
        let name = asked.action.word();
        if let Some(scenario) = run.scenario
            // A body hears these whatever its lesson is.
            && !matches!(name.as_ref(), "wait" | "step" | "press")
            && !scenario.actions.iter().any(|known| known.name == name)
        {
            let known = scenario.actions.iter().map(|known| known.name.to_owned()).collect();
            return Err(Refusal::NotDeclared { scenario: scenario.id.to_owned(), known });
        }
        run.controls.first_mut().ok_or(Refusal::NobodyListens)?.tell(asked)
    }
}
