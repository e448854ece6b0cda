//! Locks that are taken in two orders, in both languages: the circle, and who breaks it.

use std::collections::BTreeSet;

use serde_json::json;
use support::lesson::{BOTH, Live};
use tasklab::model::{EventKind, TaskState};

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
            assert_eq!(ran.printed.contains("lock taken away"), !lock.is_empty(), "{language}: {}", ran.printed);
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
