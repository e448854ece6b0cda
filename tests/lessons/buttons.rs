//! Buttons of the header reach the lessons, in both languages: the edge that the board tells becomes the action `press` of the body.
//! Each test waits for what the run tells before it presses; nothing depends on how fast that is.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::lesson::{lacks, scenario};
use support::runs::{engine, events_of, notices, outcome, request};
use support::skipped;
use tasklab::engine::{BoardKind, Command, Engine, EngineEvent, LineRequest, What};
use tasklab::model::{Action, By, Event, EventKind, Fact, Language, Level, Line, Outcome, RunId, TaskState};

const GPIO17: Line = Line::gpio(17);
const GPIO26: Line = Line::gpio(26);
const GPIO27: Line = Line::gpio(27);

const BOTH: [Language; 2] = [Language::Rust, Language::Python];

/// The next action.
enum Do {
    Press,
    PressAt(Line),
}

/// Runs a lesson without its demo script; `next` says what each event leads to.
fn play(id: &str, language: Language, params: &Value, mut next: impl FnMut(&EventKind) -> Option<Do>) -> Vec<Event> {
    let engine = on_simulated_board();
    let params: BTreeMap<String, Value> = params.as_object().expect("an object").clone().into_iter().collect();
    let what = What::Scenario { id: id.to_owned(), language, params };
    let handle = engine.handle();
    events_of(&engine, request(what), |event| {
        let action = match next(&event.kind) {
            Some(Do::Press) => Action::Press(GPIO26),
            Some(Do::PressAt(line)) => Action::Press(line),
            None => return,
        };
        handle.send(Command::Act { run: RunId::new(1), action }).expect("taken");
    })
}

fn on_simulated_board() -> Engine {
    let engine = engine(Some(64));
    let request = LineRequest::UseBoard(BoardKind::Simulated(None));
    engine.handle().send(Command::Lines { request_number: None, request }).expect("taken");
    engine
}

/// The body has said that it listens to its button.
fn is_watched(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Watched { line: GPIO26 })
}

fn levels(events: &[Event], wanted: u8) -> Vec<u8> {
    let level = |event: &Event| match event.kind {
        EventKind::Gpio { line, level } if line.number() == wanted => Some(level.value()),
        _ => None,
    };
    events.iter().filter_map(level).collect()
}

fn facts(events: &[Event]) -> BTreeMap<&str, &Fact> {
    events
        .iter()
        .filter_map(|event| if let EventKind::Fact(found) = &event.kind { Some((found.id.as_str(), found)) } else { None })
        .collect()
}

#[track_caller]
fn assert_passed(events: &[Event], language: Language) {
    assert_eq!(outcome(events), (Outcome::Passed, 0), "{language}: {events:#?}");
}

/// The buttons are the card's: one raises the flag, the other one takes it down.
#[test]
fn a_press_raises_the_flag_of_the_event_and_another_one_takes_it_down() {
    for language in BOTH {
        let (mut is_up, mut is_down) = (false, false);
        let params = json!({ "work": 0.2, "pause": 2.0, "times": 1 });
        let events = play("event", language, &params, |kind| match kind {
            EventKind::TaskChanged { state: TaskState::Waiting, on: Some(on), .. } if on == "event go" && !is_up => {
                is_up = true;
                Some(Do::Press)
            }
            EventKind::Gpio { line: GPIO17, level: Level::High } if !is_down => {
                is_down = true;
                Some(Do::PressAt(Line::gpio(20)))
            }
            _ => None,
        });
        assert_passed(&events, language);
        assert_eq!(levels(&events, 17)[..4], [1, 0, 1, 0], "{language}: the LED is the flag, by hand and by main");
        assert_eq!(levels(&events, 26), [0, 1], "{language}: the button grounds its line");
        let told = |word: &str| {
            events.iter().any(|event| matches!(&event.kind, EventKind::Action { action, by: By::You } if action.word() == word))
        };
        assert!(told("set") && told("clear"), "{language}: {events:#?}");
    }
}

/// The LEDs show who lives, and each press has main ask the next one at once.
#[test]
fn presses_let_main_go_on_and_leds_go_out_with_their_programs() {
    for language in BOTH {
        let mut presses = 0;
        let params = json!({ "cleanup": 0.1, "grace": 0.5, "pause": 2.0 });
        let events = play("signals", language, &params, |kind| {
            let sleeps = matches!(kind, EventKind::TaskChanged { task, state: TaskState::Sleeping, .. } if task == "main");
            presses += u32::from(sleeps);
            sleeps.then_some(Do::Press)
        });
        assert_passed(&events, language);
        assert_eq!(presses, 3, "{language}");
        for led in [GPIO17, GPIO27, Line::gpio(22)] {
            assert_eq!(levels(&events, led.number()), [1, 0], "{language}");
        }
        let began = |words: &str| {
            let says = |event: &&Event| matches!(&event.kind, EventKind::Output { bytes, .. } if String::from_utf8_lossy(bytes).contains(words));
            events.iter().find(says).map(|event| event.t).expect("said")
        };
        assert!(began("terminate polite").since(began("all three")).as_secs_f64() < 2.0, "{language}: before its pause was over");
        assert_eq!(facts(&events)["finally"].observed, json!(["polite"]), "{language}");
    }
}

#[test]
fn a_press_pauses_the_blinker_and_the_next_one_lets_it_go_on() {
    for language in BOTH.into_iter().filter(|language| !lacks(scenario("blink"), *language)) {
        let mut presses = 0;
        let events = play("blink", language, &json!({ "changes": 20, "every": 0.1, "pause": 10.0 }), |kind| {
            match kind {
                EventKind::Gpio { line: GPIO17, .. } if presses == 0 => Some(Do::Press),
                EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), .. }
                    if task == "blinker" && on == "event may_blink" =>
                {
                    Some(Do::Press)
                }
                _ => None,
            }
            .inspect(|_| presses += 1)
        });
        assert_passed(&events, language);
        assert_eq!(levels(&events, 17), [1, 0].repeat(10), "{language}");
        if presses < 2 {
            skipped(format!("{language}: this machine kept main from hearing the first press in time, which shows no pause"));
        } else {
            assert!(facts(&events).contains_key("stood-still"), "{language}: it was paused");
        }
    }
}

/// The run is told why its LED stays dark.
#[test]
fn a_line_that_somebody_holds_is_refused_in_the_run_and_its_holder_named() {
    let engine = on_simulated_board();
    engine.handle().send(Command::ToggleLine(GPIO17)).expect("taken");
    let params = [("changes".to_owned(), json!(2)), ("every".to_owned(), json!(0.1))].into();
    let what = What::Scenario { id: "blink".to_owned(), language: Language::Rust, params };
    let events = events_of(&engine, request(what), |_| ());
    let told = events.iter().any(|event| matches!(&event.kind, EventKind::Notice { text } if text.contains("you holds it")));
    assert!(told && levels(&events, 17).iter().all(|level| *level == 1), "{events:#?}");
}

/// A run that ends does not take the lines from another one of the same scenario, as when it is started again.
#[test]
fn a_run_that_is_started_again_keeps_its_button() {
    let engine = on_simulated_board();
    let launch = || {
        let params = [("pause".to_owned(), json!(3.0))].into();
        let what = What::Scenario { id: "event".to_owned(), language: Language::Rust, params };
        engine.handle().send(Command::Launch(Box::new(request(what)))).expect("taken");
    };
    let act = |run: RunId, action: Action| {
        engine.handle().send(Command::Act { run, action }).expect("taken");
    };
    let (first, second) = (RunId::new(1), RunId::new(2));
    let mut pressed = None;
    launch();
    loop {
        let EngineEvent::Event(run, event) = engine.events().expect("tapped").recv_timeout(support::deadline()).expect("told")
        else {
            continue;
        };
        match &event.kind {
            kind if is_watched(kind) && run == first => launch(),
            EventKind::TaskChanged { task, state: TaskState::Waiting, .. } if run == second && task == "waiter-1" => {
                act(first, Action::End);
            }
            EventKind::RunFinished { .. } if run == first => act(second, Action::Press(GPIO26)),
            EventKind::Gpio { line: GPIO26, level } if run == second => drop(pressed.get_or_insert(*level)),
            EventKind::TaskChanged { woken_by: Some(by), .. } if by == "you" => {
                assert_eq!((run, pressed), (second, Some(Level::Low)), "its resistor is still on");
                act(second, Action::End);
            }
            EventKind::RunFinished { outcome, .. } => break assert_eq!(*outcome, Outcome::Stopped),
            _ => {}
        }
    }
}

/// A person's hand on a line that the run drives. The blinker is paused, so that the changes are the hand's.
#[test]
fn a_toggle_reaches_a_line_of_the_run() {
    let engine = on_simulated_board();
    let params = [("changes".to_owned(), json!(26)), ("every".to_owned(), json!(0.5)), ("pause".to_owned(), json!(10.0))].into();
    let what = What::Scenario { id: "blink".to_owned(), language: Language::Rust, params };
    let handle = engine.handle();
    let act = |action: Action| {
        handle.send(Command::Act { run: RunId::new(1), action }).expect("taken");
    };
    // Changes since it was paused: its last ones, which may be told late, and then one for each toggle.
    let (mut is_first, mut since_pause, mut goes_on) = (true, None::<u32>, false);
    let events = events_of(&engine, request(what), |event| match &event.kind {
        EventKind::Gpio { line: GPIO17, .. } => match &mut since_pause {
            None if std::mem::take(&mut is_first) => act(Action::own("clear", "event may_blink")),
            None => {}
            Some(changes) => {
                *changes += 1;
                if *changes < 10 { act(Action::Toggle(GPIO17)) } else { act(Action::End) }
            }
        },
        EventKind::TaskChanged { task, on: Some(on), .. } if task == "blinker" && on == "event may_blink" => {
            since_pause = Some(0);
            act(Action::Toggle(GPIO17));
        }
        EventKind::TaskChanged { task, state: TaskState::Running, .. } if task == "blinker" => goes_on |= since_pause.is_some(),
        _ => {}
    });
    assert!(since_pause >= Some(10) && !goes_on, "{since_pause:?} changes while it was paused: {events:#?}");
    assert!(notices(&events).is_empty(), "{events:#?}");
}

#[test]
fn an_output_has_no_button() {
    let engine = on_simulated_board();
    let what =
        What::Scenario { id: "blink".to_owned(), language: Language::Rust, params: [("changes".to_owned(), json!(2))].into() };
    let handle = engine.handle();
    let events = events_of(&engine, request(what), |event| {
        // The LED is an output: it has no button.
        if matches!(event.kind, EventKind::Gpio { line: GPIO17, level: Level::High }) {
            handle.send(Command::Act { run: RunId::new(1), action: Action::from_words("press", "BOARD11") }).expect("taken");
        }
    });
    assert_eq!(outcome(&events), (Outcome::Passed, 0));
    assert_eq!(levels(&events, 17), [1, 0], "{events:#?}");
}
