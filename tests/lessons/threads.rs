//! The lessons of the threads: what a person can do in each, in both languages, and what cannot be done.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::lesson::{BOTH, Live, Running, refusal, scenario, together};
use support::stress::kill;
use tasklab::model::{EventKind, Language, Level, Line, ProcessState, Sent, TaskState};

const GPIO27: Line = Line::gpio(27);

const MINE: [&str; 5] = ["thread-basics", "garbled-print", "thread-local", "semaphore", "timer"];

fn start(id: &str, language: Language, params: &Value) -> Running {
    Running::start(scenario(id), language, params)
}

/// Waits until a task is in a state; `on` as the event line has it, and empty for any.
fn until_task(running: &mut Running, wanted: &str, word: &str, wanted_on: &str) {
    running.until(&format!("{wanted} {word} {wanted_on}"), |kind| {
        matches!(kind, EventKind::TaskChanged { task, state, on, .. }
            if task == wanted && state.word() == word && (wanted_on.is_empty() || on.as_deref() == Some(wanted_on)))
    });
}

fn until_value(running: &mut Running, wanted: &str, number: &Value) {
    running.until(wanted, |kind| matches!(kind, EventKind::Value { name, value } if name == wanted && value == number));
}

fn until_refusal(running: &mut Running, part: &str) {
    running.until(part, |kind| refusal(kind).is_some_and(|text| text.contains(part)));
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
                if !hangs_up && (patience == json!({}) || id == "thread-basics") {
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
fn threads_are_started_asked_and_joined_one_by_one() {
    for language in BOTH {
        let mut running = start("thread-basics", language, &json!({ "threads": 2, "comma": false, "patience": 60.0 }));
        until_task(&mut running, "main", "waiting", "you");
        running.press("is-alive", "th2");
        until_value(&mut running, "th2 is alive", &json!("no"));
        running.press("join", "th2");
        until_refusal(&mut running, "RuntimeError: cannot join thread before it is started");
        running.press("start", "th2");
        running.until("th2", |kind| matches!(kind, EventKind::TaskStarted { task, tid: Some(_), .. } if task == "th2"));
        running.press("start", "th2");
        until_refusal(&mut running, "RuntimeError: threads can only be started once");
        running.press("join-timeout", "th2");
        until_task(&mut running, "main", "waiting", "join()");
        running.press("join", "");
        until_value(&mut running, "th2 is alive", &json!("no"));
        running.press("start", "th3");
        until_refusal(&mut running, "th3");
        for action in ["start", "join", "abort"] {
            running.press(action, "");
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("args"), json!(2), "{language}: T and 2");
        assert_eq!(ran.observed("one-process"), json!([1, 2]));
        assert_eq!(ran.observed("crash"), json!("killed by SIGABRT"));
        assert!(!ran.facts().contains_key("exception"));
        assert_eq!(ran.refusals().len(), 3, "{language}: {:?}", ran.refusals());
    }
}

/// Four exceptions: three threads to fail, and the first one goes on; afterwards there is nobody to crash.
#[test]
fn exceptions_end_one_thread_each() {
    for language in BOTH {
        let mut running = start("thread-basics", language, &json!({ "patience": 60.0 }));
        for _ in 0..4 {
            running.press("raise", "");
        }
        until_refusal(&mut running, "no thread left");
        for action in ["abort", "abort", "raise", "start", "join"] {
            running.press(action, "");
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("exception"), json!(1), "{language}: the first thread is left");
        assert_eq!(ran.values("threads of crash-test"), [3, 2, 1].map(|left| json!(left)));
        let expected =
            ["\"raise\": crash-test has no thread left", "\"abort\": crash-test has ended", "\"raise\": crash-test has no"];
        assert!(ran.refusals().iter().zip(expected).all(|(text, part)| text.contains(part)), "{:?}", ran.refusals());
        assert_eq!(ran.refusals().len(), 3, "{:?}", ran.refusals());
    }
}

#[test]
fn a_crash_test_that_is_killed_or_stopped_ends_the_lesson_all_the_same() {
    let all = BOTH.into_iter().flat_map(|language| [Sent::Kill, Sent::Stop].map(|sent| (language, sent)));
    let bodies = all.map(|(language, sent)| {
        Box::new(move || {
            // Time enough for us, before main crashes it by itself.
            let mut running = start("thread-basics", language, &json!({ "patience": 8.0 }));
            running.until("crash-test", |kind| matches!(kind, EventKind::ProcessStarted { .. }));
            running.signal(sent, "crash-test");
            let ran = running.play(&[]);
            ran.assert_passed();
            assert!(!ran.facts().contains_key("crash"), "{language}: nobody aborted it");
            ran.assert_nothing_is_left();
            let zombies = ran
                .events
                .iter()
                .filter(|event| matches!(event.kind, EventKind::ProcessState { state: ProcessState::Zombie, .. }));
            assert!(zombies.count() <= 1);
        }) as Box<dyn FnOnce() + Send>
    });
    together(bodies);
}

#[test]
fn the_print_lock_is_switched_while_lines_come() {
    for language in BOTH {
        let params = json!({ "lines": 30, "lock": true });
        let mut running = start("garbled-print", language, &params);
        until_value(&mut running, "lock", &json!("on"));
        running.until("a line", |kind| matches!(kind, EventKind::Value { name, .. } if name == "line"));
        running.press("lock", "perhaps");
        running.press("lock", "");
        until_value(&mut running, "lock", &json!("off"));
        let ran = running.play(&[]);
        ran.assert_passed();
        let ids: Vec<_> = ran.facts().into_keys().map(str::to_owned).collect();
        assert_eq!(ids, ["complete", "own-order", "torn", "whole"], "{language}");
        assert_eq!(ran.refusals().len(), 1, "{:?}", ran.refusals());
        // Below each line of the screen stands who wrote it: one digit for each character.
        let torn = ran.values("line").into_iter().any(|line| {
            let whose = line[1].as_str().expect("text").to_owned();
            whose.contains('1') && whose.contains('2')
        });
        assert!(torn, "{language}: {}", ran.printed);
    }
}

#[test]
fn one_box_is_edited_and_the_others_stay() {
    for language in BOTH {
        let mut running = start("thread-local", language, &json!({ "patience": 60.0 }));
        running.press_all(&[("edit", "th-2=50"), ("edit", "th-3"), ("edit", "global=-7"), ("edit", "")]);
        for wrong in ["th-9=1", "th-1=", "th-0=1", "global=many", "5", "th-1=99999999999999999999"] {
            running.press("edit", wrong);
        }
        running.press("finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("private"), json!([11, 50, 31]), "{language}");
        assert_eq!(ran.observed("global"), json!([-7, -7, -7]), "{language}");
        assert_eq!(ran.refusals().len(), 6, "{language}: {:?}", ran.refusals());
        assert!(ran.refusals().iter().all(|text| text.contains("th-1") && text.contains("global")), "{:?}", ran.refusals());
    }
}

#[test]
fn permits_are_added_and_taken_away() {
    for language in BOTH {
        let mut running = start("semaphore", language, &json!({ "permits": 2, "visits": 10, "stay": 0.2 }));
        until_value(&mut running, "threads inside", &json!(1));
        running.press("fewer", "");
        until_value(&mut running, "permits", &json!(1));
        running.press("fewer", "");
        until_refusal(&mut running, "the last permit stays");
        for _ in 0..8 {
            running.press("more", "");
        }
        until_refusal(&mut running, "eight LEDs");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("permits-left"), json!(8), "{language}: two, less one, and seven more");
        assert_eq!(ran.refusals().len(), 2, "{:?}", ran.refusals());
        let led = ran.levels(17);
        assert!(led.chunks(2).all(|pair| pair == [1, 0]) && !led.is_empty(), "{language}: {led:?}");
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
fn timers_are_cancelled_and_started() {
    for language in BOTH {
        let mut running = start("timer", language, &json!({ "delay": 2.0, "interval": 0.4 }));
        until_task(&mut running, "main", "waiting", "");
        running.press_all(&[
            ("cancel", "every"),
            ("cancel", "nobody"),
            ("start", ""),
            ("cancel", ""),
            ("cancel", "hello-2"),
            ("start", ""),
        ]);
        running.press("cancel", "doomed");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("once"), json!([1, 1]), "{language}: hello, and the last one");
        let ids: Vec<_> = ran.facts().into_keys().map(str::to_owned).collect();
        assert_eq!(ids, ["cancelled", "drift-times", "drifts", "not-early", "once", "own-thread"], "{language}");
        assert_eq!(ran.refusals().len(), 2, "nobody, and hello-2 again: {:?}", ran.refusals());
        assert!(ran.refusals()[1].contains("hello-2") && ran.refusals()[1].contains("over"), "{:?}", ran.refusals());
    }
}

/// A timer that is cancelled at the very moment at which it is due calls, or does not: the lesson ends either way, and claims nothing of it.
#[test]
fn a_timer_that_is_cancelled_when_it_is_due_does_not_hold_up_the_end() {
    for language in BOTH.repeat(3) {
        let delay = Duration::from_millis(300);
        let mut running = start("timer", language, &json!({ "delay": delay.as_secs_f64(), "times": 1, "interval": 0.05 }));
        until_task(&mut running, "main", "waiting", "");
        let body = running.pid();
        kill(body, Signal::STOP);
        running.press("cancel", "hello");
        // Until it is due; then its thread and main's go on at the same time.
        std::thread::sleep(delay);
        kill(body, Signal::CONT);
        running.play(&[]).assert_passed();
    }
}

/// The last state of this task that was told is a wait for that thing.
fn waits(kind: &EventKind, wanted: &str, thing: &str) -> bool {
    matches!(kind, EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), .. } if task == wanted && on == thing)
}

#[test]
fn the_flag_goes_up_and_down_by_hand_with_its_led() {
    for language in BOTH {
        let mut live = Live::start("event", language, &json!({ "waiters": 1, "work": 0.2, "pause": 2.0, "times": 1 }));
        live.until("a wait", |kind| waits(kind, "waiter-1", "event go"));
        live.act("set event go");
        live.until("its end", |kind| matches!(kind, EventKind::TaskChanged { woken_by: Some(by), .. } if by == "you"));
        live.act("clear event go");
        live.until("a wait", |kind| waits(kind, "waiter-1", "event go"));
        live.act("go-on main");
        live.act("lift event go");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.levels(17)[..4], [1, 0, 1, 0], "{language}: by hand, and by main");
        assert_eq!(ran.observed("is-set")[0], json!("up"), "{language}");
        assert_eq!(ran.observed("all-wake").as_array().map(|all| all.iter().all(|woken| *woken == 1)), Some(true), "{language}");
        assert_eq!(ran.refusals().len(), 1, "{language}: {:?}", ran.refusals());
    }
}

#[test]
fn customers_are_woken_by_main_and_by_hand() {
    for language in BOTH {
        let mut live = Live::start("condition", language, &json!({ "customers": 3, "pause": 1.5 }));
        for _ in 0..3 {
            live.until("a wait", |kind| matches!(kind, EventKind::TaskChanged { state: TaskState::Waiting, on: Some(on), .. } if on == "condition shop"));
            live.skip();
        }
        live.act("notify condition shop");
        live.until("a customer", |kind| matches!(kind, EventKind::TaskChanged { woken_by: Some(by), .. } if by == "you"));
        live.act("dance condition shop");
        let ran = live.end();
        ran.assert_passed();
        let all = ran.facts();
        for (fact, observed) in
            [("notify-one", json!(1)), ("notify-all", json!([2, 2])), ("back-to-sleep", json!(2)), ("lock", json!(3))]
        {
            assert!(all.get(fact).is_some_and(|found| found.observed == observed), "{language}: {fact}: {all:#?}");
        }
        assert_eq!(ran.printed.matches("buys").count(), 3, "{language}: {}", ran.printed);
        assert_eq!(ran.refusals().len(), 1, "{language}: {:?}", ran.refusals());
    }
}

#[test]
fn chaos_has_many_orders_and_one_result() {
    for language in BOTH {
        let mut live = Live::start("chaos", language, &json!({ "threads": 2, "load": 2, "pause": 1.0 }));
        live.until(
            "a pause",
            |kind| matches!(kind, EventKind::TaskChanged { task, state: TaskState::Sleeping, .. } if task == "main"),
        );
        live.act("go-on main");
        live.act("go-on nobody");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("result"), json!([1, 1]), "{language}");
        assert!(ran.refusals().iter().any(|text| text.contains("nobody")), "{language}: {:?}", ran.refusals());
    }
}

/// Any process of these lessons may be stopped, continued and killed; nothing is left of it.
#[test]
fn nothing_is_left_of_a_plain_lesson_that_is_killed() {
    for id in ["event", "condition", "deadlock", "chaos", "gil"] {
        for language in BOTH {
            let mut live = Live::start(id, language, &json!({}));
            live.until(
                "a second thread",
                |kind| matches!(kind, EventKind::TaskStarted { task, tid: Some(_), .. } if task != "main"),
            );
            for action in ["stop", "cont", "kill"] {
                live.act(&format!("{action} {id}"));
            }
            let ran = live.end();
            assert_eq!((ran.code, ran.facts().len()), (None, 0), "{id} {language}: {:?}", ran.facts());
        }
    }
}
