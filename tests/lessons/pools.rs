//! A person's actions on the lessons of pools, queues, futures, coroutines and the interpreter lock, in both languages:
//! each action, wrong targets, actions that come too late, and signals to whatever process there is.

use std::time::{Duration, Instant};

use serde_json::json;
use support::lesson::{BOTH, Live, decided};
use tasklab::model::{EventKind, TaskSort, TaskState};

/// Whether it tells that this task is in this state, on something whose name begins like this.
fn is(kind: &EventKind, wanted: &str, wanted_state: TaskState, what: &str) -> bool {
    matches!(kind, EventKind::TaskChanged { task, state, on, .. }
        if task == wanted && *state == wanted_state && on.as_deref().unwrap_or_default().starts_with(what))
}

/// Runs until the process of this task is known, and kills it; `""` is the first process that sleeps.
fn kill(live: &mut Live, wanted: &str) {
    let (mut tasks, mut known, mut chosen) = (Vec::new(), Vec::new(), None);
    live.until("a task of a process that is known", |kind| {
        match kind {
            EventKind::TaskStarted { task, sort: TaskSort::Process, pid, .. } => {
                chosen = chosen.or(Some(*pid).filter(|_| task == wanted));
                tasks.push((task.clone(), *pid));
            }
            EventKind::TaskChanged { task, state: TaskState::Sleeping, .. } if wanted.is_empty() => {
                chosen = chosen.or_else(|| tasks.iter().find(|(name, _)| name == task).map(|(_, pid)| *pid));
            }
            EventKind::ProcessStarted { pid, .. } => known.push(*pid),
            _ => {}
        }
        chosen.is_some_and(|pid| known.contains(&pid))
    });
    live.act(&format!("kill {}", chosen.expect("just seen")));
}

#[test]
fn a_killed_worker_breaks_a_pool_of_processes() {
    for language in BOTH {
        let mut live = Live::start("thread-pool", language, &json!({ "kind": "process", "each": 1.0 }));
        kill(&mut live, "");
        let ran = live.end();
        ran.assert_passed();
        assert!(ran.observed("broken").as_u64().is_some_and(|failed| failed >= 1), "{language}: {ran:#?}");
        assert!(ran.printed.contains("the pool is broken"), "{language}: {}", ran.printed);
    }
}

#[test]
fn a_map_waits_for_ever_for_the_task_of_a_killed_worker() {
    for language in BOTH {
        let mut live = Live::start("process-pool", language, &json!({ "tasks": 8, "each": 0.3 }));
        kill(&mut live, "");
        let mut printed = Vec::new();
        live.until("the other tasks", |kind| {
            if let EventKind::Output { bytes, .. } = kind {
                printed.extend_from_slice(bytes);
            }
            String::from_utf8_lossy(&printed).matches(" is done").count() == 7
        });
        // Nothing more will happen, and it takes time to see that.
        let done = Instant::now();
        live.until("silence", |kind| !matches!(kind, EventKind::Output { .. }) && done.elapsed() > Duration::from_secs(1));
        live.act("end");
        let ran = live.end();
        assert!(!ran.printed.contains("map gave") && ran.printed.matches(" is done").count() == 7, "{language}: {ran:#?}");
    }
}

/// Covers: fact 58.
#[test]
fn a_future_that_waits_is_taken_back() {
    for language in BOTH {
        let mut live = Live::start("futures", language, &json!({ "workers": 2, "tasks": 6 }));
        let is_made = |kind: &EventKind| matches!(kind, EventKind::TaskStarted { task, .. } if task == "square-6");
        live.until("all futures", is_made);
        live.act("cancel future square-5");
        live.act("cancel future square-1");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.printed.matches("a cancelled one").count(), 2, "{language}: {}", ran.printed);
        assert!(ran.refusals().len() == 1 && ran.refusals()[0].contains("it runs"), "{language}: {:?}", ran.refusals());
    }
}

#[test]
fn main_goes_on_before_its_sleep_is_over() {
    let is_long = |kind: &EventKind| is(kind, "main", TaskState::Sleeping, "sleep()");
    for language in BOTH {
        for (id, params) in [
            ("process-pool", json!({ "tasks": 4, "each": 0.05 })),
            ("pipe", json!({ "records": 2, "pause": 3.0 })),
            ("queue", json!({ "consumers": 1, "consume": 0.05 })),
            ("async", json!({ "coroutines": 2, "pause": 0.1, "steps": 16, "block": 0.9 })),
            ("overhead", json!({ "steps": 2, "repeats": 2, "tasks": 2 })),
        ] {
            let ran = decided(id, || {
                let mut live = Live::start(id, language, &params);
                live.until("a sleep", is_long);
                live.act("go-on main");
                live.act("go-on nobody");
                live.end()
            });
            ran.assert_passed();
            assert!(ran.refusals().iter().any(|text| text.contains("nobody")), "{id} {language}: {:?}", ran.refusals());
        }
    }
}

#[test]
fn one_more_marker_stops_one_more_mailer() {
    for language in BOTH {
        let mut live = Live::start("queue", language, &json!({ "ends": 0, "consume": 0.05 }));
        live.until("a mailer", |kind| is(kind, "mailer-1", TaskState::Waiting, "queue outbox"));
        live.act("put queue outbox hello");
        live.act("put queue nothing hello");
        live.until("the look", |kind| is(kind, "main", TaskState::Sleeping, "sleep()"));
        let is_sent = |kind: &EventKind| matches!(kind, EventKind::TaskChanged { state: TaskState::Waiting, .. });
        live.until("a mailer that waits", is_sent);
        live.act("put queue outbox END");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("counter"), json!(13), "{language}: twelve, and one of ours");
        assert_eq!(ran.printed.matches("found END").count(), 2, "{language}: {}", ran.printed);
        assert!(ran.refusals().len() == 1 && ran.refusals()[0].contains("queue nothing"), "{language}: {:?}", ran.refusals());
    }
}

#[test]
fn mails_are_lost_with_mailers_that_nobody_waits_for() {
    for language in BOTH {
        let ran = Live::start("queue", language, &json!({ "wait": false, "consume": 0.8 })).end();
        ran.assert_passed();
        assert!(ran.observed("lost").as_u64().is_some_and(|lost| lost > 0), "{language}: {ran:#?}");
    }
}

#[test]
fn join_waits_for_the_item_that_is_held_back_and_for_one_more() {
    for language in BOTH {
        let params = json!({ "items": 4, "workers": 2, "work": 0.2, "pause": 5.0 });
        let mut live = Live::start("joinable-queue", language, &params);
        let is_held = |kind: &EventKind| matches!(kind, EventKind::TaskChanged { on: Some(on), .. } if on == "event report");
        live.until("a worker that holds back", is_held);
        live.act("put queue todo 10");
        let is_done = |kind: &EventKind| matches!(kind, EventKind::Output { bytes, .. } if String::from_utf8_lossy(bytes).contains("item 10 is done"));
        live.until("the new item", is_done);
        live.act("set event report");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("join-waits"), json!(5), "{language}");
        assert!(ran.observed("held-back").as_f64().is_some_and(|waited| waited < 5.0), "{language}: {ran:#?}");
    }
}

#[test]
fn an_echo_that_is_killed_ends_the_talk() {
    for language in BOTH {
        let mut live = Live::start("pipe", language, &json!({}));
        kill(&mut live, "echo");
        let ran = live.end();
        assert_eq!(ran.code, Some(1), "{language}: {ran:#?}");
    }
}

#[test]
fn nothing_is_left_of_a_pool_whose_main_is_killed() {
    for language in BOTH {
        for (id, params) in [
            ("thread-pool", json!({ "kind": "process" })),
            ("process-pool", json!({})),
            ("pipe", json!({})),
            ("queue", json!({})),
            ("joinable-queue", json!({})),
        ] {
            let mut live = Live::start(id, language, &params);
            let is_there = |kind: &EventKind| matches!(kind, EventKind::TaskStarted { task, .. } if task != "main");
            live.until("a task", is_there);
            let pid = live.pid_of("main").expect("it comes first");
            live.act(&format!("kill {pid}"));
            assert_eq!(live.end().code, None, "{id} {language}");
        }
    }
}

/// Whoever is killed ends its own work; of the cores that were used nothing is claimed then.
#[test]
fn a_process_that_is_killed_does_not_hold_the_interpreter_lock_s_lesson() {
    for language in BOTH {
        let mut live = Live::start("gil", language, &json!({ "span": 1.5, "workers": 2 }));
        let pid = live.until_process("process-2");
        live.act(&format!("kill {pid}"));
        let ran = live.end();
        ran.assert_passed();
        let ids: Vec<_> = ran.facts().into_keys().map(str::to_owned).collect();
        assert_eq!(ids, ["io-overlap", "still-lost", "turns"], "{language}");
    }
}
