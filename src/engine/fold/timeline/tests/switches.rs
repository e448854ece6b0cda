//! Switch records become states.

use super::*;
use crate::engine::fold::timeline::homes::Exit;
use crate::model::{ExitStatus, LaneEnd, LaneId, LaneSource, MarkKind, ProcessState};

const MILLIS: u64 = 1_000_000;

use LaneState::{Blocked, Created, Nothing, OnCore, Ready, Sleeping, Stopped, Unknown, Zombie};

pub(super) fn exited(t: u64, code: i32) -> Exit {
    Exit { t: at(t), status: Some(ExitStatus::Exited(code)) }
}

/// A process `sort` of one thread, from its birth to its end.
pub(super) fn whole_life() -> Vec<SchedulerRecord> {
    vec![
        began(10, 11, 11, 10, 10),
        record(12, 11, 11, Scheduled::In),
        named(13, 11, 11, "sort", true),
        record(14, 11, 11, Scheduled::Mapped),
        record(20, 11, 11, Scheduled::Preempted),
        on_core(1, 25, 11, 11, Scheduled::In),
        record(40, 11, 11, Scheduled::Blocked),
        record(60, 11, 11, Scheduled::In),
        record(70, 11, 11, Scheduled::Ended),
        record(70, 11, 11, Scheduled::Blocked),
    ]
}

const LIFE: [(u64, LaneState, u32); 8] = [
    (10, Ready, 0),
    (12, OnCore, 0),
    (20, Ready, 0),
    (25, OnCore, 1),
    (40, Blocked, 0),
    (60, OnCore, 0),
    (70, Zombie, 0),
    (90, Nothing, 0),
];

fn tell_life(lanes: &mut Lanes) {
    lanes.process_started(at(15), Pid::new(11), PID, "sort", false);
    lanes.process_ended(at(75), Pid::new(11), "exited 3: zombie", exited(75, 3));
    lanes.process_reaped(at(90), Pid::new(11), "exited 3", exited(90, 3), Some(PID));
}

#[test]
fn events_and_records_in_any_order_give_the_same_lane() {
    let mut first = Lanes::default();
    first.scheduled(&whole_life(), at(100));
    tell_life(&mut first);
    first.scheduled(&[], at(101));
    let mut last = Lanes::default();
    tell_life(&mut last);
    assert!(lane(&mut last, "sort").has_ended());
    last.scheduled(&whole_life(), at(100));
    let mut mixed = Lanes::default();
    mixed.scheduled(&whole_life()[..5], at(24));
    mixed.process_started(at(15), Pid::new(11), PID, "sort", false);
    mixed.process_ended(at(75), Pid::new(11), "exited 3: zombie", exited(75, 3));
    assert!(!lane(&mut mixed, "sort").has_ended(), "its records up to then are to come");
    mixed.process_reaped(at(90), Pid::new(11), "exited 3", exited(90, 3), Some(PID));
    mixed.scheduled(&whole_life()[5..], at(100));
    for lanes in [&mut first, &mut last, &mut mixed] {
        let lane = lane(lanes, "sort");
        assert_eq!(states(&lane), LIFE);
        assert_eq!((lane.source, lane.sort), (LaneSource::Switches, TaskSort::Process));
        assert_eq!(lane.end, Some(LaneEnd::Exit(ExitStatus::Exited(3))));
        let words: Vec<_> = (0..lane.words.len()).filter_map(|index| lane.words.get(index)).collect();
        assert_eq!(words.iter().map(|word| (word.from.nanos(), &*word.on)).collect::<Vec<_>>(), [(70, "exited 3: zombie")]);
        let marks: Vec<_> = lane.marks.iter().map(|mark| (mark.t.nanos(), mark.kind)).collect();
        assert_eq!(marks, [(10, MarkKind::Fork), (13, MarkKind::Exec), (90, MarkKind::Reaped)]);
        assert_eq!(lanes.publish().len(), 1);
    }
}

#[test]
fn a_task_is_its_thread_whichever_is_told_first() {
    let records = [
        began(10, 10, 11, 10, 10),
        record(12, 10, 11, Scheduled::In),
        record(20, 10, 11, Scheduled::Blocked),
        record(30, 10, 11, Scheduled::In),
        record(31, 10, 11, Scheduled::Blocked),
        record(40, 10, 11, Scheduled::In),
        record(41, 10, 11, Scheduled::Ended),
    ];
    let tell = |lanes: &mut Lanes| {
        lanes.task_started(at(5), "worker-1", TaskSort::Thread, PID, None, Some(7));
        thread(lanes, 13, "worker-1", 11);
        lanes.task_changed(at(18), "worker-1", told(TaskState::Sleeping, None, None), PID);
        lanes.task_changed(at(30), "worker-1", told(TaskState::Waiting, Some("lock A"), Some("b")), PID);
        lanes.task_finished(at(40), "worker-1", "boom");
    };
    let mut first = Lanes::default();
    tell(&mut first);
    first.scheduled(&records, at(50));
    let mut last = Lanes::default();
    last.scheduled(&records, at(50));
    tell(&mut last);
    for lanes in [&mut first, &mut last] {
        let lane = lane(lanes, "worker-1");
        let expected = [
            (5, Created, 0),
            (10, Ready, 0),
            (12, OnCore, 0),
            (20, Sleeping, 0),
            (30, OnCore, 0),
            (31, Blocked, 0),
            (40, OnCore, 0),
            (41, Nothing, 0),
        ];
        assert_eq!(states(&lane), expected);
        assert_eq!((lane.tid, lane.start_line, lane.words.len()), (Some(Tid::new(11)), Some(7), 5));
        assert_eq!(lane.end, Some(LaneEnd::Failed("boom".into())));
        assert_eq!(lanes.publish().len(), 1);
        let wait = lane.explain(&lane.states.get(5).expect("a wait"));
        assert_eq!((&*wait.label, wait.claims, wait.held_by.as_deref()), ("lock A", None, Some("b")));
    }
}

#[test]
fn a_thread_of_50_microseconds_has_its_lane_and_its_late_words() {
    let mut lanes = Lanes::default();
    let records = [
        began(1_000, 10, 11, 10, 10),
        record(2_000, 10, 11, Scheduled::In),
        record(51_000, 10, 11, Scheduled::Ended),
        began(60_000, 10, 11, 10, 10),
        record(61_000, 10, 11, Scheduled::In),
    ];
    lanes.scheduled(&records[..3], at(55_000));
    thread(&mut lanes, 2_500, "brief", 11);
    lanes.task_finished(at(50_000), "brief", "ok");
    assert_eq!(states(&lane(&mut lanes, "brief")), [(1_000, Ready, 0), (2_000, OnCore, 0), (51_000, Nothing, 0)]);
    lanes.scheduled(&records[3..], at(70_000));
    thread(&mut lanes, 61_500, "other", 11);
    assert_eq!(
        states(&lane(&mut lanes, "other")),
        [(60_000, Ready, 0), (61_000, OnCore, 0)],
        "the number is another thread's now"
    );
    assert_eq!(lane(&mut lanes, "brief").states.len(), 3);
}

#[test]
fn lost_records_leave_what_nobody_knows() {
    let mut lanes = Lanes::default();
    let records = [
        began(0, 10, 10, 1, 1),
        began(1, 10, 11, 10, 10),
        began(2, 10, 12, 10, 10),
        record(5, 10, 10, Scheduled::In),
        on_core(1, 6, 10, 11, Scheduled::In),
        on_core(1, 40, 10, 11, Scheduled::Blocked),
        on_core(1, 41, 10, 12, Scheduled::In),
        record(50, 0, 0, Scheduled::Lost { since: at(20), count: 9 }),
        record(60, 10, 10, Scheduled::Preempted),
    ];
    lanes.scheduled(&records, at(70));
    let of = |tid: i32| {
        let tracks: Vec<_> = lanes.tracks().filter(|(_, track)| track.tid == Some(Tid::new(tid))).collect();
        let states = &tracks[0].1.states;
        (0..states.len()).filter_map(|index| states.get(index)).map(|span| (span.from.nanos(), span.state)).collect::<Vec<_>>()
    };
    assert_eq!(of(10), [(0, Ready), (5, OnCore), (20, Unknown), (60, Ready)]);
    assert_eq!(of(11), [(1, Ready), (6, OnCore), (40, Unknown)], "it may have gone on there");
    assert_eq!(of(12), [(2, Ready), (41, OnCore)], "it is on another core");
    let cores = lanes.publish_cores();
    let on: Vec<_> = (0..2).filter_map(|index| cores[0].states.get(index)).map(|span| (span.from.nanos(), span.state)).collect();
    assert_eq!((on, cores.len()), (vec![(5, OnCore), (20, Nothing)], 2));
}

/// Processes 10 and 12 and their threads on core 0, of which nothing is known from 20 to 50 ms.
fn with_a_gap() -> Lanes {
    let mut lanes = Lanes::default();
    let lost = |t: u64, count: u64| record(t * MILLIS, 0, 0, Scheduled::Lost { since: at(20 * MILLIS), count });
    let records = [
        began(0, 10, 10, 1, 1),
        named(1, 10, 10, "main", true),
        began(2, 10, 11, 10, 10),
        record(5, 10, 10, Scheduled::In),
        record(8, 10, 10, Scheduled::Blocked),
        record(9, 10, 11, Scheduled::In),
        lost(20, 0),
        lost(50, 0),
        record(52 * MILLIS, 0, 0, Scheduled::Lost { since: at(52 * MILLIS), count: 9 }),
    ];
    lanes.scheduled(&records, at(60 * MILLIS));
    lanes
}

#[test]
fn what_is_unknown_lasts_until_a_sample_shows_it_and_is_not_exact() {
    let mut lanes = with_a_gap();
    let end = |lanes: &mut Lanes, name: &str| *states(&lane(lanes, name)).last().expect("a state");
    let (first, second) = ("main", "main 11");
    assert_eq!((end(&mut lanes, first), end(&mut lanes, second)), ((20 * MILLIS, Unknown, 0), (20 * MILLIS, Unknown, 0)));
    let sees = |lanes: &mut Lanes, t: u64, tid: i32, name: &str, state| {
        lanes.thread_seen(at(t * MILLIS), PID, Tid::new(tid), name, state);
    };
    sees(&mut lanes, 45, 10, "main", ProcessState::Sleeping);
    sees(&mut lanes, 70, 10, "main", ProcessState::Running);
    sees(&mut lanes, 70, 11, "main", ProcessState::DiskSleep);
    lanes.scheduled(&[], at(90 * MILLIS));
    assert_eq!(end(&mut lanes, second), (20 * MILLIS, Unknown, 0), "records of that time may come");
    lanes.scheduled(&[], at(110 * MILLIS));
    assert_eq!(end(&mut lanes, second), (70 * MILLIS, Blocked, 0));
    assert_eq!(end(&mut lanes, first), (20 * MILLIS, Unknown, 0), "one in the gap does not count, nor one that runs");
    assert_eq!(lanes.unexplained(at(110 * MILLIS), 10), [(PID, Tid::new(11), at(70 * MILLIS))]);
    sees(&mut lanes, 120, 10, "main", ProcessState::Stopped);
    sees(&mut lanes, 120, 11, "main", ProcessState::Sleeping);
    lanes.scheduled(&[record(125 * MILLIS, 10, 11, Scheduled::In)], at(160 * MILLIS));
    assert_eq!((end(&mut lanes, first), end(&mut lanes, second)), ((120 * MILLIS, Stopped, 0), (125 * MILLIS, OnCore, 0)));
    let told = lanes.cpu_in_all(at(200 * MILLIS));
    assert!(told.len() == 4 && told.iter().all(|cpu| !cpu.is_exact), "{told:?}");
    let whole: u64 = told.iter().filter(|cpu| cpu.is_final).map(|cpu| cpu.ran_ns + cpu.ready_ns + cpu.blocked_ns).sum();
    assert_eq!(whole, (20 + 80 + 20 + 130) * MILLIS - 2, "without what is unknown");
    assert!(lanes.cpu_in_all(at(200 * MILLIS)).is_empty());
}

#[test]
fn samples_tell_of_threads_and_names_whose_records_were_lost() {
    let mut lanes = with_a_gap();
    let sees = |lanes: &mut Lanes, t: u64| {
        for (tid, name) in [(10, "main"), (11, "worker"), (15, "unheard"), (16, "brief")] {
            if t < 100 || tid != 16 {
                lanes.thread_seen(at(t * MILLIS), PID, Tid::new(tid), name, ProcessState::Sleeping);
            }
        }
    };
    sees(&mut lanes, 70);
    lanes.scheduled(&[], at(100 * MILLIS));
    assert_eq!(names(&mut lanes), ["main", "worker"], "one sample may be of a thread that has ended");
    sees(&mut lanes, 170);
    lanes.scheduled(&[named(180 * MILLIS, 10, 11, "renamed", false)], at(200 * MILLIS));
    assert_eq!(names(&mut lanes), ["main", "renamed", "unheard"]);
    assert_eq!(states(&lane(&mut lanes, "unheard")), [(170 * MILLIS, Blocked, 0)]);
    sees(&mut lanes, 175);
    lanes.scheduled(&[], at(300 * MILLIS));
    assert_eq!(names(&mut lanes), ["main", "renamed", "unheard"], "the record is newer than the gap");
    let mut whole = Lanes::default();
    whole.scheduled(&[began(0, 10, 10, 1, 1)], at(1));
    sees(&mut whole, 70);
    sees(&mut whole, 80);
    whole.scheduled(&[], at(200 * MILLIS));
    assert_eq!(names(&mut whole), ["process 10"], "where none was lost, they tell all");
}

#[test]
fn a_process_that_no_event_tells_of_is_over_once_a_sample_misses_it() {
    let mut lanes = Lanes::default();
    lanes.scheduled(&whole_life(), at(80));
    lanes.sampled_all(at(65), |_| false);
    lanes.sampled_all(at(85), |pid| pid == Pid::new(11));
    assert_eq!(states(&lane(&mut lanes, "sort")).last(), Some(&(70, Zombie, 0)));
    lanes.sampled_all(at(95), |_| false);
    lanes.scheduled(&[], at(95));
    assert_eq!(states(&lane(&mut lanes, "sort"))[6..], [(70, Zombie, 0), (85, Nothing, 0)], "it was seen once");
    assert_eq!(lane(&mut lanes, "sort").end, Some(LaneEnd::Done));
}

/// A child that ends at 70 ms; its parent goes on at 80 ms and 310 ms, after waits that nobody has told of.
#[test]
fn a_zombie_lasts_until_its_parent_goes_on_between_two_samples() {
    const MS: u64 = 1_000_000;
    let ms = |t: u64| at(t * MS);
    let exited = |t: u64, status| Exit { t: ms(t), status: Some(status) };
    // A sample can have told the status of the zombie.
    for (parent_goes_on, status, reaped) in
        [(310, ExitStatus::Unknown, 310), (310, ExitStatus::Exited(3), 310), (400, ExitStatus::Unknown, 245)]
    {
        let mut lanes = Lanes::default();
        let mut records = vec![began(0, 10, 10, 1, 1), record(1, 10, 10, Scheduled::In)];
        records.extend(whole_life().into_iter().map(|record| SchedulerRecord { t: ms(record.t.nanos()), ..record }));
        // Woken, it has no core for a while.
        for (t, in_all) in [(80, 1 + 2 * MS), (parent_goes_on, 1 + 4 * MS)] {
            records.push(on_core(1, (t - 5) * MS, 10, 10, Scheduled::Blocked));
            records.push(on_core(1, t * MS, 10, 10, Scheduled::In));
            records.push(on_core(1, t * MS + 1, 10, 10, Scheduled::Counted { ran: 0, ready: in_all }));
        }
        records.sort_by_key(|record| record.t);
        let split = records.partition_point(|record| record.t < ms(300));
        lanes.process_started(ms(15), Pid::new(11), PID, "sort", false);
        lanes.scheduled(&records[..split], ms(110));
        for t in [120, 245] {
            let seen = Some(status).filter(|status| *status != ExitStatus::Unknown);
            lanes.process_ended(ms(t), Pid::new(11), "zombie", Exit { t: ms(t), status: seen });
            lanes.sampled_all(ms(t), |_| true);
        }
        lanes.sampled_all(ms(320), |_| false);
        lanes.scheduled(&records[split..], ms(440));
        lanes.sampled_all(ms(445), |_| false);
        if status == ExitStatus::Unknown {
            lanes.process_ended(ms(445), Pid::new(11), "", exited(445, status));
        }
        lanes.process_reaped(ms(445), Pid::new(11), "", exited(445, status), Some(PID));
        assert!(!lane(&mut lanes, "sort").has_ended(), "its records up to then are to come");
        lanes.scheduled(&[], ms(450));
        let lane = lane(&mut lanes, "sort");
        assert_eq!(states(&lane)[6..], [(70 * MS, Zombie, 0), (reaped * MS, Nothing, 0)]);
        let mark = lane.marks.last().expect("a mark");
        assert_eq!((mark.t, mark.kind, mark.from), (ms(reaped), MarkKind::Reaped, Some(LaneId::new(1))));
        let parent = lanes.publish().iter().find(|lane| lane.pid == PID).cloned().expect("a lane");
        assert_eq!(parent.states.times(ms(0), ms(450)).of(Ready), 1 + 4 * MS);
    }
}

#[test]
fn a_number_that_is_used_again_is_another_lane() {
    let mut lanes = Lanes::default();
    lanes.scheduled(&whole_life(), at(80));
    tell_life(&mut lanes);
    lanes.scheduled(&[began(95, 11, 11, 10, 10), record(96, 11, 11, Scheduled::In), named(97, 11, 11, "wc", true)], at(99));
    lanes.process_started(at(98), Pid::new(11), PID, "wc", true);
    assert_eq!(names(&mut lanes), ["sort", "wc"]);
    assert_eq!(states(&lane(&mut lanes, "sort")), LIFE);
    assert_eq!(states(&lane(&mut lanes, "wc")), [(95, Ready, 0), (96, OnCore, 0)]);
    // Its end was missed: nobody gets its time.
    lanes.scheduled(&[began(120, 11, 11, 10, 10), record(125, 11, 11, Scheduled::In)], at(130));
    assert_eq!(states(&lane(&mut lanes, "wc"))[2..], [(120, Nothing, 0)]);
    assert_eq!(lanes.publish().len(), 3);
}

#[test]
fn an_exec_in_one_of_several_threads_ends_the_others() {
    let mut lanes = Lanes::default();
    let records = [
        began(0, 10, 10, 1, 1),
        record(1, 10, 10, Scheduled::In),
        named(2, 10, 10, "server", true),
        record(2, 10, 10, Scheduled::Mapped),
        began(3, 10, 11, 10, 10),
        named(4, 10, 11, "helper", false),
        record(5, 10, 10, Scheduled::Blocked),
        record(6, 10, 11, Scheduled::In),
        // The second thread executes a program: the first one ends, and gets its place.
        record(10, 10, 10, Scheduled::Ended),
        named(12, 10, 10, "other", true),
        record(20, 10, 10, Scheduled::Blocked),
    ];
    lanes.scheduled(&records, at(30));
    assert_eq!(names(&mut lanes), ["other", "helper"]);
    assert_eq!(states(&lane(&mut lanes, "helper")), [(3, Ready, 0), (6, OnCore, 0), (12, Nothing, 0)]);
    let expected = [(0, Ready, 0), (1, OnCore, 0), (5, Blocked, 0), (10, Zombie, 0), (12, OnCore, 0), (20, Blocked, 0)];
    assert_eq!(states(&lane(&mut lanes, "other")), expected);
}

#[test]
fn a_stop_is_the_wait_in_which_it_was_told() {
    let mut lanes = Lanes::default();
    let records = [began(0, 10, 10, 1, 1), record(1, 10, 10, Scheduled::In), record(5, 10, 10, Scheduled::Blocked)];
    lanes.scheduled(&records[..2], at(2));
    lanes.process_changed(at(6), PID, ProcessState::Stopped, "");
    lanes.scheduled(&records[2..], at(10));
    assert_eq!(states(&lane(&mut lanes, "process 10"))[2..], [(5, Stopped, 0)]);
    lanes.scheduled(&[record(20, 10, 10, Scheduled::In), record(22, 10, 10, Scheduled::Blocked)], at(25));
    lanes.process_changed(at(24), PID, ProcessState::Sleeping, "a pipe to read");
    assert_eq!(states(&lane(&mut lanes, "process 10"))[2..], [(5, Stopped, 0), (20, OnCore, 0), (22, Blocked, 0)]);
}

#[test]
fn names_are_the_programs_and_a_number_stands_only_where_it_is_needed() {
    let mut lanes = Lanes::default();
    let records = [
        began(0, 10, 10, 1, 1),
        named(1, 10, 10, "make", true),
        began(2, 11, 11, 10, 10),
        began(2, 12, 12, 10, 10),
        began(3, 10, 13, 10, 10),
        began(3, 10, 14, 10, 10),
        named(4, 10, 14, "watcher", false),
    ];
    lanes.scheduled(&records, at(5));
    assert_eq!(names(&mut lanes), ["make", "make 13", "watcher", "make 11", "make 12"]);
    lanes.scheduled(&[named(6, 11, 11, "cc1", true)], at(7));
    assert_eq!(names(&mut lanes), ["make", "make 13", "watcher", "cc1", "make 12"]);
    lanes.scheduled(&[named(8, 12, 12, "cc1", true)], at(9));
    assert_eq!(names(&mut lanes), ["make", "make 13", "watcher", "cc1 11", "cc1 12"]);
    let found = |name: &str| lanes.home_of_thread(name).map(Pid::number);
    let all = [found("cc1 11"), found("cc1"), found("watcher"), found("make 13"), found("ld")];
    assert_eq!(all, [Some(11), Some(12), Some(10), Some(10), None]);
    lanes.task_started(at(10), "child-1", TaskSort::Process, Pid::new(11), None, None);
    assert_eq!(names(&mut lanes), ["make", "make 13", "watcher", "child-1", "cc1"]);
}

#[test]
fn our_own_plumbing_has_no_lane_and_the_body_keeps_its_name() {
    let mut lanes = Lanes::default();
    lanes.expect_body(PID);
    lanes.process_started(at(0), PID, Pid::new(1), "barrier", false);
    let records = [
        began(0, 10, 10, 1, 1),
        named(1, 10, 10, "python3", true),
        began(2, 10, 11, 10, 10),
        named(3, 10, 11, "tasklab-listen", false),
        began(4, 12, 12, 10, 10),
        began(5, 12, 13, 12, 12),
        named(6, 12, 13, "tasklab-other", false),
    ];
    lanes.scheduled(&records, at(9));
    assert_eq!(names(&mut lanes), ["barrier", "python3", "tasklab-other"]);
    thread(&mut lanes, 7, "mine", 11);
    assert_eq!(names(&mut lanes), ["barrier", "mine", "python3", "tasklab-other"]);
}

#[test]
fn our_own_thread_has_no_lane_in_a_program_that_tells_its_tasks_and_has_one_in_any_other() {
    let mut lanes = Lanes::default();
    lanes.process_started(at(0), PID, Pid::new(1), "python3", false);
    let records = [began(0, 10, 10, 1, 1), named(1, 10, 10, "python3", true), began(2, 10, 11, 10, 10)];
    lanes.scheduled(&records, at(3));
    lanes.scheduled(&[named(3, 10, 11, "tasklab-listen", false)], at(4));
    assert_eq!(names(&mut lanes), ["python3", "tasklab-listen"]);
    lanes.task_started(at(5), "main", TaskSort::Thread, PID, Some(Tid::new(10)), None);
    assert_eq!(names(&mut lanes), ["main"]);
}

#[test]
fn a_name_that_the_program_told_stays_through_an_exec_whichever_comes_first() {
    let records = [began(10, 11, 11, 10, 10), named(13, 11, 11, "dd", true), began(14, 11, 12, 11, 11)];
    let told = |lanes: &mut Lanes| lanes.process_started(at(12), Pid::new(11), PID, "generate", false);
    let [mut first, mut last] = [Lanes::default(), Lanes::default()];
    told(&mut first);
    first.scheduled(&records, at(20));
    last.scheduled(&records, at(20));
    told(&mut last);
    for lanes in [&mut first, &mut last] {
        lanes.comm_seen(at(15), Pid::new(11), "dd");
        assert_eq!(names(lanes), ["generate", "generate 12"]);
        assert_eq!(lanes.name_of_process(Pid::new(11)).map(|name| &**name), Some("generate"));
    }
}

#[test]
fn the_kernels_name_of_a_process_is_that_of_its_last_exec_whichever_comes_first() {
    let long = "a-long-program-with-an-end";
    for (name, shown) in [("sleep", "sleep"), (&long[..15], long)] {
        let records = [began(10, 11, 11, 10, 10), named(13, 11, 11, "env", true), named(16, 11, 11, name, true)];
        let seen = |lanes: &mut Lanes| {
            // A sample that shows a process for the first time makes the event.
            lanes.process_started(at(14), Pid::new(11), PID, "env", false);
            lanes.comm_seen(at(14), Pid::new(11), "env");
        };
        let [mut first, mut last] = [Lanes::default(), Lanes::default()];
        first.scheduled(&records, at(20));
        seen(&mut first);
        seen(&mut last);
        last.scheduled(&records, at(20));
        for lanes in [&mut first, &mut last] {
            assert_eq!(names(lanes), [name]);
            // The program of a stage, which has no more letters in the kernel.
            lanes.comm_seen(at(0), Pid::new(11), if shown == long { long } else { "env" });
            assert_eq!(names(lanes), [shown]);
            lanes.comm_seen(at(30), Pid::new(11), name);
            assert_eq!(names(lanes), [shown]);
        }
    }
}

#[test]
fn each_core_says_which_lane_was_on_it() {
    let mut lanes = Lanes::default();
    lanes.scheduled(&whole_life(), at(80));
    let cores = lanes.publish_cores();
    let of = |index: usize| {
        let states = &cores[index].states;
        let spans = (0..states.len()).filter_map(|index| states.get(index));
        spans.map(|span| (span.from.nanos(), crate::model::CoreLane::lane(span.state, span.detail))).collect::<Vec<_>>()
    };
    let on = Some(LaneId::new(0));
    assert_eq!(of(0), [(12, on), (20, None), (60, on), (70, None)]);
    assert_eq!((of(1), cores[1].core), (vec![(25, on), (40, None)], 1));
}

#[test]
fn sums_are_told_when_something_has_changed_and_all_at_the_end() {
    let mut lanes = Lanes::default();
    lanes.scheduled(&whole_life()[..6], at(30));
    let told = lanes.cpu_due(at(30));
    let sums = |cpu: &crate::model::TaskCpu| (cpu.ran_ns, cpu.ready_ns, cpu.blocked_ns, cpu.switches, cpu.cores.clone());
    assert_eq!(told.iter().map(sums).collect::<Vec<_>>(), [(13, 7, 0, 2, vec![0, 1])]);
    assert!(told[0].is_exact && !told[0].is_final && told[0].name == "sort");
    lanes.scheduled(&whole_life()[6..7], at(50));
    assert!(lanes.cpu_due(at(50)).is_empty(), "four times a second");
    let later = at(300_000_000);
    assert_eq!(lanes.cpu_due(later).iter().map(sums).collect::<Vec<_>>(), [(10, 0, 0, 0, vec![])], "a wait once it is over");
    lanes.scheduled(&whole_life()[7..], at(80));
    assert!(lanes.cpu_due(at(300_000_001)).is_empty(), "its records have ended, and it may live");
    tell_life(&mut lanes);
    lanes.scheduled(&[], at(95));
    let last = lanes.cpu_due(at(300_000_001));
    assert_eq!(last.iter().map(sums).collect::<Vec<_>>(), [(10, 0, 20, 1, vec![0]), (33, 7, 20, 3, vec![0, 1])], "they add up");
    assert!(
        !last[0].is_final
            && last[1].is_final
            && last[1].is_exact
            && lanes.cpu_due(at(900_000_000)).is_empty()
            && lanes.cpu_in_all(later).is_empty()
    );
}

#[test]
fn ten_thousand_threads_have_ten_thousand_lanes() {
    let mut lanes = Lanes::default();
    let mut records = vec![began(0, 10, 10, 1, 1), named(1, 10, 10, "many", true)];
    for thread in 0..10_000_u64 {
        let tid = 11 + thread as i32;
        records.push(began(10 + thread, 10, tid, 10, 10));
        records.push(on_core(1, 10 + thread, 10, tid, Scheduled::In));
        records.push(on_core(1, 11 + thread, 10, tid, Scheduled::Blocked));
    }
    lanes.scheduled(&records, at(99_999));
    let published = lanes.publish();
    assert_eq!((published.len(), &*published[0].name, &*published[10_000].name), (10_001, "many", "many 10010"));
    assert_eq!(lanes.cpu_due(at(99_999)).len(), 10_001);
    assert!(lanes.cpu_due(at(99_999 + 19_000_000_000)).is_empty(), "500 a second in all");
}

#[test]
fn shares_are_all_that_is_known_where_there_are_no_records() {
    let mut lanes = Lanes::default();
    let sums = |t: u64, ran_ns: u64, ready_ns: u64, blocked_ns: u64, is_final: bool, lanes: &mut Lanes| {
        let (pid, tid, name) = (PID, Tid::new(11), "spinner".to_owned());
        let (switches, cores, is_exact) = (1, vec![0], false);
        let cpu = crate::model::TaskCpu { pid, tid, name, ran_ns, ready_ns, blocked_ns, switches, cores, is_exact, is_final };
        lanes.cpu_told(at(t), &cpu);
    };
    lanes.process_started(at(0), PID, Pid::new(1), "prog", false);
    sums(100, 60, 20, 20, false, &mut lanes);
    sums(200, 10, 0, 90, false, &mut lanes);
    sums(300, 0, 0, 100, false, &mut lanes);
    let spinner = lane(&mut lanes, "spinner");
    assert_eq!(spinner.source, LaneSource::Shares);
    let times = spinner.states.times(at(0), at(300));
    assert_eq!([OnCore, Ready, Blocked].map(|state| times.of(state)), [70, 20, 210]);
    sums(300, 70, 20, 210, true, &mut lanes);
    assert!(lane(&mut lanes, "spinner").has_ended());
    // Records say it better.
    lanes.scheduled(&[began(0, 10, 10, 1, 1), record(1, 10, 10, Scheduled::In)], at(2));
    assert_eq!(lane(&mut lanes, "prog").source, LaneSource::Switches);
}
