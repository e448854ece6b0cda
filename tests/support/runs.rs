//! Runs through the engine, and what they told.

use std::collections::BTreeMap;
use std::time::Duration;

use tasklab::engine::{BoardKind, Command, Engine, EngineEvent, LaunchRequest, Options, What};
use tasklab::model::{ChildSpec, Event, EventKind, Language, Outcome, StopPlan, Stream, TimedAction};
use tasklab::supervisor::Client;

use super::deadline;

/// The time that a run's processes get between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_millis(300);

/// An engine as under the window, whose lanes keep all of their past.
pub fn engine(subscription: Option<usize>) -> Engine {
    start(subscription, true)
}

/// An engine as under the command line, whose lanes forget what is old.
pub fn engine_without_views(subscription: usize) -> Engine {
    start(Some(subscription), false)
}

fn start(subscription: Option<usize>, keeps_past: bool) -> Engine {
    let program = super::program::path();
    let client = Client::start(program).expect("a supervisor");
    let options = Options { program: program.to_owned(), subscription, board: BoardKind::Auto, keeps_past };
    Engine::start(client, options).expect("an engine")
}

pub fn request(what: What) -> LaunchRequest {
    let stop = StopPlan { grace: GRACE, ..StopPlan::default() };
    LaunchRequest { what, script: Vec::new(), timeout: Some(deadline()), stop }
}

pub fn programs(stages: Vec<ChildSpec>) -> LaunchRequest {
    request(What::Programs { stages, input: None })
}

pub fn scenario(id: &str, language: Language) -> LaunchRequest {
    let script = tasklab::scenario::find(id)
        .expect("known")
        .script
        .iter()
        .map(|line| TimedAction::demo(line).expect("a script line"))
        .collect();
    LaunchRequest { script, ..request(What::Scenario { id: id.to_owned(), language, params: BTreeMap::new() }) }
}

pub fn sh(script: &str) -> ChildSpec {
    ChildSpec::new(["sh", "-c", script])
}

/// Everything that is told until a run has finished; `act` sees each event as it comes.
pub fn events_of(engine: &Engine, request: LaunchRequest, mut act: impl FnMut(&Event)) -> Vec<Event> {
    engine.handle().send(Command::Launch(Box::new(request))).expect("taken");
    let receiver = engine.events().expect("tapped");
    let mut events = Vec::new();
    loop {
        match receiver.recv_timeout(deadline()).expect("the run ends") {
            EngineEvent::Event(_, event) => {
                act(&event);
                events.push(Event::clone(&event));
                if matches!(event.kind, EventKind::RunFinished { .. }) {
                    return events;
                }
            }
            EngineEvent::Launched(..)
            | EngineEvent::NotLaunched(..)
            | EngineEvent::Board { .. }
            | EngineEvent::Edge(_)
            | EngineEvent::Compared(_) => {}
            EngineEvent::Refused(text) => panic!("{text}"),
        }
    }
}

pub fn outcome(events: &[Event]) -> (Outcome, u32) {
    match events.last().expect("events").kind {
        EventKind::RunFinished { outcome, processes_left, .. } => (outcome, processes_left),
        _ => panic!("no run.finished"),
    }
}

pub fn output(events: &[Event], wanted: Stream) -> Vec<u8> {
    let outputs = events.iter().filter_map(|event| match &event.kind {
        EventKind::Output { stream, bytes, .. } if *stream == wanted => Some(bytes.clone()),
        _ => None,
    });
    outputs.collect::<Vec<_>>().concat()
}

pub fn notices(events: &[Event]) -> Vec<String> {
    let texts = events.iter().filter_map(|event| match &event.kind {
        EventKind::Notice { text } => Some(text.clone()),
        EventKind::ActionRefused { action, why, .. } => Some(action.could_not(why)),
        _ => None,
    });
    texts.collect()
}
