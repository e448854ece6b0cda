//! Pipes between stages, and every kind of end: a stage's, the output's, of a process that cannot die, of everything.

use std::path::PathBuf;
use std::time::Duration;

use support::runs::{engine, events_of, notices, outcome, programs, sh};
use support::{Supervisor, eventually, skipped, tagged};
use tasklab::engine::{Command, EngineHandle, LaunchRequest};
use tasklab::model::{
    Action, ChildSpec, Event, EventKind, ExitStatus, Input, Outcome, Pid, Reaping, RunId, Scope, Sent, Signal, StopPlan,
};
use tasklab::supervisor::{Report, Request};

fn act(handle: &EngineHandle, action: Action) {
    handle.send(Command::Act { run: RunId::new(1), action }).expect("taken");
}

fn status_of(events: &[Event], name: &str) -> Option<ExitStatus> {
    let pid = events.iter().find_map(|event| match &event.kind {
        EventKind::ProcessStarted { pid, name: started, .. } if started == name => Some(*pid),
        _ => None,
    })?;
    events.iter().find_map(|event| match &event.kind {
        EventKind::ProcessExited { pid: ended, status } if *ended == pid => Some(*status),
        _ => None,
    })
}

/// Covers: F35.
#[test]
fn a_stopped_stage_blocks_its_neighbours_and_a_killed_one_breaks_the_pipe() {
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let stages = vec![ChildSpec::new(["yes"]), ChildSpec::new(["cat"]), ChildSpec::new(["wc", "-c"])];
    // The first pipe is full and the second empty: `yes` blocks, and the last stage starves.
    let (mut is_full, mut is_empty, mut was_killed) = (false, false, false);
    let events = events_of(&engine, programs(stages), |event| match &event.kind {
        EventKind::ProcessStarted { name, .. } if name == "wc" => act(&handle, Sent::Stop.to("cat")),
        EventKind::Value { name, value } => match name.as_str() {
            "bytes in pipe 1 (yes → cat)" => is_full = value.as_u64() == Some(65_536),
            "bytes in pipe 2 (cat → wc)" => is_empty = value.as_u64() == Some(0),
            _ => {}
        },
        EventKind::ProcessSampled(sample) if is_full && is_empty && !was_killed && sample.name == "yes" => {
            // The bytes in the pipe stay there as long as nobody reads. Then the reader is killed.
            was_killed = true;
            act(&handle, Sent::Kill.to("cat"));
        }
        _ => {}
    });
    assert!(was_killed, "the first pipe was full: {is_full}; the second was empty: {is_empty}");
    assert_eq!(status_of(&events, "yes"), Some(ExitStatus::Signaled { signal: Signal::PIPE, core_dumped: false }));
    assert_eq!(status_of(&events, "cat"), Some(ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false }));
    assert_eq!(outcome(&events), (Outcome::Passed, 0), "the last stage reads the end of the file and ends well");
    let last = events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Value { name, value } if name == "bytes in pipe 1 (yes → cat)" => value.as_u64(),
        _ => None,
    });
    assert!(last == Some(0) || last == Some(65_536), "{last:?}");
}

/// Covers: F34.
#[test]
fn a_stage_that_cannot_start_takes_down_those_before_it_and_what_they_started() {
    let mut supervisor = Supervisor::start();
    let tag = supervisor.tag().to_owned();
    let stages = vec![sh("setsid sleep 95 & sleep 95"), ChildSpec::new(["cat"]), ChildSpec::new(["no-such-program"])];
    let failure = supervisor.launch(stages).expect_err("the last one is not there");
    assert_eq!((failure.stage, failure.stages, failure.program.as_str()), (2, 3, "no-such-program"));
    assert!(failure.to_string().contains("(stage 3 of 3)") && failure.to_string().contains("No such file"), "{failure}");
    eventually("nobody is left", || tagged(&tag).is_empty());
}

/// Covers: F22.
#[test]
fn the_end_of_a_process_is_told_although_an_outsider_holds_its_output() {
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let mut held = None;
    let mut ended_while_open = false;
    let waiting = ChildSpec { stdin: Input::Pipe, ..sh("echo hi; read line; exit 5") };
    let events = events_of(&engine, programs(vec![waiting]), |event| match &event.kind {
        EventKind::Output { pid, .. } if held.is_none() => {
            // This test is the outsider: nobody of the run, and it has the writing end.
            held = std::fs::File::options().write(true).open(format!("/proc/{pid}/fd/1")).ok();
            assert!(held.is_some(), "the pipe can be opened");
            act(&handle, Action::CloseInput((*pid).into()));
        }
        EventKind::ProcessExited { status, .. } => ended_while_open |= *status == ExitStatus::Exited(5),
        EventKind::OutputClosed { stream: tasklab::model::Stream::Stdout, .. } => {
            assert!(ended_while_open, "two things, in that order");
        }
        _ => {}
    });
    assert!(ended_while_open && held.is_some());
    assert!(notices(&events).iter().any(|text| text.contains("open until")), "{:?}", notices(&events));
    assert_eq!(outcome(&events), (Outcome::Failed, 0));
    let events = events_of(&engine, programs(vec![sh("echo hi")]), |_| {});
    assert!(notices(&events).is_empty(), "the control: {:?}", notices(&events));
}

/// Covers: facts 4, 13, 14.
#[test]
fn a_status_stays_the_same_however_often_it_is_asked_for_and_whoever_is_late() {
    let mut supervisor = Supervisor::start();
    let specs = [3, 0, 47].map(|code| ChildSpec { reaping: Reaping::WhenAsked, ..sh(&format!("exit {code}")) });
    let pids: Vec<Pid> = specs.map(|spec| supervisor.launch_one(spec).0).to_vec();
    // All have ended and nobody has waited: their zombies keep what they have to say.
    for (pid, code) in pids.iter().zip([3, 0, 47]) {
        assert_eq!(supervisor.exited(*pid), (ExitStatus::Exited(code), false));
    }
    assert_eq!(support::survivors(&supervisor).len(), 3, "zombies all");
    // Signals to the dead reach nobody and are no mistake.
    for _ in 0..3 {
        assert!(supervisor.signal(pids[0], &[Signal::KILL], Scope::Process).is_ok());
    }
    for pid in &pids {
        supervisor.request(&Request::Reap { pid: *pid });
        supervisor.wait_for("the wait", |report| matches!(report, Report::Reaped { pid: reaped } if reaped == pid).then_some(()));
    }
    assert!(support::survivors(&supervisor).is_empty());
    supervisor.request(&Request::Reap { pid: pids[0] });
    assert!(supervisor.signal(pids[0], &[Signal::KILL], Scope::Process).expect_err("gone").to_string().contains("has ended"));
}

/// Covers: facts 4, 5, 49, 60.
#[test]
fn waits_on_any_and_all_give_exactly_the_ended_in_the_order_of_their_ends() {
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let sleeper = |name: &str| ChildSpec {
        name: name.to_owned(),
        reaping: Reaping::WhenAsked,
        death_signal: None,
        ..ChildSpec::new(["sleep", "93"])
    };
    let names = ["one", "two", "three", "four"];
    let (mut answers, mut pids) = (Vec::new(), Vec::new());
    let events = events_of(&engine, programs(names.map(sleeper).to_vec()), |event| match &event.kind {
        EventKind::ProcessStarted { pid, name, .. } if names.contains(&name.as_str()) => {
            pids.push(*pid);
            if pids.len() == names.len() {
                act(&handle, Action::WaitAny(Some(Duration::from_millis(200))));
            }
        }
        EventKind::ProcessExited { pid, .. } if pids.get(2) == Some(pid) => {
            act(&handle, Sent::Terminate.to("one"));
        }
        EventKind::ProcessExited { pid, .. } if pids.first() == Some(pid) => act(&handle, Action::WaitAny(None)),
        EventKind::Waited { action, done, pending } => {
            let place = |pid: &Pid| pids.iter().position(|known| known == pid).expect("one of them") + 1;
            let done: Vec<(usize, ExitStatus)> = done.iter().map(|one| (place(&one.pid), one.status)).collect();
            answers.push((action.word(), done, pending.iter().map(place).collect::<Vec<_>>()));
            match answers.len() {
                1 => {
                    act(&handle, Action::WaitAny(None));
                    act(&handle, Sent::Kill.to("two"));
                }
                // Three ends, then one; each stays a zombie until it is given.
                2 => act(&handle, Sent::Terminate.to("three")),
                3 => act(&handle, Action::WaitAny(None)),
                4 => act(&handle, Action::WaitAny(Some(Duration::ZERO))),
                5 | 6 => act(&handle, Action::Wait("two".into())),
                7 => act(&handle, Action::WaitAll(Some(Duration::from_millis(100)))),
                8 => {
                    act(&handle, Action::WaitAll(None));
                    act(&handle, Action::WaitAll(None));
                    act(&handle, Sent::Kill.to("four"));
                }
                _ => {}
            }
        }
        _ => {}
    });
    let by = |signal| ExitStatus::Signaled { signal, core_dumped: false };
    let [one, two, three, four] = [(1, by(Signal::TERM)), (2, by(Signal::KILL)), (3, by(Signal::TERM)), (4, by(Signal::KILL))];
    let expected = [
        ("wait-any", vec![], vec![1, 2, 3, 4]),
        ("wait-any", vec![two], vec![1, 3, 4]),
        ("wait-any", vec![three], vec![4]),
        ("wait-any", vec![one], vec![4]),
        ("wait-any", vec![], vec![4]),
        ("wait", vec![two], vec![4]),
        ("wait", vec![two], vec![4]),
        ("wait-all", vec![one, two, three], vec![4]),
        ("wait-all", vec![one, two, three, four], vec![]),
        ("wait-all", vec![one, two, three, four], vec![]),
    ];
    assert_eq!(answers, expected);
    assert_eq!(outcome(&events), (Outcome::Failed, 0));
}

/// A run of a lesson: its children are the body's, and only the body can wait for them.
#[test]
fn nobody_but_their_parent_can_wait_on_children() {
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let events = events_of(&engine, support::runs::scenario("fork", tasklab::model::Language::Rust), |event| {
        if matches!(event.kind, EventKind::RunStarted { .. }) {
            act(&handle, Action::WaitAny(None));
        }
    });
    let notices = notices(&events);
    assert!(notices.iter().any(|text| text.contains("wait on any child")), "{notices:?}");
    assert!(events.iter().all(|event| !matches!(event.kind, EventKind::Waited { .. })));
}

/// Covers: promise 4, F6.
#[test]
fn everything_is_stopped_and_what_is_left_is_counted() {
    let engine = engine(None);
    let handle = engine.handle();
    for script in ["trap '' TERM; while :; do sleep 0.1; done", "setsid sleep 96 & sleep 96"] {
        // With time enough to see it counted down.
        let launch = LaunchRequest { stop: StopPlan::default(), ..programs(vec![sh(script)]) };
        handle.send(Command::Launch(Box::new(launch))).expect("taken");
    }
    eventually("both run", || {
        let snapshot = handle.snapshot();
        snapshot.runs.len() == 2 && snapshot.runs.iter().all(|run| run.processes.len() >= 2)
    });
    handle.send(Command::StopEverything).expect("taken");
    eventually("the grace time is counted down", || {
        handle
            .snapshot()
            .runs
            .iter()
            .any(|run| matches!(run.state, tasklab::model::RunState::Stopping { grace_left } if grace_left >= 0.0))
    });
    let said = |text: &str| handle.snapshot().notices.iter().any(|(_, notice)| &**notice == text);
    eventually("the count is told", || said("2 runs were stopped: 0 processes are left"));
    handle.send(Command::StopEverything).expect("taken");
    eventually("again, with nothing there", || said("nothing was running: 0 processes are left"));
}

/// A group of the old freezer, whose members hang in the kernel (state D) until they are let go.
struct Freezer(PathBuf);

impl Freezer {
    fn new() -> Option<Self> {
        let path = PathBuf::from(format!("/sys/fs/cgroup/freezer/tasklab-test-ends-{}", std::process::id()));
        std::fs::create_dir(&path).ok()?;
        Some(Self(path))
    }

    fn freeze(&self, pid: Pid) {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("joins");
        std::fs::write(self.0.join("freezer.state"), "FROZEN").expect("freezes");
    }

    fn thaw(&self) {
        std::fs::write(self.0.join("freezer.state"), "THAWED").expect("thaws");
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Covers: promise 4, F7.
#[test]
fn a_process_that_hangs_in_the_kernel_is_named_and_ends_when_it_is_let_go() {
    let Some(freezer) = Freezer::new() else {
        return skipped("no freezer of version 1 that this user may use");
    };
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let mut is_named = false;
    let events = events_of(&engine, programs(vec![ChildSpec::new(["sleep", "94"])]), |event| match &event.kind {
        EventKind::ProcessStarted { pid, .. } => {
            freezer.freeze(*pid);
            act(&handle, Sent::Kill.to(*pid));
        }
        EventKind::Notice { text } if text.contains("stuck in the kernel (D)") => {
            assert!(text.starts_with("sleep ("), "{text}");
            is_named = true;
            freezer.thaw();
        }
        _ => {}
    });
    assert!(is_named);
    assert_eq!(status_of(&events, "sleep"), Some(ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false }));
    assert_eq!(outcome(&events), (Outcome::Failed, 0));
}
