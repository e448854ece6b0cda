//! Every lesson, in both languages, as the engine runs it: real processes, their events, what they leave behind.
//! `TASKLAB_STRESS=long` also walks both ends of every parameter's range.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::lesson::OWN;
use support::lesson::again::{CHANCES, CLAIMED_AT_TIMES, MEASURED, of};
use support::lesson::{BOTH, Live, Ran, decided, in_both, lacks, run, together, twin};
use support::skipped;
use support::stress::{is_long, promised};
use tasklab::model::{Event, EventKind, Fact, Language, Monotonic, TaskState};
use tasklab::scenario::{CATALOGUE, ParamKind, Scenario};

/// Runs a lesson with its demo script; once more where only what it has measured on this machine speaks against it.
#[track_caller]
fn demo(scenario: &Scenario, language: Language, params: &Value) -> Ran {
    let ran = decided(scenario.id, || run(scenario, language, params, scenario.script));
    ran.assert_passed();
    ran
}

/// Whether what is expected is a bound.
fn compares(fact: &Fact) -> bool {
    fact.expected.as_str().is_some_and(|text| text.starts_with(['<', '>']))
}

/// With default parameters and the demo script each body ends by itself, every fact holds, and what both
/// languages claim they claim in the same words.
#[test]
fn the_demo_passes_in_both_languages() {
    for scenario in CATALOGUE {
        if lacks(scenario, Language::Python) {
            demo(scenario, Language::Rust, &json!({}));
            continue;
        }
        let [rust, python] = in_both(|language| demo(scenario, language, &json!({})));
        for ran in [&rust, &python] {
            // Refusals are none: on a busy machine a button may be pressed before its target is there, or after it has gone.
            assert!(ran.notices().is_empty(), "{}: {:?}", scenario.id, ran.notices());
            assert!(ran.facts().contains_key(scenario.prediction.fact), "{}", scenario.id);
            for id in of(MEASURED, scenario.id) {
                match ran.facts().get(id) {
                    Some(fact) => assert!(compares(fact), "{}: {fact:?}", scenario.id),
                    None if of(CLAIMED_AT_TIMES, scenario.id).contains(id) => {
                        skipped(format!(
                            "{}: nothing was claimed of {id}: the machine is busy, or the kernel does not count",
                            scenario.id
                        ));
                    }
                    None => panic!("{}: no fact {id}", scenario.id),
                }
            }
            for note in scenario.notes {
                for name in note.shows.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name) {
                    let measured = ran.facts().contains_key(name) || !ran.values(name).is_empty();
                    assert!(measured, "{}: a note shows {name:?}, which was not measured", scenario.id);
                }
            }
        }
        let (rust, python) = (rust.facts(), python.facts());
        for id in rust.keys().chain(python.keys()) {
            if let (Some(one), Some(other)) = (rust.get(id), python.get(id)) {
                assert_eq!(one.claim, other.claim, "{}: {id} is put in other words", scenario.id);
            } else {
                let may_lack = of(OWN, scenario.id).contains(id) || of(CLAIMED_AT_TIMES, scenario.id).contains(id);
                assert!(may_lack, "{}: one language alone shows {id}", scenario.id);
            }
        }
    }
}

/// Smallest or largest value of a parameter.
fn end(kind: &ParamKind, largest: bool) -> Value {
    match kind {
        ParamKind::Count { min, max, .. } => json!(if largest { max } else { min }),
        ParamKind::Seconds { min, max, .. } => json!(if largest { max } else { min }),
        ParamKind::Flag { default } => json!(*default != largest),
        ParamKind::Choice { choices } => json!(choices[if largest { choices.len() - 1 } else { 0 }]),
        ParamKind::Text { default, .. } => json!(default),
    }
}

#[test]
fn with_every_parameter_at_its_smallest_the_demo_passes() {
    for scenario in CATALOGUE {
        // Two lines that must differ cannot both be the smallest.
        let specs = scenario.params.iter().filter(|spec| spec.unlike.is_empty());
        let smallest: Value = specs.map(|spec| (spec.name.to_owned(), end(&spec.kind, false))).collect();
        for language in BOTH.into_iter().filter(|language| !lacks(scenario, *language)) {
            demo(scenario, language, &smallest);
        }
    }
}

#[test]
fn at_both_ends_of_every_range_the_demo_passes() {
    if !is_long() {
        return skipped("both ends of every range are for TASKLAB_STRESS=long");
    }
    for scenario in CATALOGUE {
        for spec in scenario.params {
            let mut values = BTreeSet::from([end(&spec.kind, false).to_string(), end(&spec.kind, true).to_string()]);
            if let ParamKind::Choice { choices } = spec.kind {
                values.extend(choices.iter().map(|choice| json!(choice).to_string()));
            }
            for value in values {
                for language in BOTH.into_iter().filter(|language| !lacks(scenario, *language)) {
                    let params = json!({ spec.name: serde_json::from_str::<Value>(&value).expect("JSON") });
                    let began = Instant::now();
                    demo(scenario, language, &params);
                    println!("{} {language} {params}: {:.2} s", scenario.id, began.elapsed().as_secs_f64());
                }
            }
        }
    }
}

/// A run that came to its end with these facts: id, and whether it holds.
fn with_facts(facts: &[(&str, bool)]) -> Ran {
    let event = |&(id, holds): &(&str, bool)| {
        let fact = Fact { id: id.to_owned(), claim: "a claim".to_owned(), expected: json!("> 1"), observed: json!(1), holds };
        Event { t: Monotonic::ZERO, kind: EventKind::Fact(fact) }
    };
    Ran { code: Some(0), events: facts.iter().map(event).collect(), printed: String::new() }
}

/// The second chance lets no wrong fact pass.
#[test]
fn only_measured_facts_get_a_second_chance_and_not_for_ever() {
    let runs_of = |id: &str, runs: &[Ran]| {
        let mut made = 0;
        let ran = decided(id, || {
            made += 1;
            let Ran { code, events, printed } = &runs[(made - 1).min(runs.len() - 1)];
            Ran { code: *code, events: events.clone(), printed: printed.clone() }
        });
        let passes = std::panic::catch_unwind(|| ran.assert_passed()).is_ok();
        (made, passes)
    };
    let (good, bad) = (with_facts(&[("trivial", true), ("same-results", true)]), with_facts(&[("trivial", false)]));
    assert_eq!(runs_of("overhead", &[with_facts(&[("trivial", false)])]), (CHANCES, false), "always false");
    assert_eq!(runs_of("overhead", &[bad, good]), (2, true), "false once, on a busy machine");
    assert_eq!(runs_of("overhead", &[with_facts(&[("same-results", false)])]), (1, false), "a count is right or wrong");
    assert_eq!(runs_of("overhead", &[with_facts(&[("trivial", false), ("same-results", false)])]), (1, false));
    assert_eq!(runs_of("fork", &[with_facts(&[("trivial", false)])]), (1, false), "it is measured in another lesson");
    assert_eq!(runs_of("overhead", &[with_facts(&[])]), (1, false), "a run without facts shows nothing");
    let ended_badly = Ran { code: Some(1), ..with_facts(&[("trivial", false)]) };
    assert_eq!(runs_of("overhead", &[ended_badly]), (1, false));
}

/// A plain body is a program like any other: python3 runs it as it stands, without Task Lab, and nobody has to wait long.
#[test]
fn a_plain_body_runs_alone() {
    let bodies = Mutex::new(CATALOGUE.iter());
    // Most of them sleep most of the time.
    together((0..4).map(|_| -> Box<dyn FnOnce() + Send> {
        Box::new(|| {
            while let Some(scenario) = { bodies.lock().expect("no panic").next() } {
                runs_alone(scenario);
            }
        })
    }));
}

fn runs_alone(scenario: &Scenario) {
    let began = Instant::now();
    let mut python = Command::new("python3");
    python.env_remove("PYTHONPATH").arg("-I").arg(twin(scenario)).stdin(std::process::Stdio::null());
    python.env("GPIOZERO_PIN_FACTORY", "mock"); // This machine may have no pins.
    let output = python.output().expect("python3");
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(3) {
        return skipped(format!("{}: {}", scenario.id, errors.trim()));
    }
    assert!(output.status.success(), "{}: {}\n{errors}", scenario.id, output.status);
    assert!(!printed.is_empty(), "{}", scenario.id);
    promised(scenario.id, began.elapsed(), Duration::from_secs(10));
}

/// A sleep that is ended early brings no event before its time, and the LEDs show what is done.
#[test]
fn no_event_of_the_schedule_comes_early() {
    for language in BOTH {
        let mut live = Live::start("schedule", language, &json!({ "tick": 0.5, "blinks": 2, "priority_a": 1 }));
        for _ in 0..3 {
            live.until("sleep", |kind| {
                matches!(kind, EventKind::TaskChanged { task, state, .. }
                    if task == "main" && matches!(state, TaskState::Sleeping | TaskState::Waiting))
            });
            live.act("go-on main");
            live.until("the action", |kind| matches!(kind, EventKind::Action { .. }));
        }
        let ran = live.end();
        ran.assert_passed();
        assert_eq!((ran.observed("same-time"), ran.observed("cancelled")), (json!(["a", "b"]), json!(["never"])), "{language}");
        assert_eq!(ran.levels(17), [1, 0, 1, 0], "{language}: it blinks twice");
    }
}
