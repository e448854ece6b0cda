//! The lessons of the threads: what a person can do in each, in both languages, and what cannot be done.

use serde_json::{Value, json};
use support::lesson::{BOTH, Live, Running, scenario};
use tasklab::model::{EventKind, Language, Level, Line};

const GPIO27: Line = Line::gpio(27);

const MINE: [&str; 3] = ["event", "condition", "chaos"];

fn start(id: &str, language: Language, params: &Value) -> Running {
    Running::start(scenario(id), language, params)
}

fn until_value(running: &mut Running, wanted: &str, number: &Value) {
    running.until(wanted, |kind| matches!(kind, EventKind::Value { name, value } if name == wanted && value == number));
}

/// The values with which a lesson does not wait for a person for long.
fn impatient(id: &str) -> Value {
    let has_patience = scenario(id).params.iter().any(|spec| spec.name == "patience");
    if has_patience { json!({ "patience": 1.0 }) } else { json!({}) }
}

#[test]
fn what_a_lesson_does_not_know_is_refused_in_one_sentence() {
    for id in MINE {
        for language in BOTH {
            let mut running = start(id, language, &impatient(id));
            running.press("dance", "th1");
            let ran = running.play(&[]);
            ran.assert_passed();
            assert_eq!(ran.refusals().len(), 1, "{id} {language}: {:?}", ran.refusals());
            assert!(ran.refusals()[0].contains("dance") && ran.refusals()[0].starts_with("could not do"), "{:?}", ran.refusals());
        }
    }
}

/// A body that is killed at once, or a little later, leaves nothing: not even the process that is there to crash.
#[test]
fn nothing_is_left_of_a_lesson_that_is_killed() {
    for id in MINE {
        for language in BOTH {
            for waits in [false, true] {
                let mut running = start(id, language, &json!({}));
                if waits {
                    running
                        .until("a second thread", |kind| matches!(kind, EventKind::TaskStarted { task, .. } if task != "main"));
                }
                let body = rustix::process::Pid::from_raw(running.pid()).expect("a PID");
                rustix::process::kill_process(body, rustix::process::Signal::KILL).expect("it is our child");
                let ran = running.play(&[]);
                assert_eq!(ran.code, None, "{id} {language}");
                ran.assert_nothing_is_left();
            }
        }
    }
}

/// Step mode holds everybody back. When nobody can say who goes next, or patience is over, they all go on.
#[test]
fn step_mode_holds_no_lesson_for_ever() {
    for id in MINE {
        for language in BOTH {
            let patience = impatient(id);
            for hangs_up in [true, false] {
                if !hangs_up && patience == json!({}) {
                    continue; // without patience it waits for the user as long as there may be one
                }
                let mut running = start(id, language, &patience);
                running.press("step", "on");
                until_value(&mut running, "step", &json!("on"));
                for action in scenario(id).actions {
                    if action.name != "finish" {
                        running.press(action.name, "");
                    }
                }
                if hangs_up {
                    running.hang_up();
                }
                running.play(&[]).assert_passed();
            }
        }
    }
}

#[test]
fn the_flag_goes_up_and_down_with_its_led() {
    for language in BOTH {
        let mut running = start("event", language, &json!({ "line": 22, "work": 0.02, "patience": 60.0 }));
        for action in ["clear", "set", "set", "clear", "set", "finish"] {
            running.press(action, "");
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("is-set"), json!(["down", "up", "up", "down", "up"]), "{language}");
        assert_eq!(ran.observed("all-wake"), json!(4));
        assert_eq!(ran.levels(22), [1, 0, 1, 0], "{language}: in the end it is dark");
        assert_eq!((ran.notices().len(), ran.refusals().len()), (0, 0), "{:?} {:?}", ran.notices(), ran.refusals());
    }
}

#[test]
fn a_thread_that_is_sent_in_time_opens_the_barrier() {
    for language in BOTH {
        let mut live = Live::start("barrier", language, &json!({ "parties": 3, "comers": 2, "timeout": 5.0 }));
        live.until("the second LED", |kind| matches!(kind, EventKind::Gpio { line: GPIO27, level: Level::High }));
        live.act("another worker-1");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!((ran.observed("broken"), ran.observed("numbers")), (json!(0), json!([0, 1, 2])), "{language}");
        assert_eq!(ran.levels(17), [1, 0], "{language}: it is dark in the end");
        assert_eq!(ran.refusals(), [""; 0]);
    }
}

#[test]
fn a_barrier_that_is_aborted_or_reset_lets_nobody_wait() {
    for language in BOTH {
        for (action, broken) in [("abort", 3), ("reset", 3)] {
            let params = json!({ "parties": 5, "comers": 3, "timeout": 2.0 });
            let mut live = Live::start("barrier", language, &params);
            live.until("the second LED", |kind| matches!(kind, EventKind::Gpio { line: GPIO27, level: Level::High }));
            live.act(&format!("{action} barrier gate"));
            live.act("open barrier gate");
            live.act("abort barrier nobody");
            live.act("dance th1");
            let ran = live.end();
            ran.assert_passed();
            assert_eq!(ran.observed("broken"), json!(broken), "{language} {action}");
            let refusals = ran.refusals();
            assert_eq!(refusals.len(), 3, "{language}: {refusals:?}");
            assert!(refusals.iter().any(|text| text.contains("barrier gate")), "it names what there is: {refusals:?}");
        }
    }
}

#[test]
fn customers_are_woken_one_by_one_for_nothing_and_all_together() {
    for language in BOTH {
        let mut running = start("condition", language, &json!({ "customers": 5, "patience": 60.0 }));
        for action in ["notify", "notify", "false-alarm", "finish", "notify"] {
            running.press(action, "");
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("notify-one"), json!(1), "{language}");
        assert_eq!(ran.observed("back-to-sleep"), json!(3), "{language}: three found nothing");
        assert_eq!(ran.observed("goods"), json!(2));
        assert!(ran.refusals().len() == 1 && ran.refusals()[0].contains("too late"), "{:?}", ran.refusals());
        let mut running = start("condition", language, &json!({ "patience": 60.0 }));
        running.press("notify-all", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("goods"), json!(4), "{language}: the shop is empty, and the lesson over");
    }
}

#[test]
fn chaos_is_run_again_and_replayed() {
    for language in BOTH {
        let mut running = start("chaos", language, &json!({ "load": 2, "patience": 60.0 }));
        running.press_all(&[
            ("again", "light"),
            ("again", ""),
            ("again", "hard"),
            ("replay", "light-7"),
            ("replay", "light-9"),
            ("finish", ""),
        ]);
        let ran = running.play(&[]);
        ran.assert_passed();
        let last = ran.values("order of light-7");
        assert_eq!(last.len(), 1, "{language}: it was run, and its order shown");
        assert_eq!(ran.observed("replay"), json!(last[0].as_str().map(str::len)), "{language}: each step in its turn");
        assert_eq!(ran.observed("own-order"), json!(13));
        assert_eq!(ran.refusals().len(), 2, "{:?}", ran.refusals());
        assert!(ran.refusals()[0].contains("hard") && ran.refusals()[1].contains("light-9"), "{:?}", ran.refusals());
    }
}
