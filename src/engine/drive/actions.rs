//! Actions of the user and of scripts: who is meant, and who can do it. That something was done is told when it was; that it was not,
//! with the reason.

use std::time::Duration;

use crate::engine::drive::board::USER;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::run::live_run::Run;
use crate::engine::run::requests::ActionRequest;
use crate::engine::run::streams::InputStream;
use crate::engine::run::subscription::Subscription;
use crate::engine::run::waiting::WaitTarget;
use crate::gpio::Line;
use crate::model::{Action, EventKind, Monotonic, Outcome, Pid, Scope, Signal};
use crate::monitor::ignores;
use crate::supervisor::{LineRequest, Request};
use crate::sys::monotonic_now;

/// Whether it is known that it was done.
enum Done {
    Yes,
    /// The supervisor will say.
    Requested,
}

impl Run {
    /// It was done, when it was asked for.
    fn done(&mut self, asked: &ActionRequest, subscription: &mut Subscription) {
        let ActionRequest { action, target, by, at, .. } = asked;
        let told = EventKind::Action { action: action.to_string(), target: target.clone(), by: by.clone() };
        self.emit(told, *at, subscription);
    }

    /// A signal that its process ignores was sent, and changes nothing.
    fn tell_ignored(&mut self, asked: &ActionRequest, now: Monotonic, subscription: &mut Subscription) {
        let Action::Signal(signal, Scope::Process) = asked.action else { return };
        let row = self.fold.find(&asked.target).and_then(|pid| self.fold.process(pid)).filter(|row| row.ended.is_none());
        let Some((pid, name)) = row.map(|row| (row.pid, row.name.clone())) else { return };
        if std::fs::read(format!("/proc/{pid}/status")).is_ok_and(|status| ignores(&status, signal)) {
            let text = format!("{name} ({pid}) ignores {signal}: nothing changes");
            self.emit(EventKind::Notice { text }, now, subscription);
        }
    }

    /// It was not done.
    pub(crate) fn refuse(&mut self, asked: &ActionRequest, why: &str, now: Monotonic, subscription: &mut Subscription) {
        let ActionRequest { action, target, by, .. } = asked;
        let (action, target, by, why) = (action.to_string(), target.clone(), by.clone(), why.to_owned());
        self.emit(EventKind::ActionRefused { action, target, by, why }, now, subscription);
    }
}

impl EngineLoop {
    /// Does something to a run, or says in it why that cannot be done.
    pub(crate) fn act(&mut self, index: usize, asked: &ActionRequest) {
        let target = asked.target.as_str();
        let done = match &asked.action {
            Action::Terminate(scope) => self.send(index, asked, vec![Signal::TERM, Signal::CONT], *scope),
            Action::Kill(scope) => self.send(index, asked, vec![Signal::KILL], *scope),
            Action::Stop(scope) => self.send(index, asked, vec![Signal::STOP], *scope),
            Action::Continue(scope) => self.send(index, asked, vec![Signal::CONT], *scope),
            Action::Signal(signal, scope) => self.send(index, asked, vec![*signal], *scope),
            Action::Wait => self.wait_on(index, asked),
            Action::WaitAny => self.wait_for(index, asked, WaitTarget::Any),
            Action::WaitAll => self.wait_for(index, asked, WaitTarget::All),
            Action::Toggle => self.toggle(index, target),
            Action::Press => self.press(target),
            // Before the run ends of it.
            Action::End | Action::StopEverything => Ok(Done::Yes),
            Action::Type => self.type_to(index, target),
            Action::CloseInput => self.input_of(index, target).map(|input| {
                input.end();
                Done::Yes
            }),
            Action::Scenario(_) => self.tell_body(index, asked).map(|()| Done::Yes),
        };
        match done {
            Ok(Done::Yes) => self.runs[index].done(asked, &mut self.subscription),
            Ok(Done::Requested) => {}
            Err(why) => self.runs[index].refuse(asked, &why, monotonic_now(), &mut self.subscription),
        }
        match asked.action {
            Action::End => {
                self.runs[index].script.stop();
                let effects = self.runs[index].lifecycle.end(Outcome::Stopped, asked.at);
                self.perform_on(index, effects);
            }
            Action::StopEverything => self.stop_everything(&asked.by),
            _ => {}
        }
    }

    /// The supervisor has sent the signals that were asked for, or says why not.
    pub(crate) fn signaled(&mut self, ask: u64, result: Result<u32, String>, now: Monotonic) {
        let Some((run, asked)) = self.signals.take(ask) else { return };
        let Some(index) = self.runs.find_active(run) else { return };
        match result {
            Ok(_) => {
                self.runs[index].done(&asked, &mut self.subscription);
                self.runs[index].tell_ignored(&asked, now, &mut self.subscription);
            }
            // What could not be done, and to whom, is said here.
            Err(text) => {
                let why = text.split_once(": ").map_or(text.as_str(), |(_, why)| why);
                self.runs[index].refuse(&asked, why, now, &mut self.subscription);
            }
        }
    }

    fn process(&self, index: usize, target: &str) -> Result<Pid, String> {
        let found = self.runs[index].fold.find(target);
        found.ok_or_else(|| "no process or task of this run is called that".to_owned())
    }

    fn send(&mut self, index: usize, asked: &ActionRequest, signals: Vec<Signal>, scope: Scope) -> Result<Done, String> {
        let pid = self.process(index, &asked.target)?;
        if !self.runs[index].has_living(pid) {
            return Err("it has ended, and its parent has waited on it; nobody is there".to_owned());
        }
        self.runs[index].was_signaled = true;
        let run = self.runs[index].id;
        let ask = self.signals.add(run, pid, &signals, asked, monotonic_now());
        self.request(&Request::Signal { ask, pid, signals, scope });
        Ok(Done::Requested)
    }

    /// A line for a child: its name up to the first blank, then the text.
    fn type_to(&mut self, index: usize, target: &str) -> Result<Done, String> {
        let (name, text) = target.split_once(char::is_whitespace).unwrap_or((target, ""));
        if self.input_of(index, name)?.push(format!("{text}\n").as_bytes()) {
            Ok(Done::Yes)
        } else {
            Err("it has left too much unread, or its input is being closed".to_owned())
        }
    }

    fn input_of(&mut self, index: usize, target: &str) -> Result<&mut InputStream, String> {
        let pid = self.process(index, target)?;
        let input = self.runs[index].streams.input_of(pid);
        input.ok_or_else(|| "its standard input is no pipe or terminal of ours, or is closed".to_owned())
    }

    /// Only a parent can wait: the supervisor for its own children, the body for its.
    fn wait_on(&mut self, index: usize, asked: &ActionRequest) -> Result<Done, String> {
        let run = &self.runs[index];
        if let Some(pid) = run.fold.find(&asked.target).filter(|pid| run.is_stage(*pid)) {
            self.request(&Request::Reap { pid });
            self.runs[index].waiting.ask(WaitTarget::One(pid), None);
            self.settle_waits(index, monotonic_now());
            return Ok(Done::Yes);
        }
        if run.streams.controls.is_empty() {
            let pid = self.process(index, &asked.target)?;
            let parent = run.fold.process(pid).map_or_else(|| "gone".to_owned(), |row| row.ppid.to_string());
            return Err(format!("only its parent can, and that is {parent}, which takes no requests"));
        }
        self.tell_body(index, asked).map(|()| Done::Yes)
    }

    /// Waits on any or all children of the run: the supervisor's own, or the body's where its lesson knows how.
    fn wait_for(&mut self, index: usize, asked: &ActionRequest, whom: WaitTarget) -> Result<Done, String> {
        if self.runs[index].scenario.is_some() {
            return self.tell_body(index, asked).map(|()| Done::Yes);
        }
        let now = monotonic_now();
        let limit = asked.target.as_str();
        let until = if limit.is_empty() {
            None
        } else {
            let seconds = limit.strip_suffix('s').unwrap_or(limit).parse().ok();
            let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Some(now + limit.ok_or("its time limit must be a number of seconds")?)
        };
        self.runs[index].waiting.ask(whom, until);
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
    fn toggle(&mut self, index: usize, target: &str) -> Result<Done, String> {
        let line: Line = target.parse().map_err(|error| format!("{error}"))?;
        let of_run = Some(self.runs[index].owner()).filter(|owner| self.header.owner(line) == Some(owner));
        let request = LineRequest::Toggle { line: line.number(), owner: of_run.unwrap_or_else(|| USER.to_owned()) };
        self.ask_header(0, request);
        Ok(Done::Yes)
    }

    /// Presses a virtual button and lets it go: a body that watches the line hears of it by its edge.
    fn press(&mut self, target: &str) -> Result<Done, String> {
        let line: Line = target.parse().map_err(|error| format!("{error}"))?;
        for is_pressed in [true, false] {
            self.ask_header(0, LineRequest::Press { line: line.number(), is_pressed });
        }
        Ok(Done::Yes)
    }

    pub(crate) fn tell_body(&mut self, index: usize, asked: &ActionRequest) -> Result<(), String> {
        let run = &mut self.runs[index];
        let name = asked.action.to_string();
        if let Some(scenario) = run.scenario
            // A body hears these whatever its lesson is.
            && !matches!(name.as_str(), "wait" | "step" | "press")
            && !scenario.actions.iter().any(|known| known.name == name)
        {
            let known: Vec<&str> = scenario.actions.iter().map(|known| known.name).collect();
            let known = if known.is_empty() { "no actions of its own".to_owned() } else { format!("only {}", known.join(", ")) };
            return Err(format!("{} knows {known}", scenario.id));
        }
        let Some(control) = run.streams.controls.first_mut() else {
            return Err("nobody in this run listens to actions".to_owned());
        };
        control.tell(asked)
    }
}
