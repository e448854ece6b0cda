//! The monotonic clock.

use rustix::time::{ClockId, clock_gettime};

use crate::model::Monotonic;

/// Now, on `CLOCK_MONOTONIC`.
pub fn monotonic_now() -> Monotonic {
    let now = clock_gettime(ClockId::Monotonic);
    Monotonic::from_nanos(now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs())
}
