//! Waits as samples show them, where there are no switch records.

use super::super::reasons::Explanation;
use super::*;
use crate::model::{ProcessState, TaskCpu};

const MILLIS: u64 = 1_000_000;

/// The sums of a thread that has run for a millisecond of the last hundred.
fn ran(lanes: &mut Lanes, t: u64, tid: i32, name: &str) {
    let (ran_ns, blocked_ns) = (MILLIS, 99 * MILLIS);
    let cpu = TaskCpu {
        pid: PID,
        tid: Tid::new(tid),
        name: name.to_owned(),
        ran_ns,
        ready_ns: 0,
        blocked_ns,
        switches: 1,
        cores: vec![0],
        is_exact: false,
        is_final: false,
    };
    lanes.cpu_told(at(t * MILLIS), &cpu);
}

/// A sample of all processes, of which one thread waits for something or (no words) runs, and none has told sums.
fn sampled(lanes: &mut Lanes, t: u64, tid: i32, words: &str) {
    let state = if words.is_empty() { ProcessState::Running } else { ProcessState::Sleeping };
    lanes.thread_waits(at(t * MILLIS), PID, Tid::new(tid), words);
    lanes.thread_rests(at(t * MILLIS), PID, Tid::new(tid), state);
    lanes.process_changed(at(t * MILLIS), PID, state, words);
    lanes.sums_told(at(t * MILLIS));
}

/// The states with their starts, in milliseconds.
fn states(lanes: &mut Lanes, name: &str) -> Vec<(u64, LaneState)> {
    let states = lane(lanes, name).states.clone();
    (0..states.len()).filter_map(|index| states.get(index)).map(|span| (span.from.nanos() / MILLIS, span.state)).collect()
}

/// The label of the lane, and the holder.
fn says(lanes: &mut Lanes, name: &str) -> (String, Option<String>) {
    let now = lane(lanes, name).now().expect("it is there");
    (now.label.to_string(), now.held_by.map(|name| name.to_string()))
}

#[test]
fn a_wait_that_samples_show_is_asked_about_once_and_its_owner_stays_until_it_runs() {
    let mut lanes = Lanes::default();
    ran(&mut lanes, 100, 11, "left");
    ran(&mut lanes, 100, 12, "right");
    let (left, sees) = (Tid::new(11), |lanes: &mut Lanes, t: u64, words| sampled(lanes, t, 11, words));
    sees(&mut lanes, 200, "a lock");
    assert_eq!(says(&mut lanes, "left"), ("a lock".to_owned(), None));
    assert!(lanes.unexplained(at(210 * MILLIS), usize::MAX).is_empty(), "it is young");
    assert_eq!(lanes.unexplained(at(220 * MILLIS), usize::MAX), [(PID, left, at(200 * MILLIS))]);
    assert!(lanes.unexplained(at(230 * MILLIS), usize::MAX).is_empty(), "once");
    let reason = |since: u64| Explanation {
        from: at(since * MILLIS),
        words: "lock 0x1",
        is_timer: false,
        is_stopped: false,
        held_by: Some(Tid::new(12)),
        wakers: None,
    };
    lanes.explained(at(230 * MILLIS), PID, left, reason(150));
    assert_eq!(says(&mut lanes, "left").1, None, "about another wait");
    lanes.explained(at(230 * MILLIS), PID, left, reason(200));
    sees(&mut lanes, 325, "a lock");
    assert_eq!(says(&mut lanes, "left"), ("lock 0x1".to_owned(), Some("right".to_owned())));
    let waits: Vec<_> = lanes.waiting().map(|(name, waiter)| (name.to_owned(), waiter.until)).collect();
    assert_eq!(waits, [("left".to_owned(), Some(at(325 * MILLIS)))]);
    lanes.thread_waits(at(450 * MILLIS), PID, left, "a lock");
    ran(&mut lanes, 450, 11, "left");
    assert_eq!(lanes.waiting().count(), 0, "it has run between two samples");
    sees(&mut lanes, 575, "a lock");
    assert_eq!(says(&mut lanes, "left"), ("a lock".to_owned(), None));
    assert_eq!(lanes.unexplained(at(600 * MILLIS), usize::MAX), [(PID, left, at(575 * MILLIS))]);
    let unknown = Explanation { words: "a lock (owner unknown)", held_by: None, ..reason(575) };
    lanes.explained(at(610 * MILLIS), PID, left, unknown);
    sees(&mut lanes, 690, "a lock");
    assert_eq!(says(&mut lanes, "left"), ("a lock (owner unknown)".to_owned(), None), "the sample knows less");
    sees(&mut lanes, 700, "");
    ran(&mut lanes, 700, 11, "left");
    assert_eq!(says(&mut lanes, "left"), (String::new(), None));
    assert!(lanes.unexplained(at(900 * MILLIS), usize::MAX).is_empty(), "it runs");
}

#[test]
fn a_thread_that_rests_is_blocked_since_its_last_sums_and_not_what_they_were() {
    use LaneState::{Blocked, Mixed, Sleeping};
    let mut lanes = Lanes::default();
    lanes.process_started(at(0), PID, Pid::new(1), "cat", false);
    ran(&mut lanes, 100, 11, "reader");
    let began = states(&mut lanes, "reader");
    assert_eq!(began, [(0, Mixed)]);
    sampled(&mut lanes, 200, 11, "a pipe to read");
    assert_eq!(states(&mut lanes, "reader"), [(0, Mixed), (100, Blocked)]);
    assert_eq!(says(&mut lanes, "reader"), ("a pipe to read".to_owned(), None));
    sampled(&mut lanes, 300, 11, "a pipe to read");
    ran(&mut lanes, 400, 11, "reader");
    assert_eq!(states(&mut lanes, "reader"), [(0, Mixed), (100, Blocked), (300, Mixed)], "it ran after the last sample");
    sampled(&mut lanes, 500, 11, "a timer");
    assert_eq!(states(&mut lanes, "reader")[3], (400, Sleeping));
    assert_eq!(says(&mut lanes, "reader"), ("a timer".to_owned(), None));
    sampled(&mut lanes, 600, 11, "a timer");
    sampled(&mut lanes, 700, 11, "");
    assert_eq!(states(&mut lanes, "reader").len(), 4);
}

#[test]
fn a_task_that_says_no_reason_gets_the_one_that_samples_show() {
    let mut lanes = Lanes::default();
    lanes.task_started(at(0), "cat-1", TaskSort::Process, PID, None, None);
    ran(&mut lanes, 100, 10, "cat");
    sampled(&mut lanes, 200, 10, "a pipe to read");
    let now = lane(&mut lanes, "cat-1").now().expect("it is there");
    assert_eq!((now.state, &*now.label, now.since), (LaneState::Blocked, "a pipe to read", at(100 * MILLIS)));
    assert_eq!(lanes.unexplained(at(300 * MILLIS), usize::MAX), [(PID, Tid::new(10), at(200 * MILLIS))]);
    lanes.task_changed(at(310 * MILLIS), "cat-1", told(TaskState::Waiting, Some("the sorter"), None), PID);
    ran(&mut lanes, 320, 10, "cat");
    sampled(&mut lanes, 400, 10, "a pipe to read");
    assert_eq!(says(&mut lanes, "cat-1"), ("the sorter".to_owned(), None), "its program knows better");
}

#[test]
fn a_stop_that_is_over_stays_one() {
    use LaneState::{Blocked, Mixed, Stopped, Unknown};
    let mut lanes = Lanes::default();
    lanes.process_started(at(0), PID, Pid::new(1), "spinner", false);
    ran(&mut lanes, 100, 10, "spinner");
    lanes.process_changed(at(150 * MILLIS), PID, ProcessState::Stopped, "");
    ran(&mut lanes, 200, 10, "spinner");
    lanes.process_changed(at(900 * MILLIS), PID, ProcessState::Running, "");
    assert_eq!(states(&mut lanes, "spinner"), [(0, Mixed), (150, Stopped), (900, Unknown)]);
    ran(&mut lanes, 1000, 10, "spinner");
    assert_eq!(states(&mut lanes, "spinner"), [(0, Mixed), (150, Stopped), (900, Mixed)]);
    lanes.process_changed(at(1100 * MILLIS), PID, ProcessState::Stopped, "");
    sampled(&mut lanes, 1900, 10, "a pipe to read");
    sampled(&mut lanes, 2000, 10, "a pipe to read");
    assert_eq!(states(&mut lanes, "spinner")[3..], [(1100, Stopped), (1900, Blocked)]);
}
