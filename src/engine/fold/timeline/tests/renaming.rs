//! Threads that get another name, and numbers of threads that are used again.

use super::*;
use crate::engine::fold::timeline::homes::Exit;
use crate::model::{ExitStatus, LaneSource};

fn tids(lanes: &mut Lanes) -> Vec<(String, Option<i32>)> {
    let mut tids: Vec<_> = lanes.publish().iter().map(|lane| (lane.name.to_string(), lane.tid.map(Tid::number))).collect();
    tids.sort();
    tids
}

fn with_tids(expected: &[(&str, i32)]) -> Vec<(String, Option<i32>)> {
    expected.iter().map(|(name, tid)| ((*name).to_owned(), Some(*tid))).collect()
}

fn says(lanes: &mut Lanes, t: u64, task: &str, state: TaskState) {
    lanes.task_changed(at(t), task, told(state, None, None), PID);
}

#[test]
fn a_thread_that_is_renamed_keeps_its_lane_and_all_of_its_past() {
    for has_records in [false, true] {
        let mut lanes = Lanes::default();
        if has_records {
            lanes.scheduled(&[began(1, 10, 11, 10, 10), record(2, 10, 11, Scheduled::In)], at(3));
        }
        thread(&mut lanes, 4, "Thread-1", 11);
        says(&mut lanes, 5, "Thread-1", TaskState::Waiting);
        let id = lane(&mut lanes, "Thread-1").id;
        let was = lanes.task_started(at(6), "mixer", TaskSort::Thread, PID, Some(Tid::new(11)), Some(12));
        assert_eq!(was.as_deref(), Some("Thread-1"));
        says(&mut lanes, 8, "mixer", TaskState::Running);
        assert_eq!(tids(&mut lanes), with_tids(&[("mixer", 11)]), "records: {has_records}");
        let mixer = lane(&mut lanes, "mixer");
        assert_eq!((mixer.id, mixer.line, mixer.start_line), (id, Some(12), None));
        let words: Vec<_> = (0..mixer.words.len()).filter_map(|index| mixer.words.get(index)).collect();
        let words: Vec<_> = words.iter().map(|word| (word.from.nanos(), word.state)).collect();
        assert_eq!(words, [(4, TaskState::Running), (5, TaskState::Waiting), (8, TaskState::Running)]);
        // A line that was on its way, and somebody who knows the old name.
        says(&mut lanes, 9, "Thread-1", TaskState::Sleeping);
        assert_eq!(lanes.home("Thread-1"), Some(PID));
        lanes.task_finished(at(10), "mixer", "ok");
        if has_records {
            lanes.scheduled(&[record(11, 10, 11, Scheduled::Ended)], at(12));
        }
        assert_eq!(tids(&mut lanes), with_tids(&[("mixer", 11)]));
        let mixer = lane(&mut lanes, "mixer");
        assert!(mixer.has_ended() && mixer.words.len() == 5, "{mixer:?}");
        assert_eq!(mixer.source == LaneSource::Switches, has_records);
    }
}

#[test]
fn a_former_name_is_free_for_another_thread() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "a", 11);
    thread(&mut lanes, 2, "mixer", 11);
    lanes.task_started(at(3), "a", TaskSort::Thread, PID, None, None);
    thread(&mut lanes, 4, "a", 12);
    assert_eq!(tids(&mut lanes), with_tids(&[("a", 12), ("mixer", 11)]));
    says(&mut lanes, 5, "a", TaskState::Sleeping);
    lanes.task_finished(at(6), "a", "ok");
    assert!(!lane(&mut lanes, "mixer").has_ended() && lane(&mut lanes, "a").has_ended());
    thread(&mut lanes, 7, "a", 11);
    assert_eq!(tids(&mut lanes), with_tids(&[("a", 11), ("a 12", 12)]), "its own old name once more");
}

#[test]
fn two_threads_can_swap_their_names() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "a", 11);
    thread(&mut lanes, 1, "b", 12);
    thread(&mut lanes, 2, "b", 11);
    assert_eq!(tids(&mut lanes), with_tids(&[("b", 11), ("b 12", 12)]), "for a moment both have it");
    thread(&mut lanes, 3, "a", 12);
    assert_eq!(tids(&mut lanes), with_tids(&[("a", 12), ("b", 11)]));
    says(&mut lanes, 4, "a", TaskState::Sleeping);
    assert_eq!(lane(&mut lanes, "a").words.len(), 2);
    assert_eq!(lane(&mut lanes, "b").words.len(), 1);
}

#[test]
fn only_the_newest_former_names_are_kept() {
    let mut lanes = Lanes::default();
    for number in 0..100 {
        thread(&mut lanes, number, &format!("name-{number}"), 11);
    }
    assert_eq!(tids(&mut lanes), with_tids(&[("name-99", 11)]));
    let known = (0..100).filter(|number| lanes.home(&format!("name-{number}")).is_some());
    assert_eq!(known.collect::<Vec<_>>(), (91..100).collect::<Vec<_>>());
}

#[test]
fn what_has_finished_or_is_no_thread_is_not_renamed() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "a", 11);
    lanes.task_started(at(2), "fetch", TaskSort::Coroutine, PID, Some(Tid::new(11)), None);
    assert_eq!(names(&mut lanes), ["a", "fetch"]);
    lanes.task_finished(at(3), "a", "ok");
    thread(&mut lanes, 4, "b", 11);
    assert_eq!(names(&mut lanes), ["a", "fetch", "b"]);
    lanes.task_started(at(5), "c", TaskSort::Thread, Pid::new(20), Some(Tid::new(11)), None);
    assert_eq!(names(&mut lanes).len(), 4, "the thread of another process");
}

#[test]
fn the_first_thread_of_a_process_can_be_renamed_and_is_its_process_still() {
    let mut lanes = Lanes::default();
    lanes.process_started(at(1), PID, Pid::new(1), "python3", false);
    lanes.task_started(at(2), "child-1", TaskSort::Process, PID, None, None);
    thread(&mut lanes, 3, "mixer", 10);
    assert_eq!(tids(&mut lanes), with_tids(&[("mixer", 10)]));
    assert_eq!(lanes.name_of_process(PID).map(|name| &**name), Some("mixer"));
    let exit = Exit { t: at(5), status: Some(ExitStatus::Exited(0)) };
    lanes.process_ended(at(5), PID, "exited 0: zombie", exit);
    let mixer = lane(&mut lanes, "mixer");
    assert_eq!((mixer.sort, mixer.words.last().map(|last| last.state)), (TaskSort::Process, Some(TaskState::Zombie)));
}

#[test]
fn threads_that_are_made_first_and_started_later_keep_apart() {
    for has_records in [false, true] {
        let mut lanes = Lanes::default();
        let born = |lanes: &mut Lanes, t: u64, tid: i32| {
            if has_records {
                lanes.scheduled(&[began(t, 10, tid, 10, 10), record(t + 1, 10, tid, Scheduled::In)], at(t + 2));
            }
        };
        for (t, task) in (1..).zip(["a", "b", "c"]) {
            lanes.task_started(at(t), task, TaskSort::Thread, PID, None, Some(t as u32));
        }
        assert_eq!(names(&mut lanes), ["a", "b", "c"]);
        // Started in another order; and one of them never.
        born(&mut lanes, 10, 31);
        thread(&mut lanes, 13, "c", 31);
        thread(&mut lanes, 20, "a", 32);
        born(&mut lanes, 19, 32);
        says(&mut lanes, 30, "c", TaskState::Waiting);
        says(&mut lanes, 31, "a", TaskState::Sleeping);
        let shown: Vec<_> =
            lanes.publish().iter().map(|lane| (lane.name.to_string(), lane.tid.map(Tid::number), lane.start_line)).collect();
        let expected = [("a", Some(32), Some(1)), ("b", None, Some(2)), ("c", Some(31), Some(3))];
        assert_eq!(shown, expected.map(|(name, tid, line)| (name.to_owned(), tid, line)), "records: {has_records}");
        for (name, began, last) in [("a", 1, TaskState::Sleeping), ("b", 2, TaskState::Created), ("c", 3, TaskState::Waiting)] {
            let lane = lane(&mut lanes, name);
            assert_eq!(
                lane.states.get(0).map(|first| (first.from.nanos(), first.state)),
                Some((began, LaneState::Created)),
                "{name}"
            );
            assert_eq!(lane.words.last().map(|last| last.state), Some(last), "{name}");
        }
    }
}

#[test]
fn a_number_that_is_used_again_is_another_lane() {
    // Without records; with those of the new thread before it says its name; and after.
    for order in ["none", "before", "after"] {
        let mut lanes = Lanes::default();
        let record_all = |lanes: &mut Lanes, records: &[SchedulerRecord], until: u64| {
            if order != "none" {
                lanes.scheduled(records, at(until));
            }
        };
        record_all(&mut lanes, &[began(1, 10, 11, 10, 10), record(2, 10, 11, Scheduled::In)], 3);
        thread(&mut lanes, 4, "a", 11);
        says(&mut lanes, 5, "a", TaskState::Sleeping);
        lanes.task_finished(at(6), "a", "ok");
        record_all(&mut lanes, &[record(7, 10, 11, Scheduled::Ended)], 8);
        let new = [began(9, 10, 11, 10, 10), record(10, 10, 11, Scheduled::In)];
        if order == "before" {
            record_all(&mut lanes, &new, 11);
        }
        thread(&mut lanes, 12, "b", 11);
        if order == "after" {
            record_all(&mut lanes, &new, 13);
        }
        says(&mut lanes, 14, "b", TaskState::Waiting);
        assert_eq!(tids(&mut lanes), with_tids(&[("a", 11), ("b", 11)]), "{order}");
        let (a, b) = (lane(&mut lanes, "a"), lane(&mut lanes, "b"));
        assert!(a.has_ended() && !b.has_ended(), "{order}");
        assert_eq!((a.words.len(), b.words.len()), (3, 2), "{order}");
        let last = a.states.last().map(|last| last.from.nanos());
        let first = b.states.get(0).map(|first| first.from.nanos());
        assert_eq!((last, first), if order == "none" { (Some(6), Some(12)) } else { (Some(7), Some(9)) }, "{order}");
        // The name is used again, too.
        lanes.task_finished(at(15), "b", "ok");
        record_all(&mut lanes, &[record(16, 10, 11, Scheduled::Ended)], 17);
        thread(&mut lanes, 18, "a", 11);
        assert!(!lane(&mut lanes, "a").has_ended(), "{order}");
    }
}
