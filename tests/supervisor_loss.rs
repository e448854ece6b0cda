//! The supervisor is killed under a running engine. Alone in its program: an engine that has lost its supervisor ends everything
//! below its own process, and that would be other tests' children, too.
#![allow(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod support;

use support::runs::{engine, events_of, outcome, programs, sh};
use tasklab::engine::Engine;
use tasklab::model::{EventKind, ExitStatus, Outcome};

/// The supervisor: so far the only process below this test.
fn supervisor_of(_engine: &Engine) -> i32 {
    let below = support::descendants_of(std::process::id().cast_signed());
    assert_eq!(below.len(), 1, "the supervisor alone");
    below[0]
}

#[test]
fn a_killed_supervisor_is_replaced_and_nothing_is_called_a_success() {
    let engine = engine(Some(1024));
    let supervisor = supervisor_of(&engine);
    let events = events_of(&engine, programs(vec![sh("sleep 89 & wait")]), |event| {
        if matches!(event.kind, EventKind::ProcessStarted { .. }) {
            let pid = rustix::process::Pid::from_raw(supervisor).expect("a PID");
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    assert_eq!(outcome(&events).0, Outcome::Failed);
    let unknown = events.iter().any(|event| matches!(event.kind, EventKind::ProcessExited { status: ExitStatus::Unknown, .. }));
    assert!(unknown, "{events:?}");
    assert_eq!(outcome(&events_of(&engine, programs(vec![sh("true")]), |_| {})), (Outcome::Passed, 0), "the next launch works");
}
