//! What programs say of their tasks, where no switch records are.

use super::*;
use crate::engine::fold::timeline::homes::Exit;
use crate::engine::fold::timeline::lanes::MOST_ENDED;
use crate::model::{ExitStatus, ProcessState, Signal, Word};

fn exit(t: u64, signal: i32) -> Exit {
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    Exit { t: at(t), status: Some(if signal == 0 { ExitStatus::Exited(0) } else { killed }) }
}

/// (from, until, state, note) of everything that is said of one lane.
fn past(lanes: &mut Lanes, name: &str) -> Vec<(u64, Option<u64>, TaskState, String)> {
    let lanes = lanes.publish();
    let lane = lanes.iter().find(|lane| &*lane.name == name).unwrap_or_else(|| panic!("no lane {name} in {lanes:?}"));
    let words = (0..lane.words.len()).filter_map(|index| lane.words.get(index));
    let of = |word: Word| {
        let until = word.until.or_else(|| lane.has_ended().then_some(lane.states.last()?.from));
        (word.from.nanos(), until.map(Monotonic::nanos), word.state, word.on.to_string())
    };
    words.map(of).collect()
}

#[test]
fn a_task_that_waits_and_finishes_leaves_segments_without_gaps() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "a", 11);
    let change = lanes.task_changed(at(5), "a", told(TaskState::Waiting, Some("lock A"), Some("b")), PID).expect("new");
    assert_eq!((change.was.expect("known").state, change.now.state), (TaskState::Running, TaskState::Waiting));
    assert!(lanes.task_changed(at(6), "a", told(TaskState::Waiting, Some("lock A"), Some("b")), PID).is_none(), "nothing new");
    lanes.task_changed(at(8), "a", told(TaskState::Running, None, None), PID);
    assert!(lanes.task_finished(at(9), "a", "ok"));
    assert_eq!(
        past(&mut lanes, "a"),
        [
            (1, Some(5), TaskState::Running, String::new()),
            (5, Some(8), TaskState::Waiting, "lock A".to_owned()),
            (8, Some(9), TaskState::Running, String::new()),
            (9, Some(9), TaskState::Done, String::new()),
        ]
    );
}

#[test]
fn a_process_has_a_lane_until_a_task_of_its_own_has_one() {
    let mut lanes = Lanes::default();
    lanes.process_started(at(1), PID, Pid::new(1), "sort", false);
    assert_eq!(past(&mut lanes, "sort"), [(1, None, TaskState::Starting, String::new())]);
    thread(&mut lanes, 2, "worker", 11);
    assert_eq!(lanes.publish().iter().map(|lane| lane.name.to_string()).collect::<Vec<_>>(), ["worker"]);
}

#[test]
fn a_zombie_lasts_until_it_is_reaped() {
    let mut lanes = Lanes::default();
    lanes.process_started(at(1), PID, Pid::new(1), "sort", false);
    lanes.process_ended(at(5), PID, "zombie", exit(5, 0));
    lanes.process_ended(at(6), PID, "exited 0: zombie", exit(6, 0));
    assert_eq!(past(&mut lanes, "sort")[1], (5, None, TaskState::Zombie, "exited 0: zombie".to_owned()));
    lanes.process_reaped(at(9), PID, "exited 0", exit(9, 0), None);
    assert_eq!(
        past(&mut lanes, "sort")[1..],
        [(5, Some(9), TaskState::Zombie, "exited 0: zombie".to_owned()), (9, Some(9), TaskState::Done, "exited 0".to_owned())]
    );
}

#[test]
fn the_end_of_a_process_ends_its_threads_and_a_late_line_finds_its_place() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "a", 11);
    thread(&mut lanes, 1, "b", 12);
    lanes.process_ended(at(9), PID, "killed by SIGKILL", exit(9, 9));
    lanes.task_changed(at(5), "a", told(TaskState::Waiting, Some("lock A"), None), PID);
    lanes.task_finished(at(7), "b", "ok");
    assert_eq!(
        past(&mut lanes, "a"),
        [
            (1, Some(5), TaskState::Running, String::new()),
            (5, Some(9), TaskState::Waiting, "lock A".to_owned()),
            (9, Some(9), TaskState::Failed, "killed by SIGKILL".to_owned()),
        ]
    );
    assert_eq!(past(&mut lanes, "b")[1], (7, Some(7), TaskState::Done, String::new()));
}

#[test]
fn a_stop_reaches_every_task_and_a_continue_restores_what_each_did() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "a", 11);
    lanes.task_changed(at(2), "a", told(TaskState::Waiting, Some("lock A"), Some("b")), PID);
    lanes.process_changed(at(4), PID, ProcessState::Stopped, "");
    lanes.process_changed(at(3), PID, ProcessState::Running, "");
    assert_eq!(past(&mut lanes, "a")[2], (4, None, TaskState::Stopped, String::new()), "a sample from before the stop");
    lanes.task_changed(at(4), "a", told(TaskState::Running, None, None), PID);
    assert_eq!(past(&mut lanes, "a").len(), 3, "a line that was on its way");
    lanes.process_changed(at(6), PID, ProcessState::Sleeping, "");
    assert_eq!(past(&mut lanes, "a")[3], (6, None, TaskState::Running, String::new()));
}

#[test]
fn a_reused_number_gets_a_lane_of_its_own() {
    let mut lanes = Lanes::default();
    lanes.process_started(at(1), PID, Pid::new(1), "first", false);
    lanes.process_reaped(at(2), PID, "exited 0", exit(2, 0), None);
    lanes.process_started(at(3), PID, Pid::new(1), "second", true);
    lanes.process_ended(at(4), PID, "exited 0: zombie", exit(4, 0));
    assert_eq!(past(&mut lanes, "first").last().map(|last| last.2), Some(TaskState::Done));
    assert_eq!(past(&mut lanes, "second").last().map(|last| last.2), Some(TaskState::Zombie));
}

#[test]
fn main_comes_first_and_numbers_stand_in_their_order_whoever_was_first() {
    let mut lanes = Lanes::default();
    lanes.process_started(at(0), Pid::new(7), Pid::new(1), "sort", false);
    for (tid, task) in (11..).zip(["worker-10", "timer", "worker-2", "main", "worker-1"]) {
        thread(&mut lanes, 1, task, tid);
    }
    let names = |lanes: &mut Lanes| lanes.publish().iter().map(|lane| lane.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&mut lanes), ["main", "sort", "worker-1", "worker-2", "worker-10", "timer"]);
    thread(&mut lanes, 2, "worker-3", 21);
    assert_eq!(names(&mut lanes)[3..6], ["worker-2", "worker-3", "worker-10"]);
}

#[test]
fn a_sleep_counts_down_to_its_end_and_only_while_it_lasts() {
    let mut lanes = Lanes::default();
    lanes.task_started(at(0), "a", TaskSort::Thread, PID, None, None);
    let left = |lanes: &mut Lanes, now: u64| lanes.publish()[0].seconds_left(at(now));
    let second = 1_000_000_000;
    let sleeps = Told { until: Some(at(3 * second)), ..told(TaskState::Sleeping, Some("sleep()"), None) };
    lanes.task_changed(at(1), "a", sleeps, PID);
    assert_eq!(
        [1, second, second + 1, 3 * second - 1, 3 * second].map(|now| left(&mut lanes, now)),
        [Some(3), Some(2), Some(2), Some(1), None]
    );
    // The same words once more: it has slept again, and this sleep is longer.
    lanes.task_changed(at(2), "a", Told { until: Some(at(9 * second)), ..sleeps }, PID);
    assert_eq!(left(&mut lanes, second), Some(8));
    lanes.task_changed(at(3), "a", told(TaskState::Running, None, None), PID);
    assert_eq!(left(&mut lanes, second), None);
}

#[test]
fn the_line_that_runs_is_the_newest_and_the_first_one_stays() {
    let mut lanes = Lanes::default();
    lanes.task_started(at(0), "a", TaskSort::Thread, PID, None, Some(12));
    let place = |lanes: &mut Lanes| lanes.publish().first().map(|lane| (lane.start_line, lane.line));
    assert_eq!(place(&mut lanes), Some((Some(12), Some(12))));
    assert!(lanes.task_changed(at(1), "a", Told { line: Some(14), ..told(TaskState::Running, None, None) }, PID).is_some());
    assert!(
        lanes.task_changed(at(2), "a", Told { line: Some(15), ..told(TaskState::Running, None, None) }, PID).is_none(),
        "only the line is new"
    );
    lanes.task_changed(at(3), "a", told(TaskState::Sleeping, None, None), PID);
    assert_eq!(place(&mut lanes), Some((Some(12), Some(15))));
}

#[test]
fn nothing_is_lost_for_its_age() {
    let mut lanes = Lanes::default();
    for t in 0..400_000_u64 {
        let (task, state) = (t % 100, [TaskState::Running, TaskState::Sleeping][(t / 100 % 2) as usize]);
        lanes.task_changed(at(t), &format!("task-{task}"), told(state, None, None), PID);
    }
    for lane in lanes.publish() {
        assert_eq!((lane.words.len(), lane.states.len()), (4_000, 4_000));
    }
}

#[test]
fn a_task_that_moves_leaves_nothing_behind() {
    let mut lanes = Lanes::default();
    for pid in 1..1_000 {
        lanes.task_started(at(1), "a", TaskSort::Thread, Pid::new(pid), None, None);
    }
    assert_eq!((1..1_000).filter(|pid| lanes.homes.newest(Pid::new(*pid)).is_some()).count(), 1);
}

#[test]
fn ended_lanes_are_bounded_and_the_living_stay() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 0, "main", 10);
    let most = MOST_ENDED as u64 + 2_000;
    for t in 1..most {
        let name = format!("task-{t}");
        thread(&mut lanes, t, &name, 11 + t as i32);
        lanes.task_finished(at(t), &name, "ok");
    }
    let names = names(&mut lanes);
    assert!((MOST_ENDED / 2..=MOST_ENDED + 400).contains(&names.len()) && names[0] == "main", "{}", names.len());
    assert!(names.contains(&format!("task-{}", most - 1)) && !names.contains(&"task-1".to_owned()));
    assert!(lanes.take_dropped() && !lanes.take_dropped(), "told once");
    lanes.task_changed(at(most), "main", told(TaskState::Sleeping, None, None), PID);
    assert_eq!(past(&mut lanes, "main").len(), 2, "look-ups survive the clearing");
}

#[test]
fn tasks_that_are_only_told_are_bounded() {
    let mut lanes = Lanes::default();
    for t in 0..50_000 {
        lanes.task_changed(at(t), &format!("task-{t}"), told(TaskState::Running, None, None), PID);
    }
    assert!(lanes.publish().len() <= 2 * MOST_ENDED + 5_000);
}

#[test]
fn a_coroutine_has_no_thread_and_another_thread_of_the_same_name_has_its_own_lane() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "main", 10);
    lanes.task_started(at(2), "fetch", TaskSort::Coroutine, PID, Some(Tid::new(10)), None);
    assert_eq!(lane(&mut lanes, "fetch").tid, None);
    thread(&mut lanes, 3, "timer", 11);
    lanes.task_finished(at(4), "timer", "ok");
    thread(&mut lanes, 5, "timer", 12);
    assert_eq!(names(&mut lanes), ["main", "fetch", "timer 11", "timer"]);
    assert_eq!(lane(&mut lanes, "timer").tid, Some(Tid::new(12)), "the newest has the name");
}

#[test]
fn a_future_that_says_it_runs_is_on_no_core_and_no_lane_of_a_thread() {
    let mut lanes = Lanes::default();
    thread(&mut lanes, 1, "map-1", 11);
    lanes.scheduled(&[record(2, 10, 11, Scheduled::In)], at(3));
    lanes.task_started(at(4), "map-1", TaskSort::Future, PID, Some(Tid::new(11)), None);
    lanes.task_changed(at(5), "map-1", told(TaskState::Running, None, None), PID);
    lanes.scheduled(&[record(6, 10, 11, Scheduled::Blocked)], at(7));
    let future = lane(&mut lanes, "map-1");
    assert_eq!((future.sort, future.tid), (TaskSort::Future, None));
    assert_eq!(states(&future), [(4, LaneState::Running, 0)]);
    assert!(lanes.publish().iter().all(|lane| lane.sort == TaskSort::Thread || lane.tid.is_none()));
}

#[test]
fn a_task_told_of_by_a_new_program_outlives_the_record_of_its_exec_that_comes_later() {
    for (told_at, is_over) in [(9, false), (3, true)] {
        let mut lanes = Lanes::default();
        lanes.task_changed(at(told_at), "worker-1", told(TaskState::Waiting, Some("lock B"), Some("worker-2")), PID);
        let records = [began(1, 10, 10, 1, 1), record(2, 10, 10, Scheduled::In), named(5, 10, 10, "bash", true)];
        lanes.scheduled(&records, at(20));
        assert_eq!(lane(&mut lanes, "worker-1").has_ended(), is_over, "told at {told_at}");
    }
}
