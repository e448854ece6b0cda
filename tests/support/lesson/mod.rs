//! Runs one body of a lesson as the engine would: events from a pipe, actions into another, signals to the processes
//! that the events name.

pub mod again;
mod live;

pub use live::Live;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use tasklab::model::{Action, Event, EventKind, Fact, Language, Monotonic, ProcessRef, Scope, Sent, TimedAction};
use tasklab::scenario::{Scenario, find};

use crate::{skipped, state_of, tagged};

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
    /// Marks every process of the run in its environment.
    pub tag: String,
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

    /// Fails if processes of the run do not end.
    #[track_caller]
    pub fn assert_nothing_is_left(&self) {
        if self.tag.is_empty() {
            // A run under an engine was looked at when it ended.
            return;
        }
        let end = Instant::now() + HANG;
        while !tagged(&self.tag).is_empty() {
            assert!(Instant::now() < end, "left of the run: {:?}", tagged(&self.tag));
            std::thread::sleep(Duration::from_millis(5));
        }
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

/// The command that runs a body, as the engine starts it.
fn command(scenario: &Scenario, language: Language) -> Vec<PathBuf> {
    match language {
        Language::Python => vec!["python3".into(), twin(scenario)],
        _ => vec![crate::program::path().into(), "__worker".into(), scenario.id.into()],
    }
}

/// A body that runs.
pub struct Running {
    child: Child,
    control: Option<ChildStdin>,
    lines: Receiver<String>,
    printed: Option<std::thread::JoinHandle<String>>,
    pub ran: Ran,
    began: Instant,
}

impl Running {
    /// Starts it. Descriptors 7 and 8 carry events and actions; the shell puts them there.
    pub fn start(scenario: &Scenario, language: Language, params: &Value) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let tag = format!("TASKLAB_LESSON_TEST={}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let (name, value) = tag.split_once('=').expect("a variable");
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$@" 7>&2 8<&0 2>&1 0</dev/null"#, "sh"])
            .args(command(scenario, language))
            .env("PYTHONPATH", SHIM)
            .env(name, value)
            .env("TASKLAB_EVENTS", "7")
            .env("TASKLAB_CONTROL", "8")
            .env("TASKLAB_T0", (now.tv_sec * 1_000_000_000 + now.tv_nsec).to_string())
            .env("TASKLAB_PARAMS", params.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh");
        let (sender, lines) = sync_channel(100_000);
        let events = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || events.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)))
            .expect("a thread");
        let mut stdout = child.stdout.take().expect("piped");
        let printed = std::thread::Builder::new().name("printed".to_owned()).spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("UTF-8");
            text
        });
        let ran = Ran { code: None, events: Vec::new(), printed: String::new(), tag };
        let control = child.stdin.take();
        Self { child, control, lines, printed: Some(printed.expect("a thread")), ran, began: Instant::now() }
    }

    /// PID of the body itself.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// PID of a process that the events have named, unless they said that it was reaped.
    pub fn pid_of(&self, wanted: &str) -> Option<i32> {
        let pid = self.ran.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::ProcessStarted { pid, name, .. } if name == wanted => Some(*pid),
            _ => None,
        })?;
        let is_reaped = |event: &Event| event.kind == EventKind::ProcessReaped { pid };
        (!self.ran.events.iter().any(is_reaped)).then(|| pid.number())
    }

    /// Does what a person or script does: a signal to a process that the events have named, or a line for the body.
    pub fn act(&mut self, action: &Action) {
        let Action::Send(sent, ProcessRef::Name(name), Scope::Process) = action else {
            return self.write(&format!("{}\n", json!({ "do": action.word(), "target": action.target() })));
        };
        let number = rustix::process::Signal::from_named_raw(sent.signal().number()).expect("a named signal");
        if let Some(pid) = self.pid_of(name).and_then(Pid::from_raw) {
            // It is named and unreaped, so that this number is still its own, or a zombie's.
            let _ = kill_process(pid, number);
        }
    }

    /// Presses one of the lesson's own buttons.
    pub fn press(&mut self, action: &str, target: &str) {
        self.act(&Action::own(action, target));
    }

    /// Presses some of them, each with its target.
    pub fn press_all(&mut self, presses: &[(&str, &str)]) {
        for (action, target) in presses {
            self.press(action, target);
        }
    }

    #[track_caller]
    pub fn kill(&mut self, target: &str) {
        self.signal(Sent::Kill, target);
    }

    #[track_caller]
    pub fn stop(&mut self, target: &str) {
        self.signal(Sent::Stop, target);
    }

    /// Sends a signal, as soon as the events have named that process: a child may tell of itself before its parent does.
    #[track_caller]
    pub fn signal(&mut self, sent: Sent, target: &str) {
        let is_it = |kind: &EventKind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == target);
        if !self.ran.events.iter().any(|event| is_it(&event.kind)) {
            self.until(target, is_it);
        }
        self.act(&sent.to(target));
    }

    /// Writes to the control pipe; a body that has ended reads nothing.
    pub fn write(&mut self, text: &str) {
        if let Some(control) = &mut self.control {
            let _ = control.write_all(text.as_bytes());
        }
    }

    /// Closes the control pipe.
    pub fn hang_up(&mut self) {
        self.control = None;
    }

    /// Collects events until this one comes; fails if the body ends before.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&EventKind) -> bool) {
        while !self.ran.events.last().is_some_and(|event| wanted(&event.kind)) {
            assert!(self.collect(Duration::from_secs(1)) && self.began.elapsed() < HANG, "no {what}: {:#?}", self.ran);
        }
    }

    /// Takes the next event, if there is one in time; `false` at the end of the events.
    fn collect(&mut self, timeout: Duration) -> bool {
        match self.lines.recv_timeout(timeout) {
            Ok(line) => {
                let event = Event::from_line(line.as_bytes(), Monotonic::ZERO);
                self.ran.events.push(event.unwrap_or_else(|error| panic!("{error}: {line}")).expect("a known kind"));
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Whether it is a signal to a process that nobody has told of yet.
    fn is_awaited(&self, next: &TimedAction) -> bool {
        let Action::Send(_, ProcessRef::Name(wanted), _) = &next.action else { return false };
        let is_it = |event: &Event| matches!(&event.kind, EventKind::ProcessStarted { name, .. } if name == wanted);
        !self.ran.events.iter().any(is_it)
    }

    /// Presses what the script says, and collects to the end. As in the engine, the script's clock begins with the first thing
    /// that the body says, and stands while a signal waits for the process that it names.
    pub fn play(mut self, script: &[&str]) -> Ran {
        let mut script: Vec<TimedAction> = script.iter().map(|line| line.parse().expect("a timed action")).collect();
        script.reverse();
        let mut clock: Option<Instant> = None;
        loop {
            let due = script.last().zip(clock).map(|(next, clock)| clock + next.after);
            let wait = due.map_or(Duration::from_secs(1), |due| due.saturating_duration_since(Instant::now()));
            if !self.collect(wait.max(Duration::from_millis(1))) {
                break;
            }
            if clock.is_none() && !self.ran.events.is_empty() {
                clock = Some(Instant::now());
            }
            if self.began.elapsed() > HANG {
                let _ = self.child.kill();
                panic!("hangs: {:#?}", self.ran);
            }
            while let Some(next) = script.pop_if(|next| clock.is_some_and(|clock| next.after <= clock.elapsed())) {
                if self.is_awaited(&next) {
                    clock = Instant::now().checked_sub(next.after);
                    script.push(next);
                    break;
                }
                self.act(&next.action);
            }
        }
        self.ran.code = self.child.wait().expect("our child").code();
        self.ran.printed = self.printed.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        self.ran
    }
}

/// Makes a run of a lesson; once more, and once more again, as long as nothing but what it has measured on this machine speaks
/// against it.
pub fn decided(id: &str, make: impl FnMut() -> Ran) -> Ran {
    let facts = |ran: &Ran| (ran.code == Some(0)).then(|| ran.facts().into_values().cloned().collect());
    again::decided(id, make, facts)
}

/// Runs a body to its end, with these values in place of the defaults.
pub fn run(scenario: &Scenario, language: Language, params: &Value, script: &[&str]) -> Ran {
    if scenario.is_plain() {
        return Live::with_script(scenario.id, language, params, script).end();
    }
    Running::start(scenario, language, params).play(script)
}
