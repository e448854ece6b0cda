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

/// Why a text is no time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseSecondsError {
    /// It is no number.
    #[error("it must be a number of seconds")]
    NotANumber,
    /// It is negative, infinite or longer than anybody can wait.
    #[error("it must be a number of seconds from 0 to 1e19")]
    OutOfRange,
}

/// Reads a time in seconds, zero included: `1.5` or `1.5s`.
pub fn seconds(text: &str) -> Result<Duration, ParseSecondsError> {
    let number: f64 = text.strip_suffix('s').unwrap_or(text).parse().map_err(|_| ParseSecondsError::NotANumber)?;
    Duration::try_from_secs_f64(number).map_err(|_| ParseSecondsError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_finite_and_not_negative() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(seconds("2s"), Ok(Duration::from_secs(2)));
        for text in ["", "-1", "nan", "inf", "1e300", "x"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
