//! The lessons on locks, in both languages: what a person does to them, and what becomes of bad orders.

use std::collections::BTreeSet;

use serde_json::json;
use support::lesson::{BOTH, Ran, Running, run, scenario};
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

/// When no action can come any more, all tasks go on.
#[test]
fn step_mode_ends_when_the_control_pipe_closes() {
    for language in BOTH {
        let params = json!({ "step": true, "patience": 0.1 });
        let mut running = Running::start(scenario("deadlock"), language, &params);
        running.until("a gate", |kind| gate(kind).is_some());
        running.hang_up();
        running.play(&[]).assert_passed();
        let mut alone = Running::start(scenario("deadlock"), language, &params);
        alone.hang_up();
        alone.play(&[]).assert_passed();
    }
}

/// Painter and broker each take their first lock, and then ask for the other's: that is all that it takes.
#[test]
fn a_deadlock_is_found_by_steps_and_replays() {
    let bad = ["painter", "broker", "painter", "broker"];
    for language in BOTH {
        let params = json!({ "step": true, "patience": 0.1 });
        let ran = stepped("deadlock", language, &params, &bad);
        ran.assert_passed();
        assert!(ran.facts()["bad-order"].holds, "{language}");
        let replay = json!({ "replay": bad.join(" "), "patience": 0.1 });
        let again = run(scenario("deadlock"), language, &replay, &[]);
        again.assert_passed();
        assert!(again.facts()["bad-order"].holds && again.facts()["replayed"].holds, "{language}: {:?}", again.facts());
    }
}

#[test]
fn a_deadlock_is_named_and_whoever_is_there_can_break_it() {
    for language in BOTH {
        let mut running = Running::start(scenario("deadlock"), language, &json!({ "patience": 60.0, "rounds": 1 }));
        running.until("deadlock", |kind| matches!(kind, EventKind::Value { name, .. } if name == "who waits for whom"));
        let held = |ran: &Ran, who: &str, what: &str, by: &str| {
            ran.events.iter().any(|event| {
                matches!(&event.kind, EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), held_by: Some(holder), .. }
                    if task == who && on == what && holder == by)
            })
        };
        assert!(held(&running.ran, "painter", "lock prices", "broker") && held(&running.ran, "broker", "lock screen", "painter"));
        running.write("{\"do\":\"release\",\"target\":\"prices\"}\n{\"do\":\"release\",\"target\":\"nothing\"}\n");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert!(ran.refusals().iter().any(|text| text.contains("nothing")), "{:?}", ran.refusals());
        assert_eq!(ran.values("locks taken away from one who waited"), [json!(1)], "{language}");
    }
}

#[test]
fn in_the_same_order_there_is_no_circle() {
    for language in BOTH {
        let ran = run(scenario("deadlock"), language, &json!({ "order": "same" }), &[]);
        ran.assert_passed();
        assert_eq!(ran.values("deadlocks"), [json!(0)], "{language}");
    }
}
