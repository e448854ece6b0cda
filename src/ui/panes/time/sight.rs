//! The part of a run that is in sight, and the edge to which a live run has come. Pure.

use crate::model::RunId;

/// Seconds that are followed by default.
pub(super) const WINDOW: f64 = 2.0;
/// The shortest time that can be looked at, in seconds.
pub(super) const SHORTEST: f64 = 1e-6;
/// Seconds by which the edge may run ahead of what is known.
const AHEAD: f64 = 0.1;

/// The part of a run that is in sight. Times are in seconds of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sight {
    /// So much time up to the live edge; less while the run is younger.
    Follow {
        /// Seconds.
        span: f64,
    },
    /// All of the run, however long it becomes.
    All,
    /// A part that stands still.
    Part { from: f64, to: f64 },
}

impl Default for Sight {
    fn default() -> Self {
        Self::Follow { span: WINDOW }
    }
}

impl Sight {
    /// The first and the last second in sight, where the run has come to `now`.
    pub(super) fn range(self, now: f64) -> (f64, f64) {
        match self {
            Self::Follow { span } => ((now - span).max(0.0).min(now - SHORTEST), now),
            Self::All => (0.0, now),
            Self::Part { from, to } => (from, to),
        }
    }

    /// Whether it moves with the live edge.
    pub(super) const fn follows(self) -> bool {
        !matches!(self, Self::Part { .. })
    }

    /// Larger by `factor` (smaller where that is less than 1), around a time that keeps its place.
    pub(super) fn zoom(self, factor: f64, around: Option<f64>, now: f64) -> Self {
        let (from, to) = self.range(now);
        let span = ((to - from) / factor).max(SHORTEST);
        if span >= now {
            return Self::All;
        }
        let middle = if self.follows() { to } else { f64::midpoint(from, to) };
        let around = around.unwrap_or(middle).clamp(from, to);
        let end = around + (to - around) * span / (to - from);
        Self::ending(end, span, now)
    }

    /// Later by so many seconds, or earlier.
    pub(super) fn shift(self, by: f64, now: f64) -> Self {
        let (from, to) = self.range(now);
        if self == Self::All { self } else { Self::ending(to + by, to - from, now) }
    }

    /// A part of the run, and a little beside it.
    pub(super) fn part(from: f64, to: f64, now: f64) -> Self {
        let beside = ((to - from) * 0.04).max(SHORTEST);
        let (from, to) = ((from - beside).max(0.0), (to + beside).min(now));
        if from <= 0.0 && to >= now { Self::All } else { Self::Part { from, to: to.max(from + SHORTEST) } }
    }

    /// The same span around a time, if that is out of sight.
    pub(super) fn reach(self, t: f64, now: f64) -> Self {
        let (from, to) = self.range(now);
        if (from..=to).contains(&t) { self } else { Self::ending(t + (to - from) / 2.0, to - from, now) }
    }

    /// At the live edge again.
    pub(super) fn follow(self) -> Self {
        match self {
            Self::Part { from, to } => Self::Follow { span: to - from },
            other => other,
        }
    }

    /// The same span from another time on.
    pub(super) fn starting(from: f64, span: f64, now: f64) -> Self {
        if span >= now { Self::All } else { Self::ending(from.max(0.0) + span, span, now) }
    }

    fn ending(end: f64, span: f64, now: f64) -> Self {
        let end = end.max(span);
        if end >= now - span * 1e-3 { Self::Follow { span } } else { Self::Part { from: end - span, to: end } }
    }
}

/// The time to which a live run has come: it goes on between two snapshots, and never back.
#[derive(Debug, Default)]
pub(super) struct LiveEdge {
    run: Option<RunId>,
    known: f64,
    /// When that came, on the window's clock.
    came: f64,
    shown: f64,
    goes_on: bool,
}

impl LiveEdge {
    /// The edge at a `time` of the window's clock, where the newest snapshot of the run says `elapsed`.
    pub(super) fn at(&mut self, run: RunId, elapsed: f64, goes_on: bool, time: f64) -> f64 {
        if self.run != Some(run) {
            *self = Self { run: Some(run), known: elapsed, came: time, shown: elapsed, goes_on };
        }
        if elapsed.to_bits() != self.known.to_bits() {
            (self.known, self.came) = (elapsed, time);
        }
        self.goes_on = goes_on;
        let ahead = (time - self.came).clamp(0.0, AHEAD);
        self.shown = self.shown.max(if goes_on { elapsed + ahead } else { elapsed });
        self.shown.max(SHORTEST)
    }

    /// Whether it moves before the next snapshot comes.
    pub(super) fn moves(&self, time: f64) -> bool {
        self.goes_on && time - self.came < AHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_until_it_is_two_seconds_and_follows_then() {
        let sight = Sight::default();
        assert_eq!((sight.range(0.5), sight.range(2.0), sight.range(7.0)), ((0.0, 0.5), (0.0, 2.0), (5.0, 7.0)));
        assert_eq!(Sight::All.range(9.0), (0.0, 9.0), "all goes on showing all");
        let zoomed = sight.zoom(2.0, None, 7.0);
        assert_eq!((zoomed, zoomed.range(8.0)), (Sight::Follow { span: 1.0 }, (7.0, 8.0)));
        assert_eq!(sight.zoom(0.1, None, 7.0), Sight::All);
    }

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let zoomed = Sight::All.zoom(4.0, Some(3.0), 8.0);
        let (from, to) = zoomed.range(8.0);
        assert!((to - from - 2.0).abs() < 1e-9 && ((3.0 - from) / (to - from) - 3.0 / 8.0).abs() < 1e-9, "{zoomed:?}");
        assert_eq!(zoomed.range(20.0), (from, to), "a part stands still");
        assert_eq!(zoomed.shift(100.0, 8.0), Sight::Follow { span: 2.0 }, "at the edge it follows");
        assert_eq!(zoomed.shift(-100.0, 8.0).range(8.0), (0.0, 2.0));
        assert_eq!(zoomed.follow(), Sight::Follow { span: 2.0 });
        assert_eq!(zoomed.reach(7.0, 9.0).range(9.0), (6.0, 8.0));
        assert_eq!(Sight::part(0.0, 8.0, 8.0), Sight::All);
        let Sight::Part { from, to } = Sight::part(2.0, 3.0, 8.0) else { panic!("a part") };
        assert!((1.9..2.0).contains(&from) && (3.0..3.1).contains(&to));
    }

    #[test]
    fn the_edge_goes_on_between_snapshots_never_back_and_never_far() {
        let run = RunId::new(1);
        let mut edge = LiveEdge::default();
        let mut last = 0.0;
        for (elapsed, time) in [(1.0, 10.0), (1.0, 10.02), (1.0, 10.09), (1.05, 10.1), (1.05, 10.12), (1.2, 10.2), (1.2, 19.0)] {
            let shown = edge.at(run, elapsed, true, time);
            assert!(shown >= last && shown >= elapsed && shown <= elapsed + AHEAD + 1e-9, "{shown} at {time}");
            last = shown;
        }
        assert!(!edge.moves(19.0) && edge.moves(10.25));
        assert!(edge.at(run, 1.2, false, 19.1).to_bits() == last.to_bits(), "the end of a run moves nothing back");
        assert!((LiveEdge::default().at(run, 1.2, false, 19.1) - 1.2).abs() < 1e-9, "a run that is over ends where it ended");
        assert!((edge.at(RunId::new(2), 0.1, true, 20.0) - 0.1).abs() < 1e-9, "another run has its own");
    }
}
