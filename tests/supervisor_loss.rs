//! The supervisor is killed under a running engine. Alone in its program: an engine that has lost its supervisor ends everything
//! below its own process, and that would be other tests' children, too.
#![allow(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use support::eventually;
use support::runs::{engine, events_of, outcome, programs, sh};
use tasklab::engine::Engine;
use tasklab::model::{EventKind, ExitStatus, Outcome};

/// The supervisor: so far the only process below this test.
fn supervisor_of(_engine: &Engine) -> i32 {
    let below = support::descendants_of(std::process::id().cast_signed());
    assert_eq!(below.len(), 1, "the supervisor alone");
    below[0]
}

/// One at a time: see above.
static ALONE: Mutex<()> = Mutex::new(());

/// Signals the supervisor as soon as something runs under it, and expects the run to be over with an unknown status and the next
/// launch to work.
fn lose_it_by(signal: rustix::process::Signal) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = engine(Some(1024));
    let supervisor = rustix::process::Pid::from_raw(supervisor_of(&engine)).expect("a PID");
    // One SIGSTOP is made good by a SIGCONT; here somebody insists.
    let insists = signal == rustix::process::Signal::STOP;
    let is_over = Arc::new(AtomicBool::new(false));
    let was_replaced = Arc::clone(&is_over);
    let strike = move || {
        while rustix::process::kill_process(supervisor, signal).is_ok() && insists && !was_replaced.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    };
    let mut strike = Some(strike);
    let mut thread = None;
    let events = events_of(&engine, programs(vec![sh("sleep 89 & wait")]), |event| {
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
    eventually("a new supervisor is there", || engine.handle().snapshot().trouble.is_none());
    assert_eq!(outcome(&events_of(&engine, programs(vec![sh("true")]), |_| {})), (Outcome::Passed, 0), "the next launch works");
    let below = support::descendants_of(std::process::id().cast_signed());
    assert_eq!(below.len(), 1, "the new supervisor alone is left");
}

#[test]
fn a_killed_supervisor_is_replaced_and_nothing_is_called_a_success() {
    lose_it_by(rustix::process::Signal::KILL);
}

#[test]
fn a_supervisor_that_is_kept_stopped_is_replaced_once_it_owes_an_answer_for_too_long() {
    lose_it_by(rustix::process::Signal::STOP);
}

#[test]
fn a_supervisor_that_was_stopped_once_goes_on_and_nothing_is_lost() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
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
    assert_eq!(
        support::descendants_of(std::process::id().cast_signed()),
        [supervisor.as_raw_nonzero().get()],
        "still the same one"
    );
}
