//! The lessons of the threads: what a person can do in each, in both languages, and what cannot be done.

use serde_json::json;
use support::lesson::{BOTH, Live};
use tasklab::model::{EventKind, Level, Line, TaskState};

const GPIO27: Line = Line::gpio(27);

/// The last state of this task that was told is a wait for that thing.
fn waits(kind: &EventKind, wanted: &str, thing: &str) -> bool {
    matches!(kind, EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), .. } if task == wanted && on == thing)
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
fn a_flag_that_goes_up_once_is_asked_for_until_the_end() {
    for language in BOTH {
        let ran = Live::start("event", language, &json!({ "times": 1 })).end();
        ran.assert_passed();
        assert_eq!(ran.observed("is-set")[1], json!("down"), "{language}: it was asked for after clear(), too");
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
