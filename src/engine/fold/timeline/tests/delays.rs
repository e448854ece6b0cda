//! Waits end before their threads are on a core, as schedstat tells.

use super::*;

use LaneState::{Blocked, OnCore, Ready};

fn was_ready(t: u64, tid: i32, ready: u64) -> SchedulerRecord {
    record(t, 10, tid, Scheduled::Counted { ran: 0, ready })
}

/// Thread 11, from 0 on: ready for 5 before its first turn, preempted for 10, in a wait from 30 on.
fn beginning() -> Vec<SchedulerRecord> {
    vec![
        began(0, 10, 11, 10, 10),
        record(5, 10, 11, Scheduled::In),
        record(10, 10, 11, Scheduled::Preempted),
        record(20, 10, 11, Scheduled::In),
        record(30, 10, 11, Scheduled::Blocked),
    ]
}

const BEGINNING: [(u64, LaneState, u32); 5] = [(0, Ready, 0), (5, OnCore, 0), (10, Ready, 0), (20, OnCore, 0), (30, Blocked, 0)];

fn states_of(lanes: &mut Lanes) -> Vec<(u64, LaneState, u32)> {
    states(&lane(lanes, "thread 11"))
}

fn with(more: &[(u64, LaneState, u32)]) -> Vec<(u64, LaneState, u32)> {
    [&BEGINNING, more].concat()
}

#[test]
fn a_single_wait_between_two_readings_ends_exactly_when_its_thread_was_woken() {
    let mut records = beginning();
    records.extend([record(100, 10, 11, Scheduled::In), was_ready(110, 11, 5 + 10 + 40)]);
    let mut lanes = Lanes::default();
    lanes.scheduled(&records, at(120));
    assert_eq!(states_of(&mut lanes), with(&[(60, Ready, 0), (100, OnCore, 0)]));
    let mut without = Lanes::default();
    records.pop();
    without.scheduled(&records, at(120));
    assert_eq!(states_of(&mut without), with(&[(100, OnCore, 0)]), "the control: no reading");
    // In batches, with a preemption that a reading falls into, which counts it once it is over.
    let mut parts = Lanes::default();
    parts.scheduled(&beginning(), at(50));
    parts.scheduled(&[record(100, 10, 11, Scheduled::In), record(105, 10, 11, Scheduled::Preempted)], at(106));
    parts.scheduled(&[was_ready(107, 11, 15), record(115, 10, 11, Scheduled::In)], at(116));
    parts.scheduled(&[record(120, 10, 11, Scheduled::Blocked), record(150, 10, 11, Scheduled::In)], at(151));
    assert_eq!(parts.cpu_due(at(1_000_000_000)).iter().map(|cpu| cpu.ready_ns).collect::<Vec<_>>(), [25]);
    let late = [record(160, 10, 11, Scheduled::Blocked), record(200, 10, 11, Scheduled::In), was_ready(201, 11, 25 + 4)];
    parts.scheduled(&late, at(210));
    let expected = [(100, OnCore, 0), (105, Ready, 0), (115, OnCore, 0), (120, Blocked, 0), (150, OnCore, 0), (160, Blocked, 0)];
    assert_eq!(states_of(&mut parts), with(&[&expected[..], &[(196, Ready, 0), (200, OnCore, 0)]].concat()));
    let rest = parts.cpu_in_all(at(210));
    assert_eq!(rest.iter().map(|cpu| (cpu.ready_ns, cpu.is_final)).collect::<Vec<_>>(), [(4, false), (29, true)]);
}

#[test]
fn several_waits_share_what_was_read_by_their_lengths_and_none_is_more_than_ready() {
    let mut records = beginning();
    records.extend([
        record(50, 10, 11, Scheduled::In),
        record(60, 10, 11, Scheduled::Blocked),
        record(100, 10, 11, Scheduled::In),
        was_ready(110, 11, 15 + 30),
        record(200, 10, 11, Scheduled::Blocked),
        record(210, 10, 11, Scheduled::In),
        was_ready(220, 11, 15 + 30 + 99),
    ]);
    let mut lanes = Lanes::default();
    lanes.scheduled(&records, at(230));
    let expected =
        [(40, Ready, 0), (50, OnCore, 0), (60, Blocked, 0), (80, Ready, 0), (100, OnCore, 0), (200, Ready, 0), (210, OnCore, 0)];
    assert_eq!(states_of(&mut lanes), with(&expected));
}

#[test]
fn more_ready_time_than_the_waits_have_room_for_is_of_no_wait() {
    const MS: u64 = 1_000_000;
    let of = |ready: u64| {
        let mut records = beginning();
        records.extend([record(100 * MS, 10, 11, Scheduled::In), was_ready(110 * MS, 11, 15 + ready)]);
        records.extend([record(120 * MS, 10, 11, Scheduled::Blocked), record(150 * MS, 10, 11, Scheduled::In)]);
        records.push(was_ready(160 * MS, 11, 15 + ready + 10 * MS));
        let mut lanes = Lanes::default();
        lanes.scheduled(&records, at(170 * MS));
        lane(&mut lanes, "thread 11").states.times(at(100), at(100 * MS)).of(Ready) / MS
    };
    assert_eq!(of(60 * MS), 60, "the control");
    assert_eq!(of(4_000 * MS), 0, "the machine rested meanwhile");
}

#[test]
fn a_sum_never_tells_a_wait_that_may_still_prove_to_end_ready() {
    let mut lanes = Lanes::default();
    lanes.scheduled(&beginning(), at(90));
    let told: Vec<_> = lanes.cpu_due(at(1_000_000_000)).iter().map(|cpu| [cpu.ran_ns, cpu.ready_ns, cpu.blocked_ns]).collect();
    assert_eq!(told, [[15, 15, 0]]);
    lanes.scheduled(&[record(100, 10, 11, Scheduled::In), was_ready(110, 11, 55)], at(120));
    let told: Vec<_> = lanes.cpu_due(at(2_000_000_000)).iter().map(|cpu| [cpu.ran_ns, cpu.ready_ns, cpu.blocked_ns]).collect();
    assert_eq!(told, [[20, 40, 30]]);
}

#[test]
fn after_lost_records_or_for_a_thread_that_was_there_before_the_first_reading_only_begins() {
    let lost = || record(40, 0, 0, Scheduled::Lost { since: at(35), count: 0 });
    let mut records = beginning();
    records.extend([lost(), record(100, 10, 11, Scheduled::In), was_ready(110, 11, 999)]);
    records.extend([record(120, 10, 11, Scheduled::Blocked), record(150, 10, 11, Scheduled::In), was_ready(160, 11, 999 + 10)]);
    let expected = [(100, OnCore, 0), (120, Blocked, 0), (140, Ready, 0), (150, OnCore, 0)];
    let mut lanes = Lanes::default();
    lanes.scheduled(&records, at(200));
    let found = states_of(&mut lanes);
    assert_eq!(found[found.len() - 4..], expected, "{found:?}");
    let mut in_parts = Lanes::default();
    for record in &records {
        in_parts.scheduled(std::slice::from_ref(record), record.t);
    }
    let found = states_of(&mut in_parts);
    assert_eq!(
        found[found.len() - 3..],
        [(100, OnCore, 0), (120, Blocked, 0), (150, OnCore, 0)],
        "a reading that comes too late"
    );
    let mut old = Lanes::default();
    old.scheduled(&records[6..], at(200));
    assert_eq!(states_of(&mut old), expected);
}

/// A thread is on a core a moment before the record of that is written, which counts where it waits often.
#[test]
fn what_the_records_of_turns_have_missed_is_shared_among_the_turns_after_waits() {
    let mut records = beginning();
    records.extend([
        record(50, 10, 11, Scheduled::In),
        record(60, 10, 11, Scheduled::Blocked),
        record(100, 10, 11, Scheduled::In),
        record(110, 10, 11, Scheduled::Blocked),
    ]);
    let counted = |t: u64, ran: u64, ready: u64| record(t, 10, 11, Scheduled::Counted { ran, ready });
    let mut lanes = Lanes::default();
    // By the records it ran for 35 and was ready for 15.
    lanes.scheduled(&[records.clone(), vec![counted(120, 35 + 6, 15 + 18)]].concat(), at(130));
    let expected = [(41, Ready, 0), (47, OnCore, 0), (60, Blocked, 0), (85, Ready, 0), (97, OnCore, 0), (110, Blocked, 0)];
    assert_eq!(states_of(&mut lanes), with(&expected));
    // While it is on a core, it has run for longer than is counted; the next reading tells it.
    let mut late = Lanes::default();
    late.scheduled(&[&records[..8], &[counted(105, 99, 15)]].concat(), at(106));
    assert_eq!(states_of(&mut late), with(&[(50, OnCore, 0), (60, Blocked, 0), (100, OnCore, 0)]));
    let more = [record(150, 10, 11, Scheduled::In), record(160, 10, 11, Scheduled::Blocked), counted(170, 45 + 9, 15)];
    late.scheduled(&[&records[8..], &more].concat(), at(180));
    let expected = [(50, OnCore, 0), (60, Blocked, 0), (100, OnCore, 0), (110, Blocked, 0), (141, OnCore, 0), (160, Blocked, 0)];
    assert_eq!(states_of(&mut late), with(&expected));
    // A turn never begins before its wait.
    let mut much = Lanes::default();
    much.scheduled(&[records, vec![counted(120, 900, 900)]].concat(), at(130));
    let all = lane(&mut much, "thread 11").states.times(at(0), at(110));
    assert_eq!([OnCore, Ready, Blocked].map(|state| all.of(state)), [35 + 20 + 30, 15 + 10, 0]);
}
