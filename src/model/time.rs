//! Points on the kernel's monotonic clock.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds on `CLOCK_MONOTONIC`: absolute inside the engine, and since the start of the run in an
/// [`Event`](super::Event). Never the wall clock, which can jump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Monotonic(u64);

impl Monotonic {
    /// The start of the clock, or of the run.
    pub const ZERO: Self = Self(0);

    /// A point given in nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A point given in seconds; negative and non-finite numbers become zero.
    pub fn from_secs(seconds: f64) -> Self {
        Self((seconds * 1e9) as u64)
    }

    /// Nanoseconds since the start of the clock.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start of the clock.
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time that passed since `earlier`, zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Monotonic {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}
