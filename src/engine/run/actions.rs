//! Actions of the user and of scripts on a run. A done action becomes an event, and so does a refused one with its reason. On the
//! engine's thread.

use std::time::Duration;

use crate::engine::run::lifecycle::RunEffect;
use crate::engine::run::lines::USER;
use crate::engine::run::live_run::Run;
use crate::engine::run::requests::ActionRequest;
use crate::engine::run::streams::input::InputStream;
use crate::engine::run::subscription::Subscription;
use crate::engine::run::waiting::WaitTarget;
use crate::gpio::Edge;
use crate::model::{
    Action, BoardView, By, EventKind, Level, Line, Monotonic, Outcome, Pid, ProcessRef, Refusal, Scope, Sent, Signal,
};
use crate::supervisor::LineRequest;
use crate::sys::ignores_signal;

/// The part of an action that the run cannot do itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it is done.
    Nothing,
    /// The supervisor sends these signals, and says whether it has.
    Signals { pid: Pid, signals: Vec<Signal>, scope: Scope },
    /// The supervisor reaps these children.
    Reap(Vec<Pid>),
    /// The supervisor does this with the header's lines.
    Lines(Vec<LineRequest>),
    /// The engine performs these effects of the run's end. The action's event was added before.
    Effects(Vec<RunEffect>),
    /// All runs end. The action's event was added before.
    EndOfAllRuns,
}

impl Run {
    /// Does the part of an action that the run can do itself, and returns the rest.
    pub(crate) fn act(
        &mut self,
        request: &ActionRequest,
        board: &BoardView,
        now: Monotonic,
        subscription: &mut Subscription,
    ) -> Result<Need, Refusal> {
        match &request.action {
            Action::Send(sent, process, scope) => self.send(*sent, process, *scope),
            Action::Wait(process) => self.wait_on(request, process, now, subscription),
            Action::WaitAny(limit) => self.wait_for(request, WaitTarget::Any, *limit, now, subscription),
            Action::WaitAll(limit) => self.wait_for(request, WaitTarget::All, *limit, now, subscription),
            Action::Toggle(line) => Ok(self.toggle(*line, board)),
            Action::Press(line) => {
                let press = |is_pressed| LineRequest::Press { line: *line, is_pressed };
                // A body that watches the line gets the press by its edge.
                Ok(Need::Lines([true, false].map(press).into()))
            }
            // Their event comes first; then the run ends.
            Action::End => {
                self.done(request, subscription);
                self.script.stop();
                Ok(Need::Effects(self.lifecycle.end(Outcome::Stopped, request.at)))
            }
            Action::StopEverything => {
                self.done(request, subscription);
                Ok(Need::EndOfAllRuns)
            }
            Action::Type(process, text) => {
                let is_taken = self.input_of(process)?.push(format!("{text}\n").as_bytes());
                if is_taken { Ok(Need::Nothing) } else { Err(Refusal::InputFull) }
            }
            Action::CloseInput(process) => {
                self.input_of(process)?.end();
                Ok(Need::Nothing)
            }
            Action::Own { .. } => self.send_to_body(request),
        }
    }

    /// Emits that an action was done, at the time when it was asked for.
    pub(crate) fn done(&mut self, request: &ActionRequest, subscription: &mut Subscription) {
        self.emit(EventKind::Action { action: request.action.clone(), by: request.by }, request.at, subscription);
    }

    /// Emits that an action was not done.
    pub(crate) fn refuse(&mut self, request: &ActionRequest, why: Refusal, now: Monotonic, subscription: &mut Subscription) {
        let refused = EventKind::ActionRefused { action: request.action.clone(), by: request.by, why: Box::new(why) };
        self.emit(refused, now, subscription);
    }

    /// The supervisor has sent the signals of this action, or says why not.
    pub(crate) fn signaled(
        &mut self,
        request: &ActionRequest,
        result: Result<u32, Refusal>,
        now: Monotonic,
        subscription: &mut Subscription,
    ) {
        match result {
            Ok(_) => {
                self.done(request, subscription);
                self.notice_ignored(request, now, subscription);
            }
            Err(why) => self.refuse(request, why, now, subscription),
        }
    }

    /// Emits a notice if the process ignores the signal that it was sent.
    fn notice_ignored(&mut self, request: &ActionRequest, now: Monotonic, subscription: &mut Subscription) {
        let Action::Send(Sent::Signal(signal), process, Scope::Process) = &request.action else { return };
        let row = self.fold.find(process).and_then(|pid| self.fold.process(pid)).filter(|row| row.ended.is_none());
        let Some((pid, name)) = row.map(|row| (row.pid, row.name.clone())) else { return };
        if ignores_signal(pid, *signal) {
            let text = format!("{name} ({pid}) ignores {signal}: nothing changes");
            self.emit(EventKind::Notice { text }, now, subscription);
        }
    }

    fn find(&self, process: &ProcessRef) -> Result<Pid, Refusal> {
        self.fold.find(process).filter(|pid| self.fold.process(*pid).is_some()).ok_or(Refusal::NoSuchProcess)
    }

    fn input_of(&mut self, process: &ProcessRef) -> Result<&mut InputStream, Refusal> {
        let pid = self.find(process)?;
        self.streams.input_of(pid).ok_or(Refusal::NoInput)
    }

    fn send(&mut self, sent: Sent, process: &ProcessRef, scope: Scope) -> Result<Need, Refusal> {
        let pid = self.find(process)?;
        if !self.has_living(pid) {
            return Err(Refusal::Reaped);
        }
        self.was_signaled = true;
        let mut signals = vec![sent.signal()];
        if sent == Sent::Terminate {
            signals.push(Signal::CONT);
        }
        Ok(Need::Signals { pid, signals, scope })
    }

    /// Only a parent can wait: the supervisor for its own children, the body for its.
    fn wait_on(
        &mut self,
        request: &ActionRequest,
        process: &ProcessRef,
        now: Monotonic,
        subscription: &mut Subscription,
    ) -> Result<Need, Refusal> {
        if let Some(pid) = self.fold.find(process).filter(|pid| self.processes.is_stage(*pid)) {
            self.waiting.add(WaitTarget::One(pid), None);
            let others = self.settle_waits(false, now, subscription);
            return Ok(Need::Reap([vec![pid], others].concat()));
        }
        if self.streams.controls.is_empty() || self.scenario.is_some() {
            let pid = self.find(process)?;
            return Err(Refusal::OnlyItsParent { parent: self.fold.process(pid).map(|row| row.ppid) });
        }
        self.send_to_body(request)
    }

    /// Waits on any or all children of the run. A lesson's body waits on its own children itself.
    fn wait_for(
        &mut self,
        _request: &ActionRequest,
        target: WaitTarget,
        limit: Option<Duration>,
        now: Monotonic,
        subscription: &mut Subscription,
    ) -> Result<Need, Refusal> {
        if self.scenario.is_some() {
            // The children of a lesson are its body's.
            return Err(Refusal::OnlyItsParent { parent: self.stage_pids().first().copied() });
        }
        self.waiting.add(target, limit.map(|limit| now + limit));
        Ok(Need::Reap(self.settle_waits(false, now, subscription)))
    }

    /// A line that the run drives stays the run's; any other becomes the user's.
    fn toggle(&self, line: Line, board: &BoardView) -> Need {
        let owner = self.owner();
        let is_ours = board.pin(line).is_some_and(|pin| pin.owner.as_ref() == Some(&owner));
        Need::Lines(vec![LineRequest::Toggle { line, owner: if is_ours { owner } else { USER.to_owned() } }])
    }

    /// A line of the header has changed its level. The edge belongs to the run that owns or watches the line; if none does, to every run.
    pub(crate) fn edge(&mut self, edge: &Edge, now: Monotonic, subscription: &mut Subscription) {
        let Edge { line, level, .. } = *edge;
        let is_button = self.lines.is_button(line);
        if !is_button && edge.owner.as_deref().is_some_and(|owner| owner != USER && owner != self.owner()) {
            return;
        }
        let at = edge.t.min(now);
        self.lines.edge(self.time(at), line, level);
        self.emit(EventKind::Gpio { line, level }, at, subscription);
        if is_button && level == Level::Low {
            // A body that has ended or does not read misses the press.
            let action = self.scenario.and_then(|scenario| scenario.press(line)).unwrap_or(Action::Press(line));
            let request = ActionRequest { action, by: By::You, is_demo: false, at: now };
            match self.send_to_body(&request) {
                Err(why) => self.refuse(&request, why, now, subscription),
                // The press of a button that stands for another action; a press itself is told by its edge.
                Ok(_) if !matches!(request.action, Action::Press(_)) => {
                    let ActionRequest { action, by, .. } = request;
                    self.emit(EventKind::Action { action, by }, now, subscription);
                }
                Ok(_) => {}
            }
        }
    }

    /// Passes an action on to the body.
    pub(crate) fn send_to_body(&mut self, request: &ActionRequest) -> Result<Need, Refusal> {
        self.streams.controls.first_mut().ok_or(Refusal::NobodyListens)?.send(request)?;
        Ok(Need::Nothing)
    }
}
