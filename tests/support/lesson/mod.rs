//! Runs one body of a lesson as the engine would: events from a pipe, actions into another, signals to the processes
//! that the events name.

pub mod again;
mod live;

pub use live::Live;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tasklab::model::{Event, EventKind, Fact, Language};
use tasklab::scenario::{Scenario, find};

use crate::{skipped, state_of};

/// Only a hang meets this, however slow the machine is.
pub const HANG: Duration = Duration::from_mins(5);

/// Facts that one of the languages has alone: claims about Python.
pub const OWN: &[(&str, &[&str])] = &[("start-methods", &["default", "once"])];

pub const BOTH: [Language; 2] = [Language::Rust, Language::Python];

pub fn scenario(id: &str) -> &'static Scenario {
    find(id).expect("in the catalogue")
}

/// Whether this machine's python3 lacks what the lesson's body in this language needs; said aloud then.
pub fn lacks(scenario: &Scenario, language: Language) -> bool {
    let import = || Command::new("python3").args(["-c", "import gpiozero"]).stderr(Stdio::null()).status();
    let lacks = language == Language::Python && scenario.needs_gpiozero() && !import().is_ok_and(|status| status.success());
    if lacks {
        skipped(format!("{} in Python: gpiozero is not installed; sudo apt install python3-gpiozero", scenario.id));
    }
    lacks
}

/// The same in both languages, at the same time.
pub fn in_both<T: Send>(body: impl Fn(Language) -> T + Sync) -> [T; 2] {
    let ran = together(BOTH.map(|language| {
        let body = &body;
        Box::new(move || body(language)) as Box<dyn FnOnce() -> T + Send>
    }));
    ran.try_into().unwrap_or_else(|_| unreachable!("two went in"))
}

/// Runs bodies that wait long, at the same time.
pub fn together<'b, T: Send + 'b>(bodies: impl IntoIterator<Item = Box<dyn FnOnce() -> T + Send + 'b>>) -> Vec<T> {
    std::thread::scope(|scope| {
        let running: Vec<_> = bodies.into_iter().map(|body| scope.spawn(body)).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// The result of one run of a body.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub events: Vec<Event>,
    /// Standard output and standard error.
    pub printed: String,
}

impl Ran {
    pub fn facts(&self) -> BTreeMap<&str, &Fact> {
        self.events
            .iter()
            .filter_map(|event| if let EventKind::Fact(fact) = &event.kind { Some((fact.id.as_str(), fact)) } else { None })
            .collect()
    }

    /// The ids of the facts that did not hold.
    pub fn failed(&self) -> Vec<&str> {
        self.facts().into_iter().filter(|(_, fact)| !fact.holds).map(|(id, _)| id).collect()
    }

    /// The observed value of a fact.
    #[track_caller]
    pub fn observed(&self, fact: &str) -> Value {
        self.facts().get(fact).unwrap_or_else(|| panic!("no fact {fact:?}: {self:#?}")).observed.clone()
    }

    pub fn notices(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| if let EventKind::Notice { text } = &event.kind { Some(text.as_str()) } else { None })
            .collect()
    }

    /// The actions that were not done, in sentences.
    pub fn refusals(&self) -> Vec<String> {
        self.events.iter().filter_map(|event| refusal(&event.kind)).collect()
    }

    /// Levels of an LED, in order.
    pub fn levels(&self, wanted: u8) -> Vec<u8> {
        let level = |event: &Event| match event.kind {
            EventKind::Gpio { line, level } if line.number() == wanted => Some(level.value()),
            _ => None,
        };
        self.events.iter().filter_map(level).collect()
    }

    pub fn values(&self, wanted: &str) -> Vec<Value> {
        let value = |event: &'_ Event| match &event.kind {
            EventKind::Value { name, value } if name == wanted => Some(value.clone()),
            _ => None,
        };
        self.events.iter().filter_map(value).collect()
    }

    /// Fails unless the body came to its end and every fact held.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert_eq!(self.code, Some(0), "{self:#?}");
        let facts = self.facts();
        assert!(
            !facts.is_empty() && facts.values().all(|fact| fact.holds),
            "{facts:#?}\n{:?}\n{:?}",
            self.notices(),
            self.refusals()
        );
    }
}

/// The sentence of an event that refuses an action.
pub fn refusal(kind: &EventKind) -> Option<String> {
    let EventKind::ActionRefused { action, why, .. } = kind else { return None };
    Some(action.could_not(why))
}

/// Waits until a process is in this state.
#[track_caller]
pub fn until_state(pid: i32, wanted: char) {
    let end = Instant::now() + HANG;
    while state_of(pid) != Some(wanted) {
        assert!(state_of(pid).is_some() && Instant::now() < end, "process {pid} is {:?} instead of {wanted}", state_of(pid));
        std::thread::sleep(Duration::from_millis(2));
    }
}

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The twin's file in the source tree.
pub fn twin(scenario: &Scenario) -> PathBuf {
    let name = Path::new(&scenario.id.replace('-', "_")).join("body.py");
    let lessons = Path::new(PACKAGE).join("src/scenario");
    let chapters = ["processes", "threads", "pools", "programs", "time"].map(|chapter| lessons.join(chapter).join(&name));
    chapters.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{} has no twin", scenario.id))
}

/// The folder of the shim, for PYTHONPATH.
pub const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/python");

/// Makes a run of a lesson; once more, and once more again, as long as nothing but what it has measured on this machine speaks
/// against it.
pub fn decided(id: &str, make: impl FnMut() -> Ran) -> Ran {
    let facts = |ran: &Ran| (ran.code == Some(0)).then(|| ran.facts().into_values().cloned().collect());
    again::decided(id, make, facts)
}

/// Runs a body to its end, with these values in place of the defaults.
pub fn run(scenario: &Scenario, language: Language, params: &Value, script: &[&str]) -> Ran {
    Live::with_script(scenario.id, language, params, script).end()
}
