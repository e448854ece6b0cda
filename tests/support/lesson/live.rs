//! A plain lesson under an engine of its own: its judge speaks, its LEDs are lit, and actions reach it as they do in the window.

use std::collections::BTreeSet;

use serde_json::Value;
use tasklab::engine::{Command, Engine, EngineEvent, LaunchRequest, What};
use tasklab::model::{Event, EventKind, ExitStatus, Language, Outcome, Pid, RunId, TimedAction};

use super::Ran;
use crate::runs::{engine, request};
use crate::{deadline, eventually, state_of};

/// Events that may wait.
const ROOM: usize = 100_000;

/// A lesson that runs.
pub struct Live {
    engine: Engine,
    run: RunId,
    pub ran: Ran,
}

impl Live {
    /// Starts it with these values in place of the defaults.
    pub fn start(id: &str, language: Language, params: &Value) -> Self {
        Self::with_script(id, language, params, &[])
    }

    /// Starts it with a script besides, as one writes it after `--do`.
    pub fn with_script(id: &str, language: Language, params: &Value, script: &[&str]) -> Self {
        let params = params.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
        let script = script.iter().map(|line| TimedAction::demo(line).expect("a timed action")).collect();
        let what = What::Scenario { id: id.to_owned(), language, params };
        let engine = engine(Some(ROOM));
        engine.handle().send(Command::Launch(Box::new(LaunchRequest { script, ..request(what) }))).expect("taken");
        let ran = Ran { code: None, events: Vec::new(), printed: String::new() };
        let mut live = Self { engine, run: RunId::new(0), ran };
        assert!(live.take(), "it does not begin");
        live
    }

    /// Does what one would type after `--do`, without the time: `set event go`, `kill child-1`.
    pub fn act(&self, action: &str) {
        let TimedAction { action, .. } = format!("0 {action}").parse().unwrap_or_else(|error| panic!("{action}: {error}"));
        self.engine.handle().send(Command::Act { run: self.run, action }).expect("taken");
    }

    /// Collects events until this one comes; fails if the run ends before.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&EventKind) -> bool) {
        while !self.ran.events.last().is_some_and(|event| wanted(&event.kind)) {
            assert!(self.take(), "no {what}: {:#?}", self.ran);
        }
    }

    /// Takes the next event, so that the same one is not found twice.
    #[track_caller]
    pub fn skip(&mut self) {
        assert!(self.take(), "it is over: {:#?}", self.ran);
    }

    /// Collects events until the engine knows the process of this name, or of the task of this name; its PID.
    #[track_caller]
    pub fn until_process(&mut self, name: &str) -> i32 {
        loop {
            let is_known = |wanted: i32| {
                let started = |event: &Event| started(event).is_some_and(|pid| pid.number() == wanted);
                self.ran.events.iter().any(started)
            };
            if let Some(pid) = self.pid_of(name).filter(|pid| is_known(*pid)) {
                return pid;
            }
            assert!(self.take(), "no process {name}: {:#?}", self.ran);
        }
    }

    /// The PID of the newest process or task of this name that was told.
    pub fn pid_of(&self, wanted: &str) -> Option<i32> {
        self.ran.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::ProcessStarted { pid, name, .. } if name == wanted => Some(pid.number()),
            EventKind::TaskStarted { task, pid, .. } if task == wanted => Some(pid.number()),
            _ => None,
        })
    }

    /// Collects the rest.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        while self.take() {}
        let body = self.ran.events.iter().find_map(|event| match event.kind {
            EventKind::ProcessStarted { pid, .. } => Some(pid),
            _ => None,
        });
        self.ran.code = self.ran.events.iter().find_map(|event| match event.kind {
            EventKind::ProcessExited { pid, status: ExitStatus::Exited(code) } if Some(pid) == body => Some(code),
            _ => None,
        });
        let Some(EventKind::RunFinished { outcome, processes_left, .. }) = self.ran.events.last().map(|event| event.kind.clone())
        else {
            panic!("no end: {:#?}", self.ran)
        };
        assert_eq!(processes_left, 0, "{:#?}", self.ran);
        let facts = self.ran.facts();
        let has_passed = self.ran.code == Some(0) && !facts.is_empty() && facts.values().all(|fact| fact.holds);
        assert_eq!(outcome == Outcome::Passed, has_passed, "{outcome}: {:#?}", self.ran);
        // With our own eyes.
        let told: BTreeSet<Pid> = self.ran.events.iter().filter_map(started).collect();
        eventually("all processes have gone", || told.iter().all(|pid| state_of(pid.number()).is_none()));
        self.ran
    }

    /// Takes the next event of the run; false after its end.
    fn take(&mut self) -> bool {
        if self.ran.events.last().is_some_and(|event| matches!(event.kind, EventKind::RunFinished { .. })) {
            return false;
        }
        loop {
            match self.engine.events().expect("tapped").recv_timeout(deadline()).expect("the run ends") {
                EngineEvent::Event(run, event) => {
                    self.run = run;
                    if let EventKind::Output { bytes, .. } = &event.kind {
                        self.ran.printed += &String::from_utf8_lossy(bytes);
                    }
                    self.ran.events.push(Event::clone(&event));
                    return true;
                }
                EngineEvent::Refused(text) => panic!("{text}"),
                EngineEvent::NotLaunched(_, failure) => panic!("{failure:?}"),
                EngineEvent::Launched(..) | EngineEvent::Board { .. } | EngineEvent::Edge(_) | EngineEvent::Compared(_) => {}
            }
        }
    }
}

fn started(event: &Event) -> Option<Pid> {
    if let EventKind::ProcessStarted { pid, .. } = event.kind { Some(pid) } else { None }
}
