//! Tests of the rings on the kernel that runs here.

use std::process::{Command, Stdio};

use support::skipped;

use super::*;
use crate::model::Scheduled;

/// Rings on the thread of the test, whose children are recorded; `None`, said aloud, where the kernel gives none.
fn rings(pages: usize) -> Option<SwitchRings> {
    let thread = Pid::new(rustix::thread::gettid().as_raw_nonzero().get());
    SwitchRings::open(thread, pages).map_err(|refused| skipped(format!("no switch records here: {refused}"))).ok()
}

fn run(script: &str) -> Pid {
    let mut child = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().expect("sh");
    let pid = Pid::new(child.id().cast_signed());
    assert!(child.wait().expect("ours").success());
    pid
}

fn is_in_order(records: &[SchedulerRecord]) -> bool {
    records.is_sorted_by_key(|record| record.t)
}

#[test]
fn a_child_is_seen_from_its_birth_to_its_end() {
    // The test's own thread may be preempted as soon as it is recorded.
    let before = monotonic_now();
    let Some(mut rings) = rings(SwitchRings::usual_pages()) else { return };
    let pid = run("sleep 0.01");
    let mut records = Vec::new();
    let until = rings.read_all(&mut records);
    assert!(is_in_order(&records) && records.iter().all(|record| record.t >= before && record.t <= until));
    let of_child: Vec<&Scheduled> = records.iter().filter(|record| record.pid == pid).map(|record| &record.what).collect();
    assert!(matches!(of_child.first(), Some(Scheduled::Began { parent, .. }) if *parent == own_pid()), "{of_child:?}");
    assert_eq!(of_child.last(), Some(&&Scheduled::Ended));
    for wanted in [Scheduled::In, Scheduled::Blocked, Scheduled::Named { name: "sh".into(), is_exec: true }] {
        assert!(of_child.contains(&&wanted), "{wanted:?} in {of_child:?}");
    }
    let sleeper = records.iter().find(|record| matches!(record.what, Scheduled::Began { parent, .. } if parent == pid));
    let sleeper = sleeper.map(|record| record.pid);
    let is_named = |record: &SchedulerRecord| {
        Some(record.pid) == sleeper && record.what == Scheduled::Named { name: "sleep".into(), is_exec: true }
    };
    // A shell may execute its last command itself.
    assert!(sleeper.is_none() || records.iter().any(is_named), "a grandchild is seen, too: {records:?}");
}

/// The control: without the event nothing is known of the child, and with it nothing of what was started before.
#[test]
fn what_was_started_before_is_not_seen() {
    let mut child = Command::new("sh").args(["-c", "read line; exit 0"]).stdin(Stdio::piped()).spawn().expect("sh");
    let pid = Pid::new(child.id().cast_signed());
    let rings = rings(8);
    drop(child.stdin.take());
    child.wait().expect("ours");
    let mut records = Vec::new();
    if let Some(mut rings) = rings {
        rings.read_all(&mut records);
        assert!(records.iter().all(|record| record.pid != pid), "{records:?}");
    }
}

#[test]
fn reads_go_on_in_the_order_of_time_and_hold_nothing_back_for_ever() {
    let Some(mut rings) = rings(SwitchRings::usual_pages()) else { return };
    let (mut all, mut until) = (Vec::new(), Monotonic::ZERO);
    for _ in 0..20 {
        run("true; true");
        let mut records = Vec::new();
        let next = rings.read(&mut records);
        assert!(next >= until, "the time goes on");
        assert!(records.iter().all(|record| record.t >= until && record.t <= next), "each record is in its read");
        until = next;
        all.extend(records);
    }
    rings.read_all(&mut all);
    assert!(is_in_order(&all));
    let count = |what: fn(&Scheduled) -> bool| all.iter().filter(|record| what(&record.what)).count();
    let (began, ended) = (count(|what| matches!(what, Scheduled::Began { .. })), count(|what| matches!(what, Scheduled::Ended)));
    assert!(began >= 20 && began == ended, "{began} began, {ended} ended");
}

#[test]
fn a_ring_that_is_too_small_says_what_it_has_lost() {
    let Some(mut rings) = rings(1) else { return };
    let before = monotonic_now();
    run("i=0; while [ $i -lt 400 ]; do i=$((i+1)); (:); done");
    let mut records = Vec::new();
    let until = rings.read(&mut records);
    assert!(until < monotonic_now(), "a full ring is not complete up to now");
    let last = records.pop().expect("the full ring's");
    assert_eq!((last.t, &last.what), (until, &Scheduled::Lost { since: until, count: 0 }), "told at once");
    // Nothing more is recorded anywhere: no record of the kernel's tells of the gap.
    let until = rings.read_all(&mut records);
    let is_end = |record: &SchedulerRecord| record.t > last.t && record.what == Scheduled::Lost { since: last.t, count: 0 };
    let ends: Vec<_> = records.iter().filter(|record| is_end(record)).collect();
    assert!(ends.len() == 1 && ends[0].core == last.core && ends[0].t <= until, "{records:?}");
    // The next record on each core gives the number, and tells of no second gap.
    records.clear();
    for _ in 0..8 {
        run("sleep 0.01 & sleep 0.01 & wait");
        rings.read_all(&mut records);
    }
    assert!(is_in_order(&records));
    let number = |record: &SchedulerRecord| match record.what {
        Scheduled::Lost { since, count } if count > 0 => Some((record.t, since)),
        _ => None,
    };
    let numbers: Vec<_> = records.iter().filter_map(number).collect();
    assert!(!numbers.is_empty() && numbers.iter().all(|(t, since)| *since >= before && since == t), "{numbers:?}");
}

#[test]
fn records_that_wrap_around_the_ring_are_whole() {
    let Some(mut rings) = rings(1) else { return };
    let mut names = 0;
    for _ in 0..200 {
        let pid = run(":");
        let mut records = Vec::new();
        rings.read_all(&mut records);
        names += records
            .iter()
            .filter(|record| record.pid == pid && matches!(&record.what, Scheduled::Named { name, .. } if &**name == "sh"))
            .count();
    }
    assert_eq!(names, 200, "each with its name, wherever it stood");
}

#[test]
fn the_process_itself_is_left_out_and_its_children_are_not() {
    let Some(mut rings) = rings(SwitchRings::usual_pages()) else { return };
    // The rings are the thread's here; so leave out the process of the test, as if it were the one.
    rings.root = own_pid();
    let pid = run(":");
    std::thread::sleep(Duration::from_millis(2));
    let mut records = Vec::new();
    rings.read_all(&mut records);
    assert!(records.iter().all(|record| record.pid != own_pid()), "{records:?}");
    assert!(records.iter().any(|record| record.pid == pid && matches!(record.what, Scheduled::Began { .. })));
}

#[test]
fn a_process_that_is_not_there_is_refused_and_nothing_stays_open() {
    let refused = SwitchRings::open(Pid::new(i32::MAX), 1).expect_err("nobody has this PID");
    assert!(!refused.to_string().is_empty() && !refused.remedy().is_empty());
    assert_eq!(try_switches().is_ok(), rings(1).is_some());
}

#[test]
fn lists_of_cores_are_read() {
    for (text, cores) in
        [("0-3\n", &[0, 1, 2, 3][..]), ("0", &[0]), ("0,2-3,63\n", &[0, 2, 3, 63]), ("", &[]), ("x", &[]), ("3-1", &[])]
    {
        assert_eq!(cores_in(text), cores, "{text}");
    }
    assert!(!online_cores().expect("there is one").is_empty());
}
