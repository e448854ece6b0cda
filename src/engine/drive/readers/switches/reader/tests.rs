//! Tests of the thread, on the children of the test's own thread.

use std::process::Command;
use std::time::Instant;

use support::{eventually, skipped};

use super::*;

/// The thread of the test stands for the supervisor.
fn own_thread() -> Pid {
    Pid::new(rustix::thread::gettid().as_raw_nonzero().get())
}

fn reader() -> Option<SwitchReader> {
    let mut reader = SwitchReader::new(Bell::new().expect("an eventfd"));
    if reader.open(own_thread()) {
        return Some(reader);
    }
    skipped(format!("no switch records here: {:?}", reader.why_not()));
    None
}

fn run_child() -> Pid {
    let mut child = Command::new("true").spawn().expect("runs");
    child.wait().expect("ours");
    Pid::new(child.id().cast_signed())
}

#[test]
fn batches_come_by_themselves_and_the_last_read_brings_the_rest_in_order() {
    let Some(mut reader) = reader() else { return };
    assert!(!reader.open(own_thread()) && reader.why_not().is_none(), "they are open");
    let first = run_child();
    let mut all: Vec<SwitchBatch> = Vec::new();
    eventually("the child is seen", || {
        all.extend(std::iter::from_fn(|| reader.next()));
        all.iter().flat_map(|batch| &batch.records).any(|record| record.pid == first)
    });
    let last = run_child();
    all.extend(reader.read_all());
    let records: Vec<&SchedulerRecord> = all.iter().flat_map(|batch| &batch.records).collect();
    assert!(records.iter().any(|record| record.pid == last && record.what == Scheduled::Ended), "{records:?}");
    assert!(records.is_sorted_by_key(|record| record.t) && all.is_sorted_by_key(|batch| batch.until));
    reader.close();
    assert!(!reader.is_open() && reader.read_all().is_empty() && reader.next().is_none());
    assert!(reader.open(own_thread()), "for the next run");
}

#[test]
fn another_supervisor_gets_rings_of_its_own() {
    let Some(mut reader) = reader() else { return };
    run_child();
    let mut other = Command::new("sleep").arg("60").spawn().expect("runs");
    let pid = Pid::new(other.id().cast_signed());
    let is_new = reader.open(pid);
    let root = reader.link.lock().rings.as_ref().map(SwitchRings::root);
    let batches = reader.read_all();
    other.kill().expect("ours");
    other.wait().expect("ours");
    assert_eq!((is_new, root), (true, Some(pid)));
    assert!(batches.iter().all(|batch| batch.records.is_empty()), "nothing of the one before: {batches:?}");
}

#[test]
fn an_engine_that_takes_nothing_gets_all_later() {
    let Some(mut reader) = reader() else { return };
    let mut pids = Vec::new();
    let end = Instant::now() + Duration::from_mins(1);
    while reader.batches.len() < BATCHES && Instant::now() < end {
        pids.push(run_child());
    }
    for _ in 0..3 {
        pids.push(run_child());
        std::thread::sleep(PAUSE);
    }
    let batches = reader.read_all();
    let records = batches.iter().flat_map(|batch| &batch.records);
    let ended: Vec<Pid> = records.filter(|record| record.what == Scheduled::Ended).map(|record| record.pid).collect();
    assert_eq!((batches.len(), ended), (BATCHES + 1, pids));
}

#[test]
fn too_many_records_become_one_for_each_core_that_counts_them() {
    let record = |core, what| SchedulerRecord { t: Monotonic::ZERO, pid: Pid::new(7), tid: Tid::new(7), core, what };
    let before = Scheduled::Lost { since: Monotonic::ZERO, count: 40 };
    let records = [record(0, Scheduled::In), record(1, Scheduled::In), record(0, Scheduled::Blocked), record(0, before)];
    let (since, until) = (Monotonic::from_nanos(5), Monotonic::from_nanos(9));
    let told = lost(&records, since, until);
    let counts: Vec<(u16, u64)> = told
        .iter()
        .map(|record| match record.what {
            Scheduled::Lost { since: from, count } if from == since && record.t == until => (record.core, count),
            _ => panic!("{record:?}"),
        })
        .collect();
    assert_eq!(counts, [(0, 42), (1, 1)]);
}

#[test]
fn a_refusal_is_said_with_what_would_change_it_and_starts_no_thread() {
    let mut reader = SwitchReader::new(Bell::new().expect("an eventfd"));
    assert!(!reader.open(Pid::new(i32::MAX)));
    let why = reader.why_not().expect("nobody has this PID");
    assert!(why.contains("the kernel gives no switch records: ") && why.contains("what would change it: "), "{why}");
    assert!(!reader.has_thread && !reader.is_open());
}
