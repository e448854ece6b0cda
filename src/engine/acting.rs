//! Actions of the user and of scripts: who is meant, and who can do it.

use std::time::Duration;

use serde_json::json;

use super::course::NAME_AFTER;
use super::engine_loop::EngineLoop;
use super::header::USER;
use super::streams::InputStream;
use super::waiting::Whom;
use crate::gpio::Line;
use crate::model::{Action, EventKind, Monotonic, Outcome, Pid, Scope, Signal};
use crate::supervisor::{LineRequest, Request};
use crate::sys::monotonic_now;

impl EngineLoop {
    /// Does something to a run. What cannot be done becomes a notice in it.
    pub(super) fn act(&mut self, index: usize, action: &Action, target: &str, by: &str) {
        let now = monotonic_now();
        let told = EventKind::Action { action: action.to_string(), target: target.to_owned(), by: by.to_owned() };
        self.runs[index].emit(told, now, &mut self.tap);
        let done = match action {
            Action::Terminate(scope) => self.send(index, target, vec![Signal::TERM, Signal::CONT], *scope),
            Action::Kill(scope) => self.send(index, target, vec![Signal::KILL], *scope),
            Action::Stop(scope) => self.send(index, target, vec![Signal::STOP], *scope),
            Action::Continue(scope) => self.send(index, target, vec![Signal::CONT], *scope),
            Action::Signal(signal, scope) => self.send(index, target, vec![*signal], *scope),
            Action::Wait => self.wait_on(index, target),
            Action::WaitAny => self.wait_for(index, action, Whom::Any, target),
            Action::WaitAll => self.wait_for(index, action, Whom::All, target),
            Action::Toggle => self.toggle(index, target),
            Action::Press => self.press(target),
            Action::End => {
                self.runs[index].drop_script();
                let effects = self.runs[index].course.end(Outcome::Stopped, now);
                self.perform(index, effects);
                Ok(())
            }
            Action::StopEverything => {
                self.stop_everything(by);
                Ok(())
            }
            Action::Type => self.type_to(index, target),
            Action::CloseInput => self.input_of(index, "close the input of", target).map(InputStream::end),
            Action::Scenario(name) => self.tell_body(index, name, target),
        };
        if let Err(text) = done {
            self.runs[index].emit(EventKind::Notice { text }, now, &mut self.tap);
        }
    }

    fn process(&self, index: usize, verb: &str, target: &str) -> Result<Pid, String> {
        let run = &self.runs[index];
        run.fold.find(target).ok_or_else(|| format!("could not {verb} {target:?}: no process or task of this run is called that"))
    }

    fn send(&mut self, index: usize, target: &str, signals: Vec<Signal>, scope: Scope) -> Result<(), String> {
        let pid = self.process(index, "signal", target)?;
        if !self.runs[index].has_living(pid) {
            return Err(format!("could not signal {target}: it has ended, and its parent has waited on it; nobody is there"));
        }
        if signals.contains(&Signal::KILL) {
            self.kills.push((monotonic_now() + NAME_AFTER, self.runs[index].id, pid));
        }
        self.next_ask += 1;
        self.asks.push((self.next_ask, self.runs[index].id));
        self.request(&Request::Signal { ask: self.next_ask, pid, signals, scope });
        Ok(())
    }

    /// A line for a child: its name up to the first blank, then the text.
    fn type_to(&mut self, index: usize, target: &str) -> Result<(), String> {
        let (name, text) = target.split_once(char::is_whitespace).unwrap_or((target, ""));
        let input = self.input_of(index, "type to", name)?;
        if input.push(format!("{text}\n").as_bytes()) {
            Ok(())
        } else {
            Err(format!("could not type to {name}: it has left too much unread, or its input is being closed"))
        }
    }

    fn input_of(&mut self, index: usize, verb: &str, target: &str) -> Result<&mut InputStream, String> {
        let pid = self.process(index, verb, target)?;
        let input = self.runs[index].inputs.iter_mut().find(|input| input.pid == pid);
        input.ok_or_else(|| format!("could not {verb} {target}: its standard input is no pipe or terminal of ours, or is closed"))
    }

    /// Only a parent can wait: the supervisor for its own children, the body for its.
    fn wait_on(&mut self, index: usize, target: &str) -> Result<(), String> {
        let run = &self.runs[index];
        if let Some(pid) = run.fold.find(target).filter(|pid| run.is_stage(*pid)) {
            self.request(&Request::Reap { pid });
            self.runs[index].waiting.ask(Whom::One(pid), None);
            self.settle_waits(index, monotonic_now());
            return Ok(());
        }
        if run.controls.is_empty() {
            let pid = self.process(index, "wait on", target)?;
            let parent = run.fold.process(pid).map_or_else(|| "gone".to_owned(), |row| row.ppid.to_string());
            return Err(format!(
                "could not wait on {target}: only its parent can, and that is {parent}, which takes no requests"
            ));
        }
        self.tell_body(index, "wait", target)
    }

    /// Waits on any or all children of the run: the supervisor's own, or the body's where its lesson knows how.
    fn wait_for(&mut self, index: usize, action: &Action, whom: Whom, limit: &str) -> Result<(), String> {
        if self.runs[index].scenario.is_some() {
            return self.tell_body(index, &action.to_string(), limit);
        }
        let now = monotonic_now();
        let until = if limit.is_empty() {
            None
        } else {
            let seconds = limit.strip_suffix('s').unwrap_or(limit).parse().ok();
            let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Some(now + limit.ok_or_else(|| format!("could not {action}: its time limit must be a number of seconds"))?)
        };
        self.runs[index].waiting.ask(whom, until);
        self.settle_waits(index, now);
        Ok(())
    }

    /// Answers who waits on the children of a run, and has those reaped that this takes.
    pub(super) fn settle_waits(&mut self, index: usize, now: Monotonic) {
        for pid in self.runs[index].settle_waits(false, now, &mut self.tap) {
            self.request(&Request::Reap { pid });
        }
    }

    /// A line that the run drives stays the run's; any other becomes yours.
    fn toggle(&mut self, index: usize, target: &str) -> Result<(), String> {
        let line: Line = target.parse().map_err(|error| format!("could not toggle {target:?}: {error}"))?;
        let of_run = Some(self.runs[index].owner()).filter(|owner| self.header.owner(line) == Some(owner));
        let request = LineRequest::Toggle { line: line.number(), owner: of_run.unwrap_or_else(|| USER.to_owned()) };
        self.ask_header(0, request);
        Ok(())
    }

    /// Presses a virtual button and lets it go: a body that watches the line hears of it by its edge.
    fn press(&mut self, target: &str) -> Result<(), String> {
        let line: Line = target.parse().map_err(|error| format!("could not press {target:?}: {error}"))?;
        for is_pressed in [true, false] {
            self.ask_header(0, LineRequest::Press { line: line.number(), is_pressed });
        }
        Ok(())
    }

    pub(super) fn tell_body(&mut self, index: usize, action: &str, target: &str) -> Result<(), String> {
        let run = &self.runs[index];
        if let Some(scenario) = run.scenario
            // A body hears these whatever its lesson is.
            && !matches!(action, "wait" | "step" | "press")
            && !scenario.actions.iter().any(|known| known.name == action)
        {
            let known: Vec<&str> = scenario.actions.iter().map(|known| known.name).collect();
            return Err(format!("could not {action:?}: {} knows {}", scenario.id, known.join(", ")));
        }
        let mut line = json!({ "do": action, "target": target }).to_string();
        line.push('\n');
        let Some(control) = run.controls.first() else {
            return Err(format!("could not {action:?}: nobody in this run listens to actions"));
        };
        match rustix::io::write(control, line.as_bytes()) {
            Ok(_) => Ok(()),
            Err(rustix::io::Errno::AGAIN) => Err(format!("could not {action:?}: the body has left too many actions unread")),
            Err(_) => Err(format!("could not {action:?}: it comes too late, the body has ended")),
        }
    }
}
