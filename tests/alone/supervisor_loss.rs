//! The supervisor is killed under a running engine. Alone in its program: an engine that has lost its supervisor ends everything
//! below its own process, and that would be other tests' children, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::runs::{engine, events_of, outcome, programs, sh};
use support::stress::{Chance, is_long, promised, rounds};
use support::watchdog::Watchdog;
use support::{deadline, eventually};
use tasklab::engine::{BoardKind, Command, Engine, EngineEvent, LineRequest};
use tasklab::model::{EventKind, ExitStatus, Level, Line, Outcome, Pid};
use tasklab::sys::{WaitMode, wait_pid};

use crate::alone;

/// The supervisor: so far the only process below this test, but for its guard.
fn supervisor_of(_engine: &Engine) -> i32 {
    let own = std::process::id().cast_signed();
    eventually("the supervisor and its guard alone are there", || support::descendants_of(own).len() == 2);
    support::supervisor_below(own).expect("the supervisor")
}

/// Signals the supervisor as soon as something runs under it, and expects the run to be over with an unknown status and the next
/// launch to work.
fn lose_it_by(signal: rustix::process::Signal) {
    let engine = engine(Some(1024));
    lose_supervisor_of(&engine, signal, Duration::ZERO);
}

/// The same with an engine that is there, so long after something runs.
fn lose_supervisor_of(engine: &Engine, signal: rustix::process::Signal, after: Duration) {
    let supervisor = rustix::process::Pid::from_raw(supervisor_of(engine)).expect("a PID");
    // One SIGSTOP is made good by a SIGCONT; here somebody insists.
    let insists = signal == rustix::process::Signal::STOP;
    let is_over = Arc::new(AtomicBool::new(false));
    let was_replaced = Arc::clone(&is_over);
    let strike = move || {
        std::thread::sleep(after);
        while rustix::process::kill_process(supervisor, signal).is_ok() && insists && !was_replaced.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let mut strike = Some(strike);
    let mut thread = None;
    let events = events_of(engine, programs(vec![sh("sleep 89 & wait")]), |event| {
        if matches!(event.kind, EventKind::ProcessStarted { .. })
            && let Some(strike) = strike.take()
        {
            thread = std::thread::Builder::new().name("strike".to_owned()).spawn(strike).ok();
        }
    });
    is_over.store(true, Ordering::Relaxed);
    thread.expect("it was struck").join().expect("no panic");
    assert_eq!(outcome(&events).0, Outcome::Failed);
    let unknown = events.iter().any(|event| matches!(event.kind, EventKind::ProcessExited { status: ExitStatus::Unknown, .. }));
    assert!(unknown, "{events:?}");
    let over = Instant::now();
    // One that did not live for long is started again after a pause; until then a launch is refused, aloud.
    eventually("the next launch works", || launches_again(engine));
    promised("the next launch after the loss", over.elapsed(), Duration::from_secs(1));
    supervisor_of(engine);
}

/// Whether a launch is taken and passes.
fn launches_again(engine: &Engine) -> bool {
    engine.handle().send(Command::Launch(Box::new(programs(vec![sh("true")])))).expect("taken");
    loop {
        match engine.events().expect("tapped").recv_timeout(deadline()).expect("an answer") {
            EngineEvent::Refused(text) => {
                assert!(text.contains("the supervisor was lost"), "{text}");
                return false;
            }
            EngineEvent::Event(_, event) => {
                if let EventKind::RunFinished { outcome, processes_left, .. } = event.kind {
                    assert_eq!((outcome, processes_left), (Outcome::Passed, 0));
                    return true;
                }
            }
            EngineEvent::Launched(..)
            | EngineEvent::NotLaunched(..)
            | EngineEvent::Board { .. }
            | EngineEvent::Edge(_)
            | EngineEvent::Compared(_) => {}
        }
    }
}

/// Covers: promise 8, F19, facts 54, 56.
#[test]
fn a_killed_supervisor_is_replaced_and_nothing_is_called_a_success() {
    let _alone = alone();
    lose_it_by(rustix::process::Signal::KILL);
}

/// Covers: promise 8, F19, fact 54.
#[test]
fn a_supervisor_that_is_kept_stopped_is_replaced_once_it_owes_an_answer_for_too_long() {
    let _alone = alone();
    lose_it_by(rustix::process::Signal::STOP);
}

/// Covers: promise 8, F19.
#[test]
fn a_supervisor_that_was_stopped_once_goes_on_and_nothing_is_lost() {
    let _alone = alone();
    let engine = engine(Some(1024));
    let supervisor = rustix::process::Pid::from_raw(supervisor_of(&engine)).expect("a PID");
    let stop = || rustix::process::kill_process(supervisor, rustix::process::Signal::STOP).expect("ours");
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", supervisor.as_raw_nonzero())).expect("lives");
    stop();
    eventually("it is stopped", || state().contains(") T "));
    let mut is_stopped_again = false;
    let events = events_of(&engine, programs(vec![sh("sleep 0.3; exit 7")]), |event| {
        if matches!(event.kind, EventKind::ProcessStarted { .. }) && !std::mem::replace(&mut is_stopped_again, true) {
            stop();
        }
    });
    let exited = events.iter().any(|event| matches!(event.kind, EventKind::ProcessExited { status: ExitStatus::Exited(7), .. }));
    assert!(exited && is_stopped_again, "the true status, late: {events:?}");
    assert_eq!(supervisor_of(&engine), supervisor.as_raw_nonzero().get(), "still the same one");
}

/// One engine that loses one supervisor after the other, at random moments.
///
/// Covers: promise 8, F19, F50, facts 54, 61.
#[test]
fn whenever_a_supervisor_is_lost_the_next_launch_works() {
    let _alone = alone();
    let count = rounds(5, 200);
    let _watchdog = Watchdog::after(Duration::from_secs(300 + count as u64 * 10));
    let mut chance = Chance::start();
    let engine = engine(Some(1024));
    for round in 0..count {
        // A stop is noticed after the five seconds that an answer may take, and has a test of its own; so most are kills.
        let signal = if is_long() && round % 10 == 3 { rustix::process::Signal::STOP } else { rustix::process::Signal::KILL };
        lose_supervisor_of(&engine, signal, Duration::from_micros(chance.below(30_000) as u64));
    }
    println!("{count} supervisors lost, and each time the next launch worked");
}

/// A process that nobody who reports has waited on ended somehow: that is said, and never called a success.
///
/// Covers: F14, F18, fact 14.
#[test]
fn a_status_that_somebody_else_took_is_unknown_and_an_error_to_wait_for() {
    let _alone = alone();
    let mut child = std::process::Command::new("true").spawn().expect("starts");
    let pid = Pid::new(child.id().cast_signed());
    child.wait().expect("taken here");
    let stolen = wait_pid(pid, WaitMode::Reap).expect_err("it is nobody's to wait on any more");
    assert_eq!(stolen.raw_os_error(), Some(rustix::io::Errno::CHILD.raw_os_error()));
    // A process that is no parent may hold the descriptor and see the end, but it may not wait.
    let mut supervisor = support::Supervisor::start();
    let (pid, pipes) = supervisor.launch_one(sh("exit 3"));
    let refused = tasklab::sys::wait_pidfd(&pipes.pidfd, WaitMode::Reap).expect_err("its parent is the supervisor");
    assert_eq!(refused.raw_os_error(), Some(rustix::io::Errno::CHILD.raw_os_error()));
    assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(3), "which reaps and reports");
    assert!(!ExitStatus::Unknown.is_success() && ExitStatus::Unknown.shell_code() != 0);
}

/// A supervisor that is lost soon after its start is not replaced at once. An app that ends meanwhile makes its lines safe all the same.
///
/// Covers: F69.
#[test]
fn a_line_is_safe_though_task_lab_ends_before_the_next_supervisor_starts() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("edges");
    let changes = || std::fs::read_to_string(&log).unwrap_or_default().lines().count();
    let engine = engine(Some(1024));
    let ask = |request| engine.handle().send(Command::Lines { request_number: None, request }).expect("taken");
    ask(LineRequest::UseBoard(BoardKind::Simulated(Some(log.display().to_string()))));
    for round in 1..=2 {
        let supervisor = supervisor_of(&engine);
        ask(LineRequest::Set { line: Line::gpio(17), level: Level::High, safe: Level::Low, owner: "me".to_owned() });
        eventually("the line is high", || changes() as u64 == 2 * round - 1);
        let pid = rustix::process::Pid::from_raw(supervisor).expect("a PID");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("ours");
        let stat = || std::fs::read_to_string(format!("/proc/{supervisor}/stat"));
        eventually("it is dead", || stat().map_or(true, |stat| stat.contains(") Z ")));
        if round == 1 {
            eventually("the next one has made it safe", || changes() == 2);
        }
    }
    drop(engine);
    let edges = std::fs::read_to_string(&log).expect("there");
    assert!(changes() == 4 && edges.lines().last().is_some_and(|line| line.contains("\"value\":0")), "{edges}");
}
