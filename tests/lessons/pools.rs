//! A person's actions on the lessons of pools, queues, futures, coroutines and the interpreter lock, in both languages:
//! each action, wrong targets, actions that come too late, and signals to whatever process there is.

use serde_json::{Value, json};
use support::lesson::{BOTH, Live, Ran, Running, decided, run, scenario};
use tasklab::model::{EventKind, ExitStatus, Language};

fn start(id: &str, language: Language, params: &Value) -> Running {
    Running::start(scenario(id), language, params)
}

/// A task that is told to be in a state on something of that kind.
fn is_on(kind: &EventKind, wanted: &str, what: &str) -> bool {
    matches!(kind, EventKind::TaskChanged { task, on: Some(on), .. } if task == wanted && on.starts_with(what))
}

#[track_caller]
fn assert_refused(ran: &Ran, names: &[&str]) {
    let refusals = ran.refusals();
    assert_eq!(refusals.len(), names.len(), "one sentence for each: {refusals:?}");
    for (refusal, name) in refusals.iter().zip(names) {
        assert!(refusal.starts_with("could not do") && refusal.contains(name), "{name}: {refusal}");
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn a_list_is_mapped_again_with_the_chunk_size_that_is_asked_for() {
    for language in BOTH {
        let mut running = start("process-pool", language, &json!({ "tasks": 16, "size": 16, "patience": 1.0 }));
        running.until("map", |kind| is_on(kind, "main", "map()"));
        running.press("chunksize", "16");
        for wrong in ["33", "0", "many", ""] {
            running.press("chunksize", wrong);
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["33", "0", "many", "chunksize"]);
        let parts = ran.values("busiest worker's part with chunksize 16 (%)");
        assert_eq!(parts, [json!(100)], "{language}: one chunk, one worker");
        ran.assert_nothing_is_left();
    }
}

#[test]
fn a_process_pool_that_loses_a_worker_ends_and_says_so() {
    for language in BOTH {
        // An idle worker, which may hold a lock of the pool's queue, and one that is at work.
        for what in ["the queue", "task"] {
            let mut running = start("process-pool", language, &json!({ "tasks": 48, "size": 16, "workers": 3 }));
            running.until("a worker", |kind| is_on(kind, "worker-1", what));
            running.kill("worker-1");
            let ran = running.play(&[]);
            assert_eq!(ran.code, Some(0), "{language} {what}: {ran:#?}");
            assert!(ran.notices().iter().any(|text| text.contains("given up")), "{language}: {:?}", ran.notices());
            assert!(!ran.facts()["async-returns"].holds && !ran.facts()["order-kept"].holds, "{language}: {:#?}", ran.facts());
            ran.assert_nothing_is_left();
        }
    }
}

/// Whoever is killed ends its own work; of the cores that were used nothing is claimed then.
#[test]
fn a_process_that_is_killed_does_not_hold_the_interpreter_lock_s_lesson() {
    for language in BOTH {
        let mut live = Live::start("gil", language, &json!({ "span": 1.5, "workers": 2 }));
        live.until("start", |kind| matches!(kind, EventKind::TaskStarted { task, tid: Some(_), .. } if task == "process-2"));
        live.act("kill process-2");
        let ran = live.end();
        ran.assert_passed();
        let ids: Vec<_> = ran.facts().into_keys().map(str::to_owned).collect();
        assert_eq!(ids, ["io-overlap", "still-lost", "turns"], "{language}");
    }
}

#[test]
fn one_more_size_of_task_is_measured() {
    for language in BOTH {
        let ran = decided("overhead", || {
            let mut running = start("overhead", language, &json!({ "repeats": 3, "patience": 1.0 }));
            running.press("size", "5000");
            running.press("size", "20001");
            running.play(&[])
        });
        ran.assert_passed();
        assert_refused(&ran, &["20001"]);
        assert_eq!(ran.values("processes, 5000 µs each (ms)").len(), 1, "{language}");
        ran.assert_nothing_is_left();
    }
}

#[test]
fn a_process_that_does_one_task_can_be_killed() {
    let params = json!({ "repeats": 3, "smallest": 50, "patience": 1.0 });
    let mut running = start("overhead", Language::Rust, &params);
    running.until("a process", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "task-1"));
    running.stop("task-1");
    running.kill("task-1");
    let ran = running.play(&[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let was_killed = |kind: &EventKind| matches!(kind, EventKind::ProcessExited { status: ExitStatus::Signaled { .. }, .. });
    // It may have ended before it was killed; if not, a result is missing, and the lesson says so.
    assert_eq!(ran.facts()["same-results"].holds, !ran.events.iter().any(|event| was_killed(&event.kind)));
    ran.assert_nothing_is_left();
}

#[test]
fn coroutines_are_added_cancelled_and_blocked() {
    for language in BOTH {
        let mut running = start("async", language, &json!({ "coroutines": 3, "laps": 40, "pause": 0.05, "block": 0.1 }));
        running.until("a runner", |kind| is_on(kind, "runner-3", "the baton"));
        running.press_all(&[("cancel", "runner-2"), ("cancel", "runner-2"), ("cancel", "runner-9"), ("add", ""), ("block", "")]);
        running.until("the new runner", |kind| is_on(kind, "runner-4", "the baton"));
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["runner-2", "runner-9"]);
        assert_eq!(ran.facts()["cancelled"].observed, json!(1), "{language}");
        assert_eq!(ran.printed.matches("in a blocking call").count(), 2, "{language}: {}", ran.printed);
    }
}

#[test]
fn the_last_coroutine_cannot_be_cancelled() {
    for language in BOTH {
        let mut running = start("async", language, &json!({ "coroutines": 2, "laps": 40, "pause": 0.05, "block": 0.1 }));
        running.until("a runner", |kind| is_on(kind, "runner-2", "the baton"));
        running.press_all(&[("cancel", "runner-1"), ("cancel", "runner-2")]);
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["runner-2"]);
    }
}

#[test]
fn a_person_decides_which_future_is_done_next() {
    for language in BOTH {
        let mut running = start("futures", language, &json!({ "pace": 0.1 }));
        // Nobody hears before one of the tasks 1, 2 and 3 is done, that which began last; then 4 runs in its place.
        running.press_all(&[
            ("cancel", "task-1"),
            ("cancel", "task-5"),
            ("finish", "task-1"),
            ("finish", "task-2"),
            ("finish", "task-5"),
            ("finish", "nobody"),
        ]);
        let ran = running.play(&[]);
        ran.assert_passed();
        let order = ran.observed("as-completed");
        let order = texts(&order);
        let is_done = |task: &&&str| order[0] == **task;
        let refused = ["task-1", "task-2"].iter().filter(is_done).copied();
        let refused: Vec<&str> = ["task-1"].into_iter().chain(refused).chain(["task-5", "nobody"]).collect();
        assert_refused(&ran, &refused);
        let asked: Vec<&str> = ["task-1", "task-2"].iter().filter(|task| !is_done(task)).copied().collect();
        assert!(order.len() == 5 && order[1..].starts_with(&asked), "{language}: {order:?}");
    }
}

#[test]
fn a_consumer_is_paused_and_the_belt_fills() {
    for language in BOTH {
        let params = json!({ "consumers": 1, "producers": 1, "items": 60, "capacity": 4, "patience": 60.0, "produce": 0.005 });
        let mut running = start("queue", language, &params);
        running.until("work", |kind| is_on(kind, "main", "the producers"));
        running.press("pause", "consumer-1");
        running.until("a full belt", |kind| is_on(kind, "producer-1", "queue belt"));
        running.press_all(&[
            ("pause", "consumer-2"),
            ("put", ""),
            ("speed", "consume=0.01"),
            ("speed", "consume=9"),
            ("speed", "fast"),
            ("marker", ""),
            ("resume", "consumer-1"),
        ]);
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["consumer-2", "put", "consume=9", "fast", "marker"]);
        for line in 17..=20 {
            let levels = ran.levels(line);
            assert!(levels.contains(&1), "{language}: the bar was full: GPIO{line} {levels:?}");
            assert_eq!(levels.last(), Some(&0), "{language}: GPIO{line} is off at the end");
        }
    }
}

#[test]
fn a_second_end_marker_rescues_the_consumer_that_waits() {
    for language in BOTH {
        let params = json!({ "consumers": 3, "items": 6, "patience": 60.0, "consume": 0.005, "produce": 0.005 });
        let mut running = start("queue", language, &params);
        running.until("a look", |kind| matches!(kind, EventKind::Value { name, .. } if name == "consumers that wait"));
        running.press_all(&[("put", ""), ("marker", ""), ("marker", "")]);
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &[]);
        assert_eq!(
            ran.facts()["each-once"].observed,
            json!(7),
            "{language}: one that waits took what was put after the first marker"
        );
        assert_eq!((&ran.facts()["one-each"].observed, &ran.facts()["left-waiting"].observed), (&json!(1), &json!(2)));
    }
}

#[test]
fn patience_ends_every_wait_in_the_queues() {
    for language in BOTH {
        let params = json!({ "consumers": 4, "items": 6, "ends": 2, "patience": 0.5 });
        let mut running = start("queue", language, &params);
        running.until("work", |kind| is_on(kind, "main", "the producers"));
        running.press("pause", "consumer-1");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.facts()["left-waiting"].observed, json!(2), "{language}");

        let params = json!({ "workers": 1, "items": 4, "held": 3, "patience": 0.5 });
        let ran = run(scenario("joinable-queue"), language, &params, &[]);
        ran.assert_passed();
    }
}

#[test]
fn the_program_whose_main_waits_can_be_killed() {
    for language in BOTH {
        let mut running = start("queue", language, &json!({ "items": 4, "patience": 0.5 }));
        running.until("a program", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "waited-for"));
        running.kill("waited-for");
        let ran = running.play(&[]);
        assert_eq!(ran.code, Some(0), "{language}: {ran:#?}");
        let by_signal = |kind: &EventKind| matches!(kind, EventKind::ProcessExited { status: ExitStatus::Signaled { .. }, .. });
        let was_killed = ran.events.iter().any(|event| by_signal(&event.kind));
        // It may have ended before it was killed; if not, what it had not done is lost.
        assert_eq!(ran.facts()["wait-keeps"].holds, !was_killed, "{language}: {ran:#?}");
        ran.assert_nothing_is_left();
    }
}

#[test]
fn join_waits_for_each_item_that_is_held_back() {
    for language in BOTH {
        let mut running = start("joinable-queue", language, &json!({ "held": 2, "items": 6, "work": 0.02, "patience": 60.0 }));
        running.until("join", |kind| is_on(kind, "main", "the joiner"));
        running.press_all(&[("put", ""), ("done", ""), ("nonsense", "")]);
        let mut held = 0;
        running.until("one left", |kind| {
            held +=
                usize::from(matches!(kind, EventKind::Value { name, value } if name == "unfinished items" && *value == json!(1)));
            held > 0
        });
        running.press_all(&[("done", ""), ("done", "")]);
        let ran = running.play(&[]);
        ran.assert_passed();
        assert!(ran.notices().is_empty(), "{:?}", ran.notices());
        assert!(ran.refusals().iter().any(|text| text.contains("nonsense")), "{:?}", ran.refusals());
        assert_eq!(ran.facts()["each-once"].observed, json!(7), "{language}: six, and the one that was put");
    }
}

/// Nobody reports its item, and it may have died with the queue's lock in hand.
#[test]
fn a_worker_that_dies_with_its_item_does_not_hold_join_up_for_ever() {
    for what in ["queue work", "item"] {
        let mut running = start("joinable-queue", Language::Python, &json!({ "patience": 60.0, "workers": 2 }));
        running.until("a worker", |kind| is_on(kind, "worker-1", what));
        running.kill("worker-1");
        let ran = running.play(&[]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.notices().iter().any(|text| text.contains("given up")), "{:?}", ran.notices());
        assert!(!ran.facts()["join-waits"].holds, "{:#?}", ran.facts());
        ran.assert_nothing_is_left();
    }
}

#[test]
fn nothing_is_left_of_a_body_that_is_killed() {
    for (id, params) in [
        ("process-pool", json!({ "tasks": 48 })),
        ("overhead", json!({ "steps": 5 })),
        ("queue", json!({})),
        ("joinable-queue", json!({})),
        ("futures", json!({})),
        ("async", json!({})),
    ] {
        let mut running = start(id, Language::Rust, &params);
        running.until("start", |kind| matches!(kind, EventKind::TaskChanged { .. }));
        let body = rustix::process::Pid::from_raw(running.pid()).expect("a PID");
        rustix::process::kill_process(body, rustix::process::Signal::KILL).expect("it is our child");
        let ran = running.play(&[]);
        assert_eq!(ran.code, None, "{id}");
        ran.assert_nothing_is_left();
    }
}
