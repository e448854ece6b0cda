//! Why threads wait, and who lets them go on.

use super::*;
use crate::engine::fold::timeline::homes::Exit;
use crate::engine::fold::timeline::reasons::Explanation;
use crate::model::{ExitStatus, MarkKind};

use LaneState::{Blocked, OnCore, Sleeping};

const MS: u64 = 1_000_000;

/// Two threads that wait since 5 and 6 ms, and what happened until 100 ms.
fn waiting() -> Lanes {
    let mut lanes = Lanes::default();
    let records = [
        began(0, 10, 10, 1, 1),
        named(1, 10, 10, "prog", true),
        began(1, 10, 11, 10, 10),
        record(2, 10, 10, Scheduled::In),
        on_core(1, 2, 10, 11, Scheduled::In),
        record(5 * MS, 10, 10, Scheduled::Blocked),
        on_core(1, 6 * MS, 10, 11, Scheduled::Blocked),
    ];
    lanes.scheduled(&records, at(100 * MS));
    lanes
}

fn because(words: &str, since: u64, held_by: Option<i32>) -> Explanation<'_> {
    Explanation { since: at(since), words, is_timer: words == "a timer", held_by: held_by.map(Tid::new) }
}

#[test]
fn a_sample_explains_the_wait_in_which_it_was_taken() {
    let mut lanes = waiting();
    lanes.thread_waits(at(90 * MS), PID, PID_TID, "a pipe to read");
    lanes.thread_waits(at(90 * MS), PID, Tid::new(11), "a timer");
    assert_eq!(lane(&mut lanes, "prog").now().map(|now| now.label.to_string()), Some(String::new()), "it is read later");
    // One of them has gone on before that is known.
    lanes.scheduled(&[record(125 * MS, 10, 10, Scheduled::In)], at(130 * MS));
    lanes.scheduled(&[record(131 * MS, 10, 10, Scheduled::Blocked)], at(140 * MS));
    assert!(lane(&mut lanes, "prog").reasons.is_empty());
    let other = lane(&mut lanes, "prog 11").now().expect("a state");
    assert_eq!((other.state, &*other.label), (Sleeping, "a timer"));
}

const PID_TID: Tid = Tid::new(10);

#[test]
fn words_explain_a_wait_better_than_a_sample() {
    let mut lanes = waiting();
    thread(&mut lanes, 1, "a", 11);
    lanes.task_changed(at(5 * MS), "a", told(TaskState::Waiting, Some("lock A"), None), PID);
    lanes.thread_waits(at(90 * MS), PID, Tid::new(11), "a lock");
    lanes.scheduled(&[], at(150 * MS));
    let now = lane(&mut lanes, "a").now().expect("a state");
    assert_eq!((now.state, &*now.label), (Blocked, "lock A"));
    assert_eq!(lanes.unexplained(at(150 * MS)), [(PID, PID_TID, at(5 * MS))], "only what nobody has explained");
}

#[test]
fn a_wait_is_asked_for_once_and_explained_while_it_lasts() {
    let mut lanes = waiting();
    let asked = lanes.unexplained(at(200 * MS));
    assert_eq!(asked, [(PID, PID_TID, at(5 * MS)), (PID, Tid::new(11), at(6 * MS))]);
    assert!(lanes.unexplained(at(300 * MS)).is_empty());
    lanes.scheduled(&[record(110 * MS, 10, 10, Scheduled::In)], at(120 * MS));
    lanes.explained(at(115 * MS), PID, PID_TID, because("a lock", 5 * MS, None));
    assert!(lane(&mut lanes, "prog").reasons.is_empty(), "it was over");
    lanes.explained(at(115 * MS), PID, Tid::new(11), because("a timer", 6 * MS, None));
    assert_eq!(lane(&mut lanes, "prog 11").now().map(|now| now.state), Some(Sleeping));
    // What a program says later of its first wait does not undo it.
    thread(&mut lanes, 1, "a", 11);
    lanes.task_changed(at(2), "a", told(TaskState::Sleeping, None, None), PID);
    lanes.task_changed(at(3), "a", told(TaskState::Running, None, None), PID);
    assert_eq!(lane(&mut lanes, "a").now().map(|now| now.state), Some(Sleeping));
}

#[test]
fn owners_of_locks_in_a_circle_are_waiters() {
    let mut lanes = waiting();
    lanes.explained(at(90 * MS), PID, PID_TID, because("lock 0x10", 5 * MS, Some(11)));
    lanes.explained(at(90 * MS), PID, Tid::new(11), because("lock 0x20", 6 * MS, Some(10)));
    let circle = |lanes: &Lanes| {
        let mut circle: Vec<_> =
            lanes.waiting().map(|(name, waiter)| format!("{name}: {} {}", waiter.on, waiter.held_by)).collect();
        circle.sort();
        circle
    };
    assert_eq!(circle(&lanes), ["prog 11: lock 0x20 prog", "prog: lock 0x10 prog 11"]);
    // Names can change meanwhile.
    thread(&mut lanes, 1, "a", 11);
    assert_eq!(circle(&lanes), ["a: lock 0x20 prog", "prog: lock 0x10 a"]);
    lanes.scheduled(&[record(110 * MS, 10, 10, Scheduled::In)], at(120 * MS));
    assert_eq!(circle(&lanes), ["a: lock 0x20 prog"]);
}

#[test]
fn the_child_that_ended_has_let_its_parent_go_on() {
    let mut lanes = waiting();
    let records = [
        began(101 * MS, 12, 12, 10, 10),
        named(102 * MS, 12, 12, "true", true),
        record(140 * MS, 12, 12, Scheduled::In),
        record(150 * MS, 12, 12, Scheduled::Ended),
        record(151 * MS, 10, 10, Scheduled::In),
    ];
    lanes.explained(at(90 * MS), PID, PID_TID, because("a child", 5 * MS, None));
    lanes.scheduled(&records, at(160 * MS));
    let exit = |t: u64| Exit { t: at(t), status: Some(ExitStatus::Exited(0)) };
    lanes.process_started(at(103 * MS), Pid::new(12), PID, "true", false);
    lanes.process_ended(at(152 * MS), Pid::new(12), "", exit(152 * MS));
    lanes.process_reaped(at(153 * MS), Pid::new(12), "", exit(153 * MS), Some(PID));
    lanes.scheduled(&[], at(170 * MS));
    let parent = lane(&mut lanes, "prog");
    assert_eq!(parent.reasons.last().and_then(|reason| reason.woken_by).as_deref(), Some("true"));
    let child = lane(&mut lanes, "true");
    let reaped = child.marks.iter().find(|mark| mark.kind == MarkKind::Reaped).expect("a mark");
    assert_eq!((reaped.t, reaped.from), (at(153 * MS), Some(parent.id)));
    assert_eq!(parent.now().map(|now| now.state), Some(OnCore));
}
