//! What a person can do to the lessons of pools, queues, futures, coroutines and the interpreter lock, in both languages:
//! each action, wrong targets, actions that come too late, and signals to whatever process there is.

#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod lesson;

use std::time::{Duration, Instant};

use lesson::{HANG, Ran, Running, run, state, tagged};
use serde_json::{Value, json};
use tasklab::model::{Action, EventKind, ExitStatus, Language, Scope};
use tasklab::scenario::{Scenario, find};

const BOTH: [Language; 2] = [Language::Rust, Language::Python];

fn start(id: &str, language: Language, params: &Value) -> Running {
    let scenario: &'static Scenario = find(id).expect("in the catalogue");
    Running::start(scenario, language, params)
}

fn press(running: &mut Running, name: &str, target: &str) {
    running.act(&Action::Scenario(name.to_owned()), target);
}

/// A task that is told to be in a state on something of that kind.
fn is_on(kind: &EventKind, wanted: &str, what: &str) -> bool {
    matches!(kind, EventKind::TaskChanged { task, on: Some(on), .. } if task == wanted && on.starts_with(what))
}

#[track_caller]
fn assert_nothing_is_left(ran: &Ran) {
    let end = Instant::now() + HANG;
    while !tagged(&ran.tag).is_empty() {
        assert!(Instant::now() < end, "left of the run: {:?}", tagged(&ran.tag));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn assert_refused(ran: &Ran, names: &[&str]) {
    let notices = ran.notices();
    assert_eq!(notices.len(), names.len(), "one sentence for each: {notices:?}");
    for (notice, name) in notices.iter().zip(names) {
        assert!(notice.starts_with("could not do") && notice.contains(name) && !notice.contains('\n'), "{name}: {notice}");
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn a_list_is_mapped_again_with_the_chunk_size_that_is_asked_for() {
    for language in BOTH {
        let mut running = start("process-pool", language, &json!({ "tasks": 8, "size": 2 }));
        running.until("map", |kind| is_on(kind, "main", "map()"));
        press(&mut running, "chunksize", "8");
        for wrong in ["33", "0", "many", ""] {
            press(&mut running, "chunksize", wrong);
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["33", "0", "many", "chunksize"]);
        let parts = ran.values("busiest worker's part with chunksize 8 (%)");
        assert_eq!(parts, [json!(100)], "{language}: one chunk, one worker");
        assert_nothing_is_left(&ran);
    }
}

#[test]
fn a_process_pool_that_loses_a_worker_ends_and_says_so() {
    for language in BOTH {
        // An idle worker, which may hold a lock of the pool's queue, and one that is at work.
        for what in ["the queue", "task"] {
            let mut running = start("process-pool", language, &json!({ "tasks": 48, "size": 8, "workers": 3 }));
            running.until("a worker", |kind| is_on(kind, "worker-1", what));
            running.act(&Action::Kill(Scope::Process), "worker-1");
            let ran = running.play(&[]);
            assert_eq!(ran.code, Some(0), "{language} {what}: {ran:#?}");
            assert!(ran.notices().iter().any(|text| text.contains("given up")), "{language}: {:?}", ran.notices());
            assert!(!ran.facts()["async-returns"].holds && !ran.facts()["order-kept"].holds, "{language}: {:#?}", ran.facts());
            assert_nothing_is_left(&ran);
        }
    }
}

#[test]
fn the_interpreter_lock_s_switch_interval_can_be_changed() {
    for language in BOTH {
        let mut running = start("gil", language, &json!({ "span": 0.2, "workers": 2 }));
        running.until("spin", |kind| is_on(kind, "main", "threads"));
        press(&mut running, "interval", "2");
        press(&mut running, "interval", "51");
        press(&mut running, "intervals", "2");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["51", "intervals"]);
        let turns = |interval: u64| ran.values(&format!("turns with a switch interval of {interval} ms")).len();
        assert_eq!((turns(5), turns(2), turns(51)), (1, 1, 0), "{language}");
        assert_nothing_is_left(&ran);
    }
}

#[test]
fn a_process_that_is_killed_or_stopped_does_not_hold_the_interpreter_lock_s_lesson() {
    for language in BOTH {
        for action in [Action::Kill(Scope::Process), Action::Stop(Scope::Process)] {
            let mut running = start("gil", language, &json!({ "span": 0.2, "workers": 2 }));
            running.until("start", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "process-2"));
            running.act(&action, "process-2");
            let pid = running.pid_of("process-2").expect("it is not reaped before the gate opens");
            let (wanted, end) = (if action == Action::Stop(Scope::Process) { 'T' } else { 'Z' }, Instant::now() + HANG);
            while state(pid) != Some(wanted) {
                assert!(Instant::now() < end, "{language}: {:?} instead of {wanted}", state(pid));
                std::thread::sleep(Duration::from_millis(5));
            }
            // Nobody can do any more about it.
            running.hang_up();
            let ran = running.play(&[]);
            assert_eq!(ran.code, Some(0), "{language}: {ran:#?}");
            assert!(ran.notices().iter().any(|text| text.contains("process-2 was killed")), "{language}: {:?}", ran.notices());
            assert!(ran.facts().values().any(|fact| !fact.holds), "{language}: {:#?}", ran.facts());
            assert_nothing_is_left(&ran);
        }
    }
}

#[test]
fn one_more_size_of_task_is_measured() {
    for language in BOTH {
        let mut running = start("overhead", language, &json!({ "repeats": 3 }));
        running.until("start", |kind| is_on(kind, "main", "serial"));
        press(&mut running, "size", "5000");
        press(&mut running, "size", "20001");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["20001"]);
        assert_eq!(ran.values("processes, 5000 µs each (ms)").len(), 1, "{language}");
        assert_nothing_is_left(&ran);
    }
}

#[test]
fn a_process_that_does_one_task_can_be_killed() {
    let params = json!({ "repeats": 3, "smallest": 50 });
    let mut running = start("overhead", Language::Rust, &params);
    running.until("a process", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "task-1"));
    running.act(&Action::Stop(Scope::Process), "task-1");
    running.act(&Action::Kill(Scope::Process), "task-1");
    let ran = running.play(&[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let was_killed = |kind: &EventKind| matches!(kind, EventKind::ProcessExited { status: ExitStatus::Signaled { .. }, .. });
    // It may have ended before it was killed; if not, a result is missing, and the lesson says so.
    assert_eq!(ran.facts()["same-results"].holds, !ran.events.iter().any(|event| was_killed(&event.kind)));
    assert_nothing_is_left(&ran);
}

#[test]
fn coroutines_are_added_cancelled_and_blocked() {
    for language in BOTH {
        let mut running = start("async", language, &json!({ "coroutines": 3, "block": 0.1 }));
        running.until("a runner", |kind| is_on(kind, "runner-3", "the baton"));
        press(&mut running, "cancel", "runner-2");
        press(&mut running, "cancel", "runner-2");
        press(&mut running, "cancel", "runner-9");
        press(&mut running, "add", "");
        press(&mut running, "block", "");
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
        let mut running = start("async", language, &json!({ "coroutines": 2, "laps": 5, "block": 0.1 }));
        running.until("a runner", |kind| is_on(kind, "runner-2", "the baton"));
        press(&mut running, "cancel", "runner-1");
        press(&mut running, "cancel", "runner-2");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["runner-2"]);
    }
}

#[test]
fn a_person_decides_which_future_is_done_next() {
    for language in BOTH {
        let mut running = start("futures", language, &json!({ "pace": 0.3 }));
        let mut seen = 0;
        running.until("as_completed", |kind| {
            seen += usize::from(is_on(kind, "main", "as_completed"));
            seen > 0 && matches!(kind, EventKind::Value { name, .. } if name == "as_completed")
        });
        // Tasks 1, 2 and 4 run: 3 was the first to be done.
        press(&mut running, "cancel", "task-1");
        press(&mut running, "cancel", "task-5");
        press(&mut running, "finish", "task-1");
        press(&mut running, "finish", "task-5");
        press(&mut running, "finish", "nobody");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["task-1", "task-5", "nobody"]);
        let order = ran.facts()["as-completed"].observed.clone();
        assert_eq!(texts(&order), ["task-3", "task-1", "task-6", "task-4", "task-2"], "{language}");
    }
}

#[test]
fn a_consumer_is_paused_and_the_belt_fills() {
    for language in BOTH {
        let params = json!({ "consumers": 1, "producers": 1, "items": 12, "capacity": 4, "patience": 60.0, "produce": 0.005 });
        let mut running = start("queue", language, &params);
        running.until("work", |kind| is_on(kind, "main", "the producers"));
        press(&mut running, "pause", "consumer-1");
        running.until("a full belt", |kind| is_on(kind, "producer-1", "queue belt"));
        press(&mut running, "pause", "consumer-2");
        press(&mut running, "put", "");
        press(&mut running, "speed", "consume=0.01");
        press(&mut running, "speed", "consume=9");
        press(&mut running, "speed", "fast");
        press(&mut running, "marker", "");
        press(&mut running, "resume", "consumer-1");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_refused(&ran, &["consumer-2", "put", "consume=9", "fast", "marker"]);
        let lit: Vec<_> = ran
            .events
            .iter()
            .filter_map(|event| if let EventKind::Gpio { line, value: 1 } = event.kind { Some(line) } else { None })
            .collect();
        assert!([17, 18, 19, 20].iter().all(|line| lit.contains(line)), "{language}: the bar was full: {lit:?}");
        for line in 17..=20 {
            let last = ran.events.iter().rev().find_map(|event| match event.kind {
                EventKind::Gpio { line: found, value } if found == line => Some(value),
                _ => None,
            });
            assert_eq!(last, Some(0), "{language}: GPIO{line} is off at the end");
        }
    }
}

#[test]
fn a_second_end_marker_rescues_the_consumer_that_waits() {
    for language in BOTH {
        let params = json!({ "consumers": 3, "items": 6, "patience": 60.0, "consume": 0.005, "produce": 0.005 });
        let mut running = start("queue", language, &params);
        running.until("a look", |kind| matches!(kind, EventKind::Value { name, .. } if name == "consumers that wait"));
        press(&mut running, "put", "");
        press(&mut running, "marker", "");
        press(&mut running, "marker", "");
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
        press(&mut running, "pause", "consumer-1");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.facts()["left-waiting"].observed, json!(2), "{language}");

        let params = json!({ "workers": 1, "items": 4, "held": 3, "patience": 0.5 });
        let ran = run(find("joinable-queue").expect("in the catalogue"), language, &params, &[]);
        ran.assert_passed();
    }
}

#[test]
fn the_program_whose_main_waits_can_be_killed() {
    for language in BOTH {
        let mut running = start("queue", language, &json!({ "items": 4, "patience": 0.5 }));
        running.until("a program", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "waited-for"));
        running.act(&Action::Kill(Scope::Process), "waited-for");
        let ran = running.play(&[]);
        assert_eq!(ran.code, Some(0), "{language}: {ran:#?}");
        assert!(!ran.facts()["wait-keeps"].holds, "{language}: what it had not done is lost");
        assert_nothing_is_left(&ran);
    }
}

#[test]
fn join_waits_for_each_item_that_is_held_back() {
    for language in BOTH {
        let mut running = start("joinable-queue", language, &json!({ "held": 2, "items": 6, "work": 0.02, "patience": 60.0 }));
        running.until("join", |kind| is_on(kind, "main", "the joiner"));
        press(&mut running, "put", "");
        press(&mut running, "done", "");
        press(&mut running, "nonsense", "");
        let mut held = 0;
        running.until("one left", |kind| {
            held += usize::from(matches!(kind, EventKind::Value { name, value } if name == "unfinished" && *value == json!(1)));
            held > 0
        });
        press(&mut running, "done", "");
        press(&mut running, "done", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert!(ran.notices().iter().all(|text| text.starts_with("could not do")), "{:?}", ran.notices());
        assert!(ran.notices().iter().any(|text| text.contains("nonsense")), "{:?}", ran.notices());
        assert_eq!(ran.facts()["each-once"].observed, json!(7), "{language}: six, and the one that was put");
    }
}

/// Nobody reports its item, and it may have died with the queue's lock in hand.
#[test]
fn a_worker_that_dies_with_its_item_does_not_hold_join_up_for_ever() {
    for what in ["queue work", "item"] {
        let mut running = start("joinable-queue", Language::Python, &json!({ "patience": 60.0, "workers": 2 }));
        running.until("a worker", |kind| is_on(kind, "worker-1", what));
        running.act(&Action::Kill(Scope::Process), "worker-1");
        let ran = running.play(&[]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.notices().iter().any(|text| text.contains("given up")), "{:?}", ran.notices());
        assert!(!ran.facts()["join-waits"].holds, "{:#?}", ran.facts());
        assert_nothing_is_left(&ran);
    }
}

#[test]
fn nothing_is_left_of_a_body_that_is_killed() {
    for (id, params) in [
        ("process-pool", json!({ "tasks": 48, "size": 8 })),
        ("gil", json!({})),
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
        assert_nothing_is_left(&ran);
    }
}
