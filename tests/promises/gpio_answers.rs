//! Every request about the header's lines is answered once, whatever comes of it; and a debounced change is told when it has lasted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use support::runs::engine;
use tasklab::engine::{BoardKind, Command, Engine, EngineEvent, LineRequest};
use tasklab::gpio::{Edge, InputSettings};
use tasklab::model::{Level, Line};

/// One that is not here would not compile.
fn name(request: &LineRequest) -> &'static str {
    match request {
        LineRequest::UseBoard(_) => "use board",
        LineRequest::Look => "look",
        LineRequest::Set { .. } => "set",
        LineRequest::Toggle { .. } => "toggle",
        LineRequest::Watch { .. } => "watch",
        LineRequest::Press { .. } => "press",
        LineRequest::Wire { .. } => "wire",
        LineRequest::Read { .. } => "read",
        LineRequest::Free { .. } => "free",
        LineRequest::Release { .. } => "release",
        LineRequest::Recover { .. } => "recover",
    }
}

const NAMES: [&str; 11] = ["free", "look", "press", "read", "recover", "release", "set", "toggle", "use board", "watch", "wire"];

fn send(engine: &Engine, request_number: u64, request: &LineRequest) {
    let command = Command::Lines { request_number: Some(request_number), request: request.clone() };
    support::eventually("the engine takes it", || engine.handle().send(command.clone()).is_ok());
}

fn next(engine: &Engine) -> EngineEvent {
    engine.events().expect("tapped").recv_timeout(support::deadline()).expect("told")
}

#[test]
fn every_request_has_one_answer_also_when_it_changes_nothing_or_is_refused() {
    let owner = |name: &str| name.to_owned();
    let line = Line::gpio;
    let set = |number, level| LineRequest::Set { line: line(number), level, safe: Level::Low, owner: owner("me") };
    let watch = |number| LineRequest::Watch { line: line(number), settings: InputSettings::default(), owner: owner("me") };
    let requests = [
        LineRequest::UseBoard(BoardKind::Simulated(None)),
        LineRequest::Look,
        set(17, Level::Low),
        set(17, Level::High),
        set(17, Level::Low),
        LineRequest::Toggle { line: line(17), owner: owner("me") },
        LineRequest::Toggle { line: line(18), owner: owner("me") },
        LineRequest::Toggle { line: line(18), owner: owner("you") },
        watch(27),
        watch(17),
        LineRequest::Press { line: line(27), is_pressed: true },
        LineRequest::Press { line: line(27), is_pressed: false },
        LineRequest::Press { line: line(17), is_pressed: true },
        LineRequest::Wire { from: line(22), to: line(5) },
        LineRequest::Wire { from: line(5), to: line(5) },
        LineRequest::Read { line: line(27) },
        LineRequest::UseBoard(BoardKind::Simulated(None)),
        LineRequest::UseBoard(BoardKind::Simulated(Some("/".to_owned()))),
        LineRequest::Free { line: line(18), owner: owner("you") },
        LineRequest::Free { line: line(18), owner: owner("me") },
        LineRequest::Release { owner: owner("me") },
        LineRequest::Recover { board: None, driven: vec![(line(17), Level::High)], high: vec![line(27)] },
    ];
    assert_eq!(requests.iter().map(name).collect::<BTreeSet<_>>(), BTreeSet::from(NAMES), "all are walked");
    let engine = engine(Some(1024));
    // Twice each: what is done already changes nothing.
    let asked: Vec<&LineRequest> = requests.iter().flat_map(|request| [request, request]).collect();
    for (request_number, request) in (1..).zip(&asked) {
        send(&engine, request_number, request);
    }
    let last = asked.len() as u64 + 1;
    send(&engine, last, &LineRequest::Look);
    let mut answers = BTreeMap::new();
    while !answers.contains_key(&last) {
        if let EngineEvent::Board { request_number: Some(request_number), .. } = next(&engine) {
            *answers.entry(request_number).or_insert(0_u32) += 1;
        }
    }
    for (request_number, request) in (1..).zip(&asked) {
        assert_eq!(answers.get(&request_number), Some(&1), "{request:?}");
    }
}

/// The supervisor waits for nothing else meanwhile.
#[test]
fn a_debounced_change_is_told_when_it_has_lasted() {
    let engine = engine(Some(64));
    let period = Duration::from_millis(60);
    let settings = InputSettings { pull: None, debounce: Some(period) };
    send(&engine, 1, &LineRequest::UseBoard(BoardKind::Simulated(None)));
    send(&engine, 2, &LineRequest::Watch { line: Line::gpio(27), settings, owner: "me".to_owned() });
    let edge = |is_pressed| -> Edge {
        send(&engine, 3, &LineRequest::Press { line: Line::gpio(27), is_pressed });
        loop {
            if let EngineEvent::Edge(edge) = next(&engine) {
                return edge;
            }
        }
    };
    for is_pressed in [true, false] {
        let pressed = tasklab::sys::monotonic_now();
        let edge = edge(is_pressed);
        assert_eq!((edge.line, edge.level), (Line::gpio(27), Level::high_if(is_pressed)));
        assert!(edge.t.since(pressed) >= period, "{:?} after it", edge.t.since(pressed));
        assert_eq!(edge.owner.as_deref(), Some("me"));
    }
}
