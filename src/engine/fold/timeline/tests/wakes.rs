//! Who let a thread go on: what is known is told, and nothing that may be otherwise.

use super::*;
use crate::engine::fold::timeline::homes::Exit;
use crate::engine::fold::timeline::reasons::Explanation;
use crate::model::{ExitStatus, LaneEnd, Mark, MarkKind, ProcessState, Signal};
use crate::monitor::{PipeUsers, WakerKind, Wakers};

use Scheduled::{Blocked, Ended, In, Mapped};

const MS: u64 = 1_000_000;
/// The thread that waits since 6 ms, and the one that lets it go on: at 100 ms it comes to a core, and at 101 ms the wait is over.
const WAITER: i32 = 11;
const OTHER: i32 = 12;

/// A record at so many milliseconds, on a core of its own.
fn does(ms: u64, pid: i32, tid: i32, what: Scheduled) -> SchedulerRecord {
    on_core((tid % 50) as u16, ms * MS, pid, tid, what)
}

/// Processes with their threads, each of which waits since 6 ms.
fn waiting(threads: &[(i32, i32, &str)]) -> Lanes {
    let mut lanes = Lanes::default();
    let mut records = Vec::new();
    for (pid, tid, name) in threads {
        let parent = if pid == tid { 1 } else { *pid };
        records.extend([began(0, *pid, *tid, parent, parent), named(1, *pid, *tid, name, pid == tid)]);
    }
    records.extend(threads.iter().flat_map(|(pid, tid, _)| [In, Mapped].map(|what| does(2, *pid, *tid, what))));
    records.extend(threads.iter().map(|(pid, tid, _)| does(6, *pid, *tid, Blocked)));
    lanes.scheduled(&records, at(60 * MS));
    lanes
}

fn program() -> Lanes {
    waiting(&[(10, 10, "prog"), (10, WAITER, "waiter"), (10, OTHER, "owner")])
}

const fn only(kind: WakerKind) -> Wakers {
    Wakers { kind, or_child: false }
}

/// A look at the wait of this thread, from 50 to 51 ms.
fn look(lanes: &mut Lanes, (pid, tid): (i32, i32), held_by: Option<i32>, wakers: Option<&Wakers>) {
    look_at(lanes, 50, (pid, tid), held_by, wakers);
}

fn look_at(lanes: &mut Lanes, ms: u64, (pid, tid): (i32, i32), held_by: Option<i32>, wakers: Option<&Wakers>) {
    let held_by = held_by.map(Tid::new);
    let reason = Explanation { from: at(ms * MS), words: "something", is_timer: false, is_stopped: false, held_by, wakers };
    lanes.explained(at((ms + 1) * MS), Pid::new(pid), Tid::new(tid), reason);
}

/// Who ended the first wait of the lane.
fn woken_by(lanes: &mut Lanes, name: &str) -> Option<String> {
    let lane = lane(lanes, name);
    let wait = lane.states.at(at(50 * MS)).expect("a wait");
    lane.ended_by(&wait).map(|by| by.to_string())
}

fn goes_on() -> [SchedulerRecord; 2] {
    [does(100, 10, OTHER, In), does(101, 10, WAITER, In)]
}

/// The waiter waits for the owner, and then this happens.
fn after(wakers: impl Into<Option<Wakers>>, records: &[SchedulerRecord], more: impl FnOnce(&mut Lanes)) -> Option<String> {
    let (mut lanes, wakers) = (program(), wakers.into());
    look(&mut lanes, (10, WAITER), Some(OTHER), wakers.as_ref());
    let mut records = records.to_vec();
    records.sort_by_key(|record| record.t);
    lanes.scheduled(&records, at(110 * MS));
    more(&mut lanes);
    lanes.scheduled(&[], at(300 * MS));
    woken_by(&mut lanes, "waiter")
}

#[test]
fn the_owner_that_was_read_and_alone_has_run_since_let_the_waiter_go_on() {
    let owner = || only(WakerKind::Owner);
    assert_eq!(after(owner(), &goes_on(), |_| {}).as_deref(), Some("owner"));
    // Woken, it had no core for a while; that can be an estimate, and the owner seems to have come later.
    for ready in [MS / 2, 40 * MS] {
        let told = SchedulerRecord {
            t: at(101 * MS + 1),
            what: Scheduled::Counted { ran: 0, ready: 2 * MS + ready },
            ..does(101, 10, WAITER, In)
        };
        assert_eq!(after(owner(), &[&goes_on()[..], &[told]].concat(), |_| {}).as_deref(), Some("owner"), "{ready}");
    }
    let mut others = program();
    look(&mut others, (10, WAITER), Some(OTHER), Some(&owner()));
    others.scheduled(&goes_on(), at(110 * MS));
    assert_eq!(woken_by(&mut others, "waiter"), None, "a stop or an end may still be told");
    // It can have been handed on by any thread of the process that ran meanwhile.
    let third = [does(60, 10, 10, In), does(61, 10, 10, Blocked)];
    assert_eq!(after(owner(), &[&goes_on()[..], &third].concat(), |_| {}), None, "the owner may have changed");
    assert_eq!(after(owner(), &[does(101, 10, WAITER, In)], |_| {}), None, "the owner has not run");
    assert_eq!(after(None, &goes_on(), |_| {}), None, "a time limit may have ended it");
}

#[test]
fn a_signal_is_nobody() {
    let owner = || only(WakerKind::Owner);
    let mark = |tid: &'static str, ms: u64| {
        let mark = Mark { t: at(ms * MS), kind: MarkKind::Signal, text: "SIGUSR1".into(), from: None };
        move |lanes: &mut Lanes| lanes.mark(PID, tid, mark)
    };
    assert_eq!(after(owner(), &goes_on(), mark("", 100)), None, "it was sent one");
    assert_eq!(after(owner(), &goes_on(), mark("", 108)).as_deref(), Some("owner"), "it was sent one later");
    let stopped = |lanes: &mut Lanes| lanes.process_changed(at(103 * MS), PID, ProcessState::Stopped, "");
    let stops = [&goes_on()[..], &[does(102, 10, WAITER, Blocked)]].concat();
    assert_eq!(after(owner(), &stops, stopped), None, "it was stopped");
    assert_eq!(after(owner(), &stops, |_| {}).as_deref(), Some("owner"), "it has waited for something else");
    let late = |lanes: &mut Lanes| {
        lanes.scheduled(&[], at(200 * MS));
        assert_eq!(woken_by(lanes, "waiter").as_deref(), Some("owner"));
        stopped(lanes);
    };
    assert_eq!(after(owner(), &stops, late), None, "that it was stopped is told late");
    let looked = |lanes: &mut Lanes| {
        lanes.scheduled(&[], at(200 * MS));
        let reason =
            Explanation { from: at(150 * MS), words: "", is_timer: false, is_stopped: true, held_by: None, wakers: None };
        lanes.explained(at(151 * MS), PID, Tid::new(WAITER), reason);
        assert_eq!(lane(lanes, "waiter").now().map(|now| now.state), Some(LaneState::Stopped));
    };
    assert_eq!(after(owner(), &stops, looked), None, "that it was stopped is seen late");
    let lost = SchedulerRecord { what: Scheduled::Lost { since: at(70 * MS), count: 3 }, ..does(80, 10, 10, In) };
    assert_eq!(after(owner(), &[&goes_on()[..], &[lost]].concat(), |_| {}), None, "records are missing");
}

#[test]
fn a_process_that_is_killed_was_let_go_on_by_nobody() {
    let ends = [&goes_on()[..], &[does(102, 10, WAITER, Ended), does(103, 10, 10, In), does(104, 10, 10, Ended)]].concat();
    let told = |status: ExitStatus| {
        move |lanes: &mut Lanes| lanes.process_ended(at(105 * MS), PID, "", Exit { t: at(105 * MS), status: Some(status) })
    };
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    let owner = || only(WakerKind::Owner);
    assert_eq!(after(owner(), &ends, told(killed)), None);
    assert_eq!(after(owner(), &ends, told(ExitStatus::Unknown)), None);
    assert_eq!(after(owner(), &ends, told(ExitStatus::Exited(0))).as_deref(), Some("owner"));
    assert_eq!(after(owner(), &ends[..3], |_| {}).as_deref(), Some("owner"), "its process lives");
    let late = |lanes: &mut Lanes| {
        lanes.scheduled(&[does(150, 10, 10, Ended)], at(250 * MS));
        told(killed)(lanes);
    };
    assert_eq!(after(owner(), &ends[..3], late), None, "and is killed later: it may be the same kill");
}

#[test]
fn a_child_that_ends_may_have_woken_a_process_that_handles_sigchld() {
    let owner = |or_child| Wakers { kind: WakerKind::Owner, or_child };
    let child = [began(61 * MS, 20, 20, 10, 10), does(62, 20, 20, In), does(100, 20, 20, Ended)];
    let records = [&goes_on()[..], &child].concat();
    assert_eq!(after(owner(true), &records, |_| {}), None);
    assert_eq!(after(owner(true), &goes_on(), |_| {}).as_deref(), Some("owner"));
    assert_eq!(after(owner(false), &records, |_| {}).as_deref(), Some("owner"));
}

#[test]
fn a_thread_that_has_ended_let_the_one_go_on_that_joined_it() {
    let end = || only(WakerKind::End);
    let ends = |ms: u64| [does(99, 10, OTHER, In), does(ms, 10, OTHER, Ended), does(101, 10, WAITER, In)];
    let busy = [does(60, 10, 10, In)];
    assert_eq!(after(end(), &[&ends(100)[..], &busy].concat(), |_| {}).as_deref(), Some("owner"));
    assert_eq!(after(end(), &ends(102), |_| {}).as_deref(), Some("owner"), "its last record comes a moment later");
    let slow = [does(101, 10, OTHER, Scheduled::Preempted), does(110, 10, OTHER, In)];
    assert_eq!(after(end(), &[&ends(111)[..], &slow].concat(), |_| {}).as_deref(), Some("owner"), "where it has a core");
    assert_eq!(after(end(), &ends(105), |_| {}), None, "it was not about to end");
    assert_eq!(after(end(), &goes_on(), |_| {}), None, "it lives");
    assert_eq!(after(None, &ends(100), |_| {}), None, "a time limit");
}

#[test]
fn the_others_who_wait_for_the_lock_are_asked_again_once_its_owner_has_changed() {
    let mut lanes = program();
    let _ = lanes.unexplained(at(60 * MS), usize::MAX);
    for tid in [WAITER, 10] {
        look(&mut lanes, (10, tid), Some(OTHER), Some(&only(WakerKind::Owner)));
    }
    assert!(lanes.unexplained(at(60 * MS), usize::MAX).is_empty());
    lanes.scheduled(&goes_on(), at(300 * MS));
    assert_eq!(lanes.unexplained(at(300 * MS), usize::MAX), [(PID, Tid::new(10), at(6 * MS))]);
}

#[test]
fn of_several_children_the_one_that_is_waited_for_let_its_parent_go_on_or_the_first_to_end() {
    let child = |pid: Option<i32>| only(WakerKind::Child(pid.map(Pid::new)));
    let ended_by = |wakers: Wakers, ends: &[(u64, i32)], hidden: &[SchedulerRecord]| {
        let mut lanes = waiting(&[(10, 10, "sh"), (20, 20, "one"), (30, 30, "two")]);
        for pid in [20, 30] {
            lanes.process_started(at(3 * MS), Pid::new(pid), PID, "", false);
        }
        look(&mut lanes, (10, 10), None, Some(&wakers));
        let mut records: Vec<_> = ends.iter().map(|(ms, pid)| does(*ms, *pid, *pid, Ended)).collect();
        records.extend_from_slice(hidden);
        records.push(does(101, 10, 10, In));
        records.sort_by_key(|record| record.t);
        lanes.scheduled(&records, at(110 * MS));
        // The order in which they are waited on says nothing.
        for pid in [30, 20] {
            let exit = Exit { t: at(105 * MS), status: Some(ExitStatus::Exited(0)) };
            if ends.iter().any(|(_, ended)| *ended == pid) {
                lanes.process_reaped(at(105 * MS), Pid::new(pid), "", exit, Some(PID));
            }
        }
        lanes.scheduled(&[], at(300 * MS));
        woken_by(&mut lanes, "sh")
    };
    assert_eq!(ended_by(child(None), &[(90, 20), (100, 30)], &[]).as_deref(), Some("one"));
    assert_eq!(ended_by(child(None), &[(100, 20), (90, 30)], &[]).as_deref(), Some("two"));
    assert_eq!(ended_by(child(Some(30)), &[(90, 20), (100, 30)], &[]).as_deref(), Some("two"));
    assert_eq!(ended_by(child(Some(30)), &[(90, 20)], &[]), None, "the other one");
    assert_eq!(ended_by(child(None), &[], &[]), None, "none has ended");
    let set_uid = [named(80 * MS, 20, 20, "su", true), does(80, 20, 20, Ended)];
    assert_eq!(ended_by(child(None), &[(90, 30)], &set_uid), None, "the other one may have ended before");
    assert_eq!(ended_by(child(Some(30)), &[(90, 30)], &set_uid).as_deref(), Some("two"));
}

const READER: (i32, i32) = (10, 10);

fn pipeline() -> Lanes {
    waiting(&[(10, 10, "cat"), (20, 20, "sh"), (30, 30, "sleep")])
}

fn users(look: u64, pids: &[i32], wrote: Option<(u64, i32)>) -> Wakers {
    let pids = pids.iter().copied().map(Pid::new).collect();
    only(WakerKind::OtherEnd(PipeUsers { pids, look, wrote: wrote.map(|(look, pid)| (look, Pid::new(pid))) }))
}

/// The reader waits for the pipe that these have, and then this happens.
fn reads(pids: &[i32], records: &[SchedulerRecord], more: impl FnOnce(&mut Lanes)) -> Option<String> {
    let mut lanes = pipeline();
    look(&mut lanes, READER, None, Some(&users(1, pids, None)));
    lanes.scheduled(records, at(110 * MS));
    more(&mut lanes);
    lanes.scheduled(&[], at(300 * MS));
    woken_by(&mut lanes, "cat")
}

#[test]
fn the_only_process_at_the_other_end_of_a_pipe_let_the_reader_go_on() {
    let writes = [does(100, 20, 20, In), does(101, 10, 10, In)];
    assert_eq!(reads(&[20], &writes, |_| {}).as_deref(), Some("sh"));
    assert_eq!(reads(&[], &writes, |_| {}), None, "nobody that we know");
    assert_eq!(reads(&[30], &writes, |_| {}), None, "it has not run");
    assert_eq!(reads(&[20, 30], &writes, |_| {}), None, "one of two");
    assert_eq!(reads(&[99], &writes, |_| {}), None, "a stranger");
    let threads = [began(60 * MS, 20, 21, 20, 20), does(61, 20, 21, In)];
    assert_eq!(reads(&[20], &[&threads[..], &writes].concat(), |_| {}), None, "one of its threads");
    let child = [began(60 * MS, 40, 40, 20, 20), does(61, 40, 40, In), does(62, 40, 40, Ended)];
    assert_eq!(reads(&[20], &[&child[..], &writes].concat(), |_| {}), None, "its child may have written");
    assert_eq!(reads(&[20], &[&child[..1], &writes].concat(), |_| {}).as_deref(), Some("sh"), "it had no time for that");
}

#[test]
fn a_writer_that_ends_lets_its_reader_go_on_and_a_reader_that_is_killed_is_let_go_on_by_nobody() {
    let told = |status: ExitStatus| {
        move |lanes: &mut Lanes| {
            let exit = Exit { t: at(105 * MS), status: Some(status) };
            lanes.process_ended(at(105 * MS), Pid::new(10), "", exit);
        }
    };
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    let end = [does(99, 20, 20, In), does(100, 20, 20, Ended), does(101, 10, 10, In), does(102, 10, 10, Ended)];
    assert_eq!(reads(&[20], &end, |_| {}).as_deref(), Some("sh"), "how the reader ended is not known, and not needed");
    assert_eq!(reads(&[20], &end, told(ExitStatus::Exited(0))).as_deref(), Some("sh"));
    assert_eq!(reads(&[20], &end, told(killed)), None);
    let lives = [end[0].clone(), end[2].clone(), end[3].clone()];
    assert_eq!(reads(&[20], &lives, |_| {}), None, "it may have been killed");
    assert_eq!(reads(&[20], &lives, told(ExitStatus::Unknown)), None);
    assert_eq!(reads(&[20], &lives, told(ExitStatus::Exited(0))).as_deref(), Some("sh"));
}

/// The sleep that the shell has started ends; the shell writes a line and starts the next one; the reader waits again.
fn turns() -> Vec<SchedulerRecord> {
    vec![
        does(99, 30, 30, In),
        does(100, 30, 30, Ended),
        does(100, 20, 20, In),
        does(101, 10, 10, In),
        began(102 * MS, 40, 40, 20, 20),
        does(103, 40, 40, In),
        does(104, 40, 40, Blocked),
        does(104, 20, 20, Blocked),
        does(105, 10, 10, Blocked),
    ]
}

#[test]
fn of_several_writers_the_only_one_that_has_written_until_the_next_look_is_known() {
    let next = |by: Option<(u64, i32)>| {
        move |lanes: &mut Lanes| {
            lanes.scheduled(&[], at(160 * MS));
            look_at(lanes, 150, READER, None, Some(&users(2, &[20, 40], by)));
        }
    };
    // The shell has waited on its child.
    let mut lanes = pipeline();
    lanes.process_started(at(3 * MS), Pid::new(30), Pid::new(20), "sleep", false);
    look(&mut lanes, READER, None, Some(&users(1, &[20, 30], None)));
    lanes.scheduled(&turns(), at(160 * MS));
    assert_eq!(woken_by(&mut lanes, "cat"), None, "not yet");
    next(Some((1, 20)))(&mut lanes);
    assert_eq!(woken_by(&mut lanes, "cat").as_deref(), Some("sh"));
    assert_eq!(reads(&[20, 40], &turns(), next(Some((1, 20)))).as_deref(), None, "a number that is no process yet");
    let others = turns().into_iter().filter(|record| record.pid.number() != 30).collect::<Vec<_>>();
    assert_eq!(reads(&[20, 30], &others, next(Some((1, 20)))).as_deref(), Some("sh"));
    assert_eq!(reads(&[20, 30], &others, next(Some((7, 20)))), None, "since another look");
    assert_eq!(reads(&[20, 30], &others, next(Some((1, 30)))), None, "it has not run");
    assert_eq!(reads(&[20, 30], &others, next(None)), None, "both have written");
    assert_eq!(reads(&[20, 30], &turns(), next(Some((1, 20)))), None, "nobody that is counted has waited on the other one");
}

/// The ends of a process with the threads left (12), early (13) and done (14), which a signal kills while the first one waits.
fn killed_threads(status: ExitStatus, first: bool) -> Vec<Option<LaneEnd>> {
    let ms = |t: u64| t * 1_000_000;
    let mut records = vec![began(ms(1), 10, 10, 1, 1), record(ms(2), 10, 10, Scheduled::In)];
    for (core, tid) in [(1, 12), (2, 13), (3, 14)] {
        records.push(on_core(core, ms(3), 10, tid, Scheduled::Began { parent: PID, by: Tid::new(10) }));
        records.push(on_core(core, ms(4), 10, tid, Scheduled::In));
    }
    records.push(record(ms(5), 10, 10, Scheduled::Blocked));
    records.push(on_core(2, ms(50), 10, 13, Scheduled::Ended));
    // The kill: two ends, and that of the first thread, which gives the memory back.
    records.push(on_core(1, ms(200), 10, 12, Scheduled::Ended));
    records.push(on_core(3, ms(201), 10, 14, Scheduled::Ended));
    records.push(record(ms(200), 10, 10, Scheduled::In));
    records.push(record(ms(206), 10, 10, Scheduled::Ended));
    records.sort_by_key(|record| record.t);
    let mut lanes = Lanes::default();
    let tell = |lanes: &mut Lanes| lanes.process_ended(at(ms(210)), PID, "zombie", Exit { t: at(ms(210)), status: Some(status) });
    lanes.process_started(at(ms(1)), PID, Pid::new(1), "spin", false);
    for (name, tid) in [("left", 12), ("early", 13), ("done", 14)] {
        thread(&mut lanes, ms(4), name, tid);
    }
    if first {
        tell(&mut lanes);
    }
    lanes.scheduled(&records, at(ms(220)));
    if !first {
        tell(&mut lanes);
    }
    lanes.task_finished(at(ms(190)), "done", "ok");
    lanes.scheduled(&[], at(ms(230)));
    ["left", "early", "done"].map(|name| lane(&mut lanes, name).end.clone()).to_vec()
}

#[test]
fn the_threads_of_a_killed_process_were_killed_but_for_those_that_had_ended_before() {
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    for first in [true, false] {
        let done = Some(LaneEnd::Done);
        assert_eq!(killed_threads(killed, first), [Some(LaneEnd::Exit(killed)), done.clone(), done.clone()]);
        assert_eq!(killed_threads(ExitStatus::Exited(0), first), [done.clone(), done.clone(), done], "the control");
    }
}

#[test]
fn threads_without_records_were_killed_with_their_process_also_where_its_status_comes_later() {
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    for seen in [true, false] {
        let mut lanes = Lanes::default();
        lanes.process_started(at(1), PID, Pid::new(1), "spin", false);
        thread(&mut lanes, 2, "left", 12);
        thread(&mut lanes, 2, "early", 13);
        lanes.task_finished(at(5), "early", "ok");
        if seen {
            lanes.process_ended(at(9), PID, "zombie", Exit { t: at(9), status: None });
            assert_eq!(lane(&mut lanes, "left").end, Some(LaneEnd::Done));
        }
        lanes.process_reaped(at(12), PID, "SIGKILL", Exit { t: at(12), status: Some(killed) }, None);
        let ended = lane(&mut lanes, "left");
        assert_eq!(ended.end, Some(LaneEnd::Exit(killed)));
        assert_eq!(ended.states.last().map(|last| last.from), Some(at(if seen { 9 } else { 12 })));
        assert_eq!(lane(&mut lanes, "early").end, Some(LaneEnd::Done));
    }
}
