//! Waits as samples show them, where there are no switch records.

use super::super::reasons::Explanation;
use super::*;
use crate::model::TaskCpu;

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
    let (left, sees) =
        (Tid::new(11), |lanes: &mut Lanes, t: u64, words| lanes.thread_waits(at(t * MILLIS), PID, Tid::new(11), words));
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
    sees(&mut lanes, 450, "a lock");
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
    assert_eq!(says(&mut lanes, "left"), (String::new(), None));
    assert!(lanes.unexplained(at(900 * MILLIS), usize::MAX).is_empty(), "it runs");
}
