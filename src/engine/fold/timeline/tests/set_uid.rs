//! Tests of programs of which the kernel tells nothing after their exec.

use super::super::homes::Exit;
use super::switches::{exited, whole_life};
use super::*;
use crate::model::LaneState::{Nothing, Unknown, Zombie};
use crate::model::{ExitStatus, LaneEnd, ProcessState};

/// A sample misses it.
fn exited_unseen(t: u64) -> Exit {
    Exit { t: at(t), status: Some(ExitStatus::Unknown) }
}

/// `sudo` from its birth on; the kernel tells nothing after its exec at 29, or, if that is ordinary, its end.
fn executes_sudo(is_ordinary: bool) -> Lanes {
    let mut records = vec![began(0, 10, 10, 1, 1)];
    records.extend(whole_life().into_iter().take(6));
    records.push(named(29, 11, 11, "sudo", true));
    records.extend(is_ordinary.then(|| record(30, 11, 11, Scheduled::Mapped)));
    records.push(record(30, 11, 11, Scheduled::Ended));
    let mut lanes = Lanes::default();
    lanes.scheduled(&records, at(31));
    lanes
}

#[test]
fn a_set_uid_program_is_unknown_until_its_end() {
    let mut lanes = executes_sudo(false);
    lanes.process_started(at(15), Pid::new(11), PID, "sudo", false);
    lanes.process_changed(at(40), Pid::new(11), ProcessState::Sleeping, "");
    lanes.thread_seen(at(41), Pid::new(11), Tid::new(11), "sudo", ProcessState::Sleeping);
    lanes.sampled_all(at(41), |_| true);
    lanes.scheduled(&[], at(58));
    assert_eq!(states(&lane(&mut lanes, "sudo")).last(), Some(&(30, Unknown, 0)));
    assert!(lanes.cpu_due(at(58)).iter().all(|cpu| !cpu.is_final), "it lives");
    lanes.process_ended(at(60), Pid::new(11), "", exited(60, 0));
    lanes.process_reaped(at(70), Pid::new(11), "", exited(70, 0), None);
    lanes.scheduled(&[], at(80));
    let lane = lane(&mut lanes, "sudo");
    assert_eq!(states(&lane)[4..], [(30, Unknown, 0), (60, Zombie, 0), (70, Nothing, 0)]);
    let sums = lanes.cpu_due(at(80));
    assert_eq!(
        sums.iter().map(|cpu| (cpu.is_final, cpu.is_exact)).collect::<Vec<_>>(),
        [(false, false), (true, false)],
        "{sums:?}"
    );
    assert_eq!(lane.end, Some(LaneEnd::Exit(ExitStatus::Exited(0))));
}

/// No sample has shown it, or one has; then another one misses it. Its parent goes on meanwhile, which may have another reason.
#[test]
fn a_set_uid_program_of_which_nothing_more_is_told_is_unknown_until_a_sample_misses_it() {
    for (is_ordinary, is_seen, expected) in [
        (false, false, &[(30, Unknown, 0), (95, Nothing, 0)]),
        (false, true, &[(30, Unknown, 0), (95, Nothing, 0)]),
        (true, false, &[(30, Zombie, 0), (50, Nothing, 0)]),
    ] {
        let mut lanes = executes_sudo(is_ordinary);
        let parent = |t, what| on_core(1, t, 10, 10, what);
        lanes.scheduled(&[parent(32, Scheduled::In), parent(40, Scheduled::Blocked), parent(50, Scheduled::In)], at(60));
        if is_seen {
            lanes.process_started(at(65), Pid::new(11), PID, "sudo", false);
            lanes.sampled_all(at(65), |_| true);
        }
        lanes.sampled_all(at(95), |_| false);
        if is_seen {
            lanes.process_ended(at(95), Pid::new(11), "", exited_unseen(95));
            lanes.process_reaped(at(95), Pid::new(11), "", exited_unseen(95), Some(PID));
        }
        lanes.scheduled(&[], at(95));
        let lane = lane(&mut lanes, "sudo");
        assert_eq!(states(&lane)[4..], *expected, "ordinary: {is_ordinary}, seen: {is_seen}");
        assert_eq!(lane.words.is_empty(), !is_ordinary, "nobody says that it was a zombie");
    }
}

#[test]
fn a_process_that_samples_show_alive_is_no_zombie() {
    let mut lanes = Lanes::default();
    let mut records = whole_life();
    // Its exec was lost.
    records.retain(|record| record.t < at(20) || record.what == Scheduled::Ended);
    lanes.scheduled(&records, at(71));
    lanes.process_started(at(15), Pid::new(11), PID, "sort", false);
    lanes.process_changed(at(72), Pid::new(11), ProcessState::Sleeping, "");
    assert_eq!(states(&lane(&mut lanes, "sort")).last(), Some(&(70, Zombie, 0)), "the sample may be older");
    lanes.process_changed(at(80), Pid::new(11), ProcessState::Sleeping, "");
    assert_eq!(states(&lane(&mut lanes, "sort")).last(), Some(&(70, Unknown, 0)));
}

#[test]
fn a_first_thread_that_ends_before_the_others_is_a_zombie() {
    let mut lanes = Lanes::default();
    let mut records = whole_life();
    records.extend([began(30, 11, 12, 11, 11), on_core(1, 31, 11, 12, Scheduled::In)]);
    records.sort_by_key(|record| record.t);
    lanes.scheduled(&records, at(71));
    lanes.process_started(at(15), Pid::new(11), PID, "sort", false);
    for t in [72, 80, 90] {
        lanes.process_changed(at(t), Pid::new(11), ProcessState::Running, "");
    }
    assert_eq!(states(&lane(&mut lanes, "sort")).last(), Some(&(70, Zombie, 0)), "the other one still runs");
}
