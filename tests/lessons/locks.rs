//! The lessons on locks, in both languages: what a person does to them, and what becomes of bad orders.

use std::collections::BTreeSet;

use serde_json::json;
use support::lesson::{BOTH, Live, Ran, Running, run, scenario};
use tasklab::model::{EventKind, Language, TaskState};

/// The task that waits at a gate, and the gate: `worker-1` before `acquire lock counter`.
fn gate(kind: &EventKind) -> Option<(&str, &str)> {
    match kind {
        EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), .. } => Some((task, on.strip_prefix("step: ")?)),
        _ => None,
    }
}

/// Runs a lesson in step mode: `order` are the tasks as they are let go, one after the other stands at its gate.
fn stepped(id: &str, language: Language, params: &serde_json::Value, order: &[&str]) -> Ran {
    let mut running = Running::start(scenario(id), language, params);
    let tasks: BTreeSet<&str> = order.iter().copied().collect();
    let mut there = BTreeSet::new();
    running.until("everybody at a gate", |kind| {
        there.extend(gate(kind).map(|(task, _)| task.to_owned()));
        tasks.iter().all(|task| there.contains(*task))
    });
    for task in order {
        running.write(&format!("{}\n", json!({ "do": "step", "target": task })));
    }
    let mut passed = 0;
    running.until("the last step", |kind| {
        passed += usize::from(matches!(kind, EventKind::Value { name, .. } if name == "order"));
        passed == order.len()
    });
    running.write("{\"do\":\"step\",\"target\":\"off\"}\n");
    running.play(&[])
}

#[test]
fn with_the_lock_no_update_is_lost() {
    for language in BOTH {
        for gap in [0, 100] {
            let ran = run(
                scenario("race"),
                language,
                &json!({ "lock": true, "rounds": 2, "pause": 0.0, "updates": 100, "gap": gap }),
                &[],
            );
            ran.assert_passed();
            assert_eq!(ran.facts()["lost"].observed, json!(0), "{language}");
        }
        let open = run(scenario("race"), language, &json!({ "rounds": 1, "updates": 100, "gap": 0 }), &[]);
        open.assert_passed();
        assert!(!open.facts().contains_key("lost"), "nothing is claimed where nobody can know");
    }
}

/// The user finds an order that loses an update, and the same order loses it again.
#[test]
fn a_bad_order_of_the_race_is_found_and_replays() {
    let good = ["worker-1", "worker-1", "worker-1", "worker-1", "worker-2", "worker-2", "worker-2", "worker-2"];
    let bad = ["worker-1", "worker-2", "worker-2", "worker-1", "worker-2", "worker-2", "worker-1", "worker-1"];
    for language in BOTH {
        let params = json!({ "workers": 2, "step": true, "gap": 0 });
        let ran = stepped("race", language, &params, &good);
        ran.assert_passed();
        assert!(!ran.facts().contains_key("bad-order"), "{language}: {:?}", ran.facts());
        let ran = stepped("race", language, &params, &bad);
        ran.assert_passed();
        assert!(ran.facts()["bad-order"].holds, "{language}");
        let order = ran.values("order").pop().expect("an order");
        assert_eq!(order, json!(bad.join(" ")));
        for _ in 0..5 {
            let again = run(scenario("race"), language, &json!({ "workers": 2, "gap": 0, "replay": order }), &[]);
            again.assert_passed();
            assert_eq!(again.facts()["bad-order"].observed, ran.facts()["bad-order"].observed, "{language}");
            assert_eq!(again.facts()["replayed"].observed, order);
        }
    }
}

/// When no action can come any more, all tasks go on.
#[test]
fn step_mode_ends_when_the_control_pipe_closes() {
    for language in BOTH {
        for (id, params) in [("race", json!({ "step": true }))] {
            let mut running = Running::start(scenario(id), language, &params);
            running.until("a gate", |kind| gate(kind).is_some());
            running.hang_up();
            running.play(&[]).assert_passed();
            let mut alone = Running::start(scenario(id), language, &params);
            alone.hang_up();
            alone.play(&[]).assert_passed();
        }
    }
}

#[test]
fn an_order_that_nobody_can_follow_fails_its_fact() {
    for language in BOTH {
        let ran = run(scenario("race"), language, &json!({ "workers": 2, "replay": "worker-1 worker-7" }), &[]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(!ran.facts()["replayed"].holds, "{language}");
        assert!(ran.notices().iter().any(|text| text.contains("worker-7")), "{:?}", ran.notices());
    }
}

/// A person may take either lock away. Without that the broker gives up when its time is over.
#[test]
fn a_deadlock_is_ended_by_a_person_or_by_a_time_limit() {
    for language in BOTH {
        for lock in ["lock screen", "lock prices", ""] {
            let params = json!({ "gap": 0.3, "timeout": if lock.is_empty() { 1.0 } else { 10.0 } });
            let mut live = Live::start("deadlock", language, &params);
            let mut waiting = BTreeSet::new();
            live.until("a circle", |kind| {
                if let EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), held_by: Some(_), .. } = kind
                    && on.starts_with("lock ")
                {
                    waiting.insert(task.clone());
                }
                waiting.len() == 2
            });
            if !lock.is_empty() {
                live.act(&format!("release {lock}"));
            }
            live.act("release lock nothing");
            let ran = live.end();
            ran.assert_passed();
            let by = if lock.is_empty() { "the broker gave up when its time was over" } else { "you took a lock away" };
            assert_eq!(ran.observed("ended"), json!(by), "{language} {lock}");
            assert_eq!(ran.observed("both-done"), json!(2), "{language} {lock}");
            assert_eq!(ran.printed.contains("Somebody took the lock away"), !lock.is_empty(), "{language}: {}", ran.printed);
            assert!(ran.refusals().iter().any(|text| text.contains("lock nothing")), "{:?}", ran.refusals());
            assert_eq!((ran.levels(17).last(), ran.levels(27).last()), (Some(&0), Some(&0)), "{language}: both are dark");
        }
    }
}

#[test]
fn in_the_same_order_there_is_no_circle() {
    for language in BOTH {
        let ran = Live::start("deadlock", language, &json!({ "same_order": true, "gap": 0.3 })).end();
        ran.assert_passed();
        assert_eq!(ran.observed("circle"), json!("nobody in a circle"), "{language}");
    }
}

#[test]
fn a_forgotten_release_names_the_culprit_and_the_run_ends() {
    for language in BOTH {
        let ran = run(scenario("lock"), language, &json!({ "forget": true, "patience": 0.2, "rounds": 4 }), &[]);
        ran.assert_passed();
        assert_eq!(ran.facts()["culprit"].observed, json!("worker-1"), "{language}");
        assert!(ran.notices().iter().any(|text| text.starts_with("worker-1 has ended and still holds the lock")));
    }
}

#[test]
fn while_you_hold_the_lock_nobody_gets_it() {
    for language in BOTH {
        let mut running = Running::start(scenario("lock"), language, &json!({ "rounds": 20 }));
        let is = |kind: &EventKind, who: &str, wanted: TaskState, what: &str| matches!(kind, EventKind::TaskChanged { task, state, on: Some(on), .. } if task == who && *state == wanted && on == what);
        running.until("work", |kind| is(kind, "worker-1", TaskState::Running, "lock tool"));
        running.write("{\"do\":\"hold\"}\n");
        running.until("your turn", |kind| is(kind, "you", TaskState::Running, "lock tool"));
        let mut waiting = BTreeSet::new();
        running.until("all wait for you", |kind| {
            if let EventKind::TaskChanged { task, held_by: Some(by), .. } = kind
                && by == "you"
            {
                waiting.insert(task.clone());
            }
            waiting.len() == 4
        });
        running.write("{\"do\":\"hold\"}\n{\"do\":\"release\"}\n");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert!(ran.refusals().iter().any(|text| text.contains("hold")), "twice at once is refused: {:?}", ran.refusals());
        assert_eq!(ran.levels(17).last(), Some(&0), "the LED is off in the end");
    }
}
