//! Plain lessons of the threads: what a person can do in each, in both languages.

use serde_json::{Value, json};
use support::lesson::{BOTH, Live};
use tasklab::model::{EventKind, ExitStatus, Language, Level, Line, TaskState};

const GPIO17: Line = Line::gpio(17);

/// A task is in a state; `wanted_on` as the event line has it, and empty for any.
fn is(kind: &EventKind, wanted: &str, now: TaskState, wanted_on: &str) -> bool {
    matches!(kind, EventKind::TaskChanged { task, state, on, .. }
        if task == wanted && *state == now && (wanted_on.is_empty() || on.as_deref() == Some(wanted_on)))
}

fn is_done(kind: &EventKind, word: &str) -> bool {
    matches!(kind, EventKind::Action { action, .. } if action.word() == word)
}

fn start(id: &str, language: Language, params: &Value) -> Live {
    Live::start(id, language, params)
}

#[test]
fn a_permit_that_a_person_adds_is_no_claim_of_the_lesson() {
    for language in BOTH {
        let params = json!({ "threads": 3, "permits": 1, "visits": 2, "stay": 0.2, "pause": 5.0 });
        let mut live = start("semaphore", language, &params);
        live.until("a wait", |kind| is(kind, "visitor-3", TaskState::Waiting, "semaphore door"));
        live.act("acquire semaphore door");
        live.until("it is asked for", |kind| is_done(kind, "acquire"));
        for action in ["release semaphore door", "release semaphore door", "another visitor-1", "release semaphore nobody"] {
            live.act(action);
        }
        live.until("one more", |kind| matches!(kind, EventKind::TaskStarted { task, tid: Some(_), .. } if task == "visitor-4"));
        live.act("go-on main");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.facts().into_keys().collect::<Vec<_>>(), ["bounded"], "{language}");
        assert_eq!(ran.refusals().len(), 1, "{language}: {:?}", ran.refusals());
    }
}

#[test]
fn a_visitor_gets_in_by_main_s_release() {
    for language in BOTH {
        let mut live = start("semaphore", language, &json!({ "pause": 5.0, "stay": 0.2, "visits": 8 }));
        live.until("a wait", |kind| is(kind, "visitor-8", TaskState::Waiting, "semaphore door"));
        live.act("go-on main");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!((ran.observed("inside"), ran.observed("extra")), (json!(3), json!(4)), "{language}");
        assert_eq!(ran.levels(17).first(), Some(&1), "{language}: a permit in use is lit");
    }
}

#[test]
fn updates_are_lost_without_the_lock_and_none_while_a_person_makes_all_wait() {
    for language in BOTH {
        let mut live = start("race", language, &json!({ "rounds": 3, "pause": 2.0 }));
        for _ in 0..2 {
            live.until("a pause", |kind| is(kind, "main", TaskState::Sleeping, ""));
            live.act("go-on main");
            live.until("the next round", |kind| is_done(kind, "go-on"));
        }
        live.act("hold lock counter_lock");
        live.until("all wait", |kind| is(kind, "worker-4", TaskState::Waiting, "lock counter_lock"));
        live.act("release lock counter_lock");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("lost-with-lock"), json!(0), "{language}");
        assert!(ran.facts().contains_key("lost") && ran.facts().contains_key("varies"), "{language}");
        assert_eq!(ran.refusals(), [""; 0], "{language}");
    }
}

#[test]
fn one_more_thread_fills_its_box_and_a_held_lock_keeps_the_writer_out() {
    for language in BOTH {
        let mut live = start("thread-local", language, &json!({ "threads": 2, "reads": 10, "gap": 0.02 }));
        live.until("a thread", |kind| is(kind, "th-1", TaskState::Sleeping, ""));
        live.act("another th-1");
        live.act("hold lock accounts");
        live.until("the writer waits", |kind| is(kind, "writer", TaskState::Waiting, "lock accounts"));
        live.act("release lock accounts");
        let ran = live.end();
        ran.assert_passed();
        let ids: Vec<&str> = ran.facts().into_keys().collect();
        assert_eq!(ids, ["guarded", "main-empty", "steady"], "{language}");
        assert!(ran.printed.contains("th-3 finds: mine.x "), "{language}: {}", ran.printed);
    }
}

#[test]
fn a_lock_that_careless_has_left_is_released_by_whoever_is_there() {
    for language in BOTH {
        for by_hand in [false, true] {
            let params = json!({ "rounds": 1, "section": 0.05, "outside": 0.1, "pause": if by_hand { 5.0 } else { 0.5 } });
            let mut live = start("lock", language, &params);
            live.until("the LED", |kind| matches!(kind, EventKind::Gpio { line: GPIO17, level: Level::High }));
            live.until("main waits", |kind| is(kind, "main", TaskState::Waiting, "lock tool"));
            if by_hand {
                live.act("release lock tool");
            }
            let ran = live.end();
            ran.assert_passed();
            assert_eq!(ran.facts().contains_key("left-held"), !by_hand, "{language}: {:?}", ran.facts());
            if !by_hand {
                assert_eq!(ran.observed("owner"), json!(["ok", "RuntimeError"]), "{language}");
            }
        }
    }
}

#[test]
fn while_a_person_holds_the_lock_nobody_gets_it() {
    for language in BOTH {
        let mut live = start("lock", language, &json!({ "rounds": 6, "section": 0.05 }));
        live.until("work", |kind| is(kind, "worker-1", TaskState::Running, "lock tool"));
        live.act("hold lock tool");
        live.act("hold lock tool");
        live.act("another worker-1");
        live.until("it waits", |kind| is(kind, "worker-5", TaskState::Waiting, "lock tool"));
        live.act("release lock tool");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("at-once"), json!(1), "{language}");
        assert_eq!(ran.refusals().len(), 1, "{language}: twice at once is refused: {:?}", ran.refusals());
        assert_eq!(ran.levels(17).last(), Some(&0), "{language}");
    }
}

#[test]
fn lines_are_torn_until_all_take_the_lock() {
    for language in BOTH {
        let mut live = start("garbled-print", language, &json!({ "lines": 3, "gap": 0.05 }));
        live.until("the lock", |kind| matches!(kind, EventKind::Thing { on, .. } if on == "lock screen"));
        live.act("hold lock screen");
        live.until("a writer waits", |kind| is(kind, "writer-2", TaskState::Waiting, "lock screen"));
        live.act("release lock screen");
        let ran = live.end();
        ran.assert_passed();
        let ids: Vec<&str> = ran.facts().into_keys().collect();
        assert_eq!(ids, ["complete", "torn", "turns", "whole"], "{language}");
    }
}

#[test]
fn a_timer_that_a_person_cancels_in_time_never_calls() {
    for language in BOTH {
        let mut live = start("timer", language, &json!({ "delay": 3.0, "times": 1 }));
        live.until("main sleeps", |kind| is(kind, "main", TaskState::Sleeping, ""));
        live.act("cancel timer hello");
        live.act("go-on main");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("cancelled"), json!([0, 0]), "{language}");
        assert!(!ran.facts().contains_key("own-thread") && ran.facts().contains_key("drifts"), "{language}");
        assert_eq!(ran.levels(17), [1, 0], "{language}");
    }
}

#[test]
fn threads_begin_at_their_start_and_a_killed_process_is_no_crash() {
    for language in BOTH {
        let params = json!({ "threads": 1, "comma": false, "life": 1.0, "pause": 3.0 });
        let mut live = start("thread-basics", language, &params);
        live.until("main sleeps", |kind| is(kind, "main", TaskState::Sleeping, ""));
        live.act("go-on main");
        let pid = live.until_process("crash-test");
        live.act(&format!("kill {pid}"));
        let ran = live.end();
        ran.assert_passed();
        assert_eq!((ran.observed("not-before-start"), ran.observed("start-returns")), (json!(1), json!(2)), "{language}");
        assert_eq!(ran.observed("args"), json!(2), "{language}: T and 1");
        assert!(!ran.facts().contains_key("crash"), "{language}");
        let killed = |kind: &EventKind| matches!(kind, EventKind::ProcessExited { status: ExitStatus::Signaled { .. }, .. });
        assert!(ran.events.iter().any(|event| killed(&event.kind)), "{language}");
    }
}

/// In this order each of the two reads before the other one writes. The step that follows an order is the program's own.
#[test]
fn an_order_of_steps_loses_an_update_each_time() {
    let order = "worker-1 worker-2 worker-1 worker-2";
    for _ in 0..3 {
        let params = json!({ "workers": 2, "rounds": 1, "updates": 1, "pause": 0, "replay": order });
        let ran = Live::start("race", Language::Rust, &params).end();
        assert!(ran.printed.contains("round 1: 2 updates, counter 1, lost 1"), "{}", ran.printed);
    }
}
