//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// Looks again and again until a condition holds, at most this long; whether it does.
pub(crate) fn until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !condition() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
