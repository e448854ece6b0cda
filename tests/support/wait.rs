//! Waiting for what has to happen.

use std::time::{Duration, Instant};

/// How long anything may take before it counts as a hang. Only a hang meets it, however slow the machine is.
pub fn deadline() -> Duration {
    Duration::from_mins(3)
}

/// Waits until a condition holds; fails, naming it, at the deadline.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + deadline();
    while !condition() {
        assert!(Instant::now() < end, "did not happen in {:?}: {what}", deadline());
        std::thread::sleep(Duration::from_millis(5));
    }
}
