//! The monotonic clock, and a thread's own.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::model::Monotonic;

/// Now, on `CLOCK_MONOTONIC`.
pub fn monotonic_now() -> Monotonic {
    let now = clock_gettime(ClockId::Monotonic);
    Monotonic::from_nanos(now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs())
}

/// The time that the calling thread has had a core.
pub fn thread_cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}
