//! Every lesson, in both languages, as the engine runs it: real processes, their events, what they leave behind.
//! `TASKLAB_STRESS=long` also walks both ends of every parameter's range.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::lesson::OWN;
use support::lesson::again::{CHANCES, CLAIMED_AT_TIMES, MEASURED, of};
use support::lesson::{BOTH, Ran, Running, SHIM, decided, in_both, run, scenario, twin};
use support::skipped;
use support::stress::{is_long, promised};
use tasklab::model::{Event, EventKind, Fact, Language, Monotonic, Sent};
use tasklab::scenario::{CATALOGUE, ParamKind, Scenario};

fn ids(ran: &Ran) -> BTreeSet<String> {
    ran.facts().into_keys().map(str::to_owned).collect()
}

/// Runs a lesson with its demo script; once more where only what it has measured on this machine speaks against it.
#[track_caller]
fn demo(scenario: &Scenario, language: Language, params: &Value) -> Ran {
    let ran = decided(scenario.id, || run(scenario, language, params, scenario.script));
    ran.assert_passed();
    ran.assert_nothing_is_left();
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
        let smallest: Value = scenario.params.iter().map(|spec| (spec.name.to_owned(), end(&spec.kind, false))).collect();
        for language in BOTH {
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
                for language in BOTH {
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
    Ran { code: Some(0), events: facts.iter().map(event).collect(), printed: String::new(), tag: String::new() }
}

/// The second chance lets no wrong fact pass.
#[test]
fn only_measured_facts_get_a_second_chance_and_not_for_ever() {
    let runs_of = |id: &str, runs: &[Ran]| {
        let mut made = 0;
        let ran = decided(id, || {
            made += 1;
            let Ran { code, events, printed, tag } = &runs[(made - 1).min(runs.len() - 1)];
            Ran { code: *code, events: events.clone(), printed: printed.clone(), tag: tag.clone() }
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

/// Alone, with plain python3, a twin prints what it does and ends with status 0.
#[test]
fn a_twin_runs_alone() {
    for scenario in CATALOGUE.iter().filter(|scenario| !scenario.is_plain()) {
        let patience = scenario.params.iter().any(|spec| spec.name == "patience").then_some("patience=1");
        let output =
            Command::new("python3").env("PYTHONPATH", SHIM).arg(twin(scenario)).args(patience).output().expect("python3");
        let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && errors.is_empty(), "{}: {}\n{errors}", scenario.id, output.status);
        assert!(!printed.is_empty() && !printed.contains("\"kind\""), "{}: {printed}", scenario.id);
    }
}

/// A plain body is a program like any other: python3 runs it as it stands, without Task Lab, and nobody has to wait long.
#[test]
fn a_plain_body_runs_alone() {
    for scenario in CATALOGUE.iter().filter(|scenario| scenario.is_plain()) {
        let began = Instant::now();
        let mut python = Command::new("python3");
        python.env_remove("PYTHONPATH").arg("-I").arg(twin(scenario)).stdin(std::process::Stdio::null());
        let output = python.output().expect("python3");
        let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {}\n{errors}", scenario.id, output.status);
        assert!(!printed.is_empty(), "{}", scenario.id);
        promised(scenario.id, began.elapsed(), Duration::from_secs(10));
    }
}

#[test]
fn a_twin_refuses_what_it_does_not_know() {
    for argument in ["tick", "tock=1", "blinks=many"] {
        let output = Command::new("python3")
            .env("PYTHONPATH", SHIM)
            .arg(twin(scenario("schedule")))
            .arg(argument)
            .output()
            .expect("python3");
        assert!(!output.status.success(), "{argument}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.contains("Traceback") && errors.contains("blinks"), "{errors}");
    }
}

#[test]
fn a_body_refuses_parameters_out_of_range() {
    let ran = run(scenario("zombie"), Language::Rust, &json!({ "children": 21 }), &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.notices().iter().any(|text| text.contains("children") && text.contains("from 1 to 20")), "{ran:?}");
}

/// Patience is limited: also where a child was stopped, and cannot end by itself.
///
/// Covers: fact 56.
#[test]
fn nobody_waits_for_ever_on_a_stopped_child() {
    for (id, victim) in [("pipeline", "generate")] {
        for language in BOTH {
            let mut running = Running::start(scenario(id), language, &json!({ "patience": 1.0 }));
            running.until("children", |kind| matches!(kind, EventKind::TaskChanged { .. }));
            running.stop(victim);
            let ran = running.play(&[]);
            assert_eq!(ran.code, Some(0), "{id} {language}: {ran:#?}");
            ran.assert_nothing_is_left();
        }
    }
}

/// Any process may be killed, with any signal: the others follow, and each fact that is claimed holds.
///
/// Covers: F34, F35, fact 25.
#[test]
fn a_pipeline_ends_whichever_stage_is_killed() {
    for language in BOTH {
        for (victim, fact) in [("generate", "end-of-file"), ("filter", "broken-pipe"), ("count", "broken-pipe")] {
            for sent in [Sent::Kill, Sent::Terminate] {
                let mut running = Running::start(scenario("pipeline"), language, &json!({ "patience": 60.0 }));
                running.until("flow", |kind| matches!(kind, EventKind::Value { name, .. } if name.ends_with("waiting")));
                running.signal(sent, victim);
                let ran = running.play(&[]);
                ran.assert_passed();
                assert!(ids(&ran).contains(fact), "{language} {victim}: {:?}", ids(&ran));
                ran.assert_nothing_is_left();
            }
        }
    }
}

#[test]
fn events_are_entered_and_cancelled_while_the_schedule_runs() {
    for language in BOTH {
        let mut running = Running::start(scenario("schedule"), language, &json!({ "tick": 2.0, "blinks": 1 }));
        running.until("run", |kind| matches!(kind, EventKind::TaskChanged { on: Some(on), .. } if on == "run()"));
        running.write("{\"do\":\"enter\",\"target\":\"mine\"}\n{\"do\":\"enter\",\"target\":\"mine\"}\nnonsense\n");
        running.write("{\"do\":\"cancel\",\"target\":\"b\"}\n{\"do\":\"cancel\",\"target\":\"b\"}\n");
        let ran = running.play(&[]);
        ran.assert_passed();
        let order = &ran.facts()["order"].observed;
        let names: Vec<_> = order.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert!(names.contains(&"mine") && names.contains(&"mine-2") && !names.contains(&"b"), "{names:?}");
        assert_eq!((ran.notices().len(), ran.refusals().len()), (1, 1), "nonsense, and what was not there: {ran:#?}");
        assert_eq!(ran.levels(17), [1, 0], "the LED went on and off");
    }
}

/// End of file on the control pipe hangs nobody.
#[test]
fn a_body_whose_control_pipe_closes_goes_on() {
    for scenario in CATALOGUE.iter().filter(|scenario| !scenario.is_plain()) {
        let patience = scenario.params.iter().any(|spec| spec.name == "patience");
        let params = if patience { json!({ "patience": 1.0 }) } else { json!({}) };
        in_both(|language| {
            decided(scenario.id, || {
                let mut running = Running::start(scenario, language, &params);
                running.hang_up();
                running.play(&[])
            })
        })
        .iter()
        .for_each(Ran::assert_passed);
    }
}

/// A Rust body that is killed takes its children along, even without a supervisor: each of them waits for a pipe that
/// only the body holds open.
///
/// Covers: F50, fact 51.
#[test]
fn nothing_is_left_of_a_body_that_is_killed() {
    let runs = [("schedule", json!({}))];
    for (id, params) in runs {
        let mut running = Running::start(scenario(id), Language::Rust, &params);
        running.until("start", |kind| matches!(kind, EventKind::TaskChanged { .. }));
        let body = rustix::process::Pid::from_raw(running.pid()).expect("a PID");
        rustix::process::kill_process(body, rustix::process::Signal::KILL).expect("it is our child");
        let ran = running.play(&[]);
        assert_eq!(ran.code, None, "{id}");
        ran.assert_nothing_is_left();
    }
}
