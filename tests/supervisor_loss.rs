//! The supervisor is killed under a running engine. Alone in its program: an engine that has lost its supervisor ends everything
//! below its own process, and that would be other tests' children, too.
#![allow(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod support;

use std::sync::{Mutex, PoisonError};

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
    let mut is_told = false;
    let events = events_of(&engine, programs(vec![sh("sleep 89 & wait")]), |event| {
        if matches!(event.kind, EventKind::ProcessStarted { .. }) && !std::mem::replace(&mut is_told, true) {
            let _ = rustix::process::kill_process(supervisor, signal);
        }
    });
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
fn a_stopped_supervisor_is_replaced_once_it_owes_an_answer_for_too_long() {
    lose_it_by(rustix::process::Signal::STOP);
}
