//! How much a task tells: single lines up to some 5,000 a second, then counts of what it did. Pure.

use std::time::Duration;

use crate::model::Monotonic;

/// The span over which lines are counted.
const WINDOW: Duration = Duration::from_millis(100);
/// Operations within it that get lines of their own; each takes two or three.
const MOST: u32 = 200;
/// Operations within it up to which a task does little: a line for each, written at once, delays it by less than a thousandth.
const FEW: u32 = 10;

/// The words on an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pacing {
    /// Lines of its own.
    Tell,
    /// Nothing: it is counted.
    Hush,
    /// First that so many were not reported, then lines of its own.
    Counts { acquired: u64, waited: u64 },
}

/// One task's lines.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    since: Monotonic,
    reported: u32,
    acquired: u64,
    waited: u64,
}

impl Pace {
    /// An operation has been done, after a wait or without.
    pub(crate) fn did(&mut self, now: Monotonic, has_waited: bool) -> Pacing {
        if self.is_reported(now) {
            if now.since(self.since) >= WINDOW {
                (self.since, self.reported) = (now, 0);
            }
            self.reported += 1;
            return match self.end() {
                Pacing::Hush => Pacing::Tell,
                counts => counts,
            };
        }
        self.acquired += 1;
        self.waited += u64::from(has_waited);
        Pacing::Hush
    }

    /// Whether an operation now would get lines of its own.
    pub(crate) fn is_reported(&self, now: Monotonic) -> bool {
        now.since(self.since) >= WINDOW || self.reported < MOST
    }

    /// Whether it has done little lately.
    pub(crate) fn is_calm(&self, now: Monotonic) -> bool {
        now.since(self.since) >= WINDOW || self.reported <= FEW
    }

    /// The counts that are left to report.
    pub(crate) fn end(&mut self) -> Pacing {
        match (std::mem::take(&mut self.acquired), std::mem::take(&mut self.waited)) {
            (0, _) => Pacing::Hush,
            (acquired, waited) => Pacing::Counts { acquired, waited },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_operations_are_told_or_counted_and_none_is_lost() {
        let (mut pace, mut told, mut counted, mut waits) = (Pace::default(), 0, 0, 0);
        let mut take = |pacing| match pacing {
            Pacing::Tell => told += 1,
            Pacing::Hush => {}
            Pacing::Counts { acquired, waited } => {
                told += 1;
                counted += acquired;
                waits += waited;
            }
        };
        for number in 1..=1_000_000_u64 {
            take(pace.did(Monotonic::from_nanos(WINDOW.as_nanos() as u64 + number * 1_000), number % 2 == 0));
        }
        take(pace.end());
        assert_eq!(told - 1 + counted, 1_000_000, "the last report is none of an operation");
        assert!((1_000..=3_000).contains(&told) && waits * 2 >= counted - 10, "{told} {counted} {waits}");
    }

    #[test]
    fn slow_operations_are_all_told() {
        let mut pace = Pace::default();
        assert!((1..1_000).all(|n| pace.did(Monotonic::from_nanos(n * 1_000_000), false) == Pacing::Tell));
        assert_eq!(pace.end(), Pacing::Hush);
    }
}
