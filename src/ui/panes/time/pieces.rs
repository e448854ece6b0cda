//! The pieces in which a lane is drawn: a state that is wide enough is drawn as it is, and where several share a column of points, their
//! exact shares. Pure; O(log n) a column, however many states there are.

use crate::model::{LaneState, Monotonic, StateSpan, States, Times};

/// Points of a column: a state that is narrower is drawn as its share.
pub(super) const COLUMN: f32 = 3.0;

/// A part of a lane, from one time to another, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) what: What,
}

/// What is drawn of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// One state.
    State(StateSpan),
    /// Several: the time in each, the number of the first one, and how often they changed. No changes: only the kernel's sums are known.
    Shares { times: Times, first: usize, changes: usize },
}

/// Where columns begin: at multiples of their length, so that a picture that moves does not flicker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// Nanoseconds of a column.
    pub(super) column: u64,
    /// The end of what is known.
    pub(super) now: u64,
}

impl Grid {
    /// Columns where a point is this long, in seconds.
    pub(super) fn new(per_point: f64, now: Monotonic) -> Self {
        Self { column: ((per_point * f64::from(COLUMN) * 1e9) as u64).max(1), now: now.nanos() }
    }

    /// The pieces of a lane that reach into the time from `from` to `to`, in order.
    pub(super) fn pieces(self, states: &States, from: u64, to: u64) -> Pieces<'_> {
        let first = states.get(0).map_or(u64::MAX, |span| span.from.nanos());
        let t = (from - from % self.column).max(first);
        Pieces { states, grid: self, t, to: to.min(self.now), index: None, sums: None, next: None }
    }

    /// The piece at a time.
    pub(super) fn at(self, states: &States, t: u64) -> Option<Piece> {
        let end = t.saturating_add(self.column.saturating_mul(2));
        self.pieces(states, t, end).find(|piece| piece.from <= t && t < piece.to)
    }

    fn is_wide(self, span: &StateSpan) -> bool {
        span.until.map_or(self.now, Monotonic::nanos).saturating_sub(span.from.nanos()) >= self.column
    }
}

/// See [`Grid::pieces`].
pub(super) struct Pieces<'a> {
    states: &'a States,
    grid: Grid,
    t: u64,
    to: u64,
    /// The entry at `t`, where it is known.
    index: Option<usize>,
    /// The sums until `t`, where they are known.
    sums: Option<Times>,
    /// The second of two states that share a column.
    next: Option<Piece>,
}

impl Pieces<'_> {
    fn go_to(&mut self, t: u64, index: Option<usize>, sums: Option<Times>) {
        (self.t, self.index, self.sums) = (t, index, sums);
    }

    fn sums_here(&mut self) -> Times {
        let (states, t) = (self.states, self.t);
        *self.sums.get_or_insert_with(|| states.up_to(Monotonic::from_nanos(t)).1)
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if let Some(piece) = self.next.take() {
            return Some(piece);
        }
        let (from, to) = (self.t, self.to);
        if from >= to {
            return None;
        }
        let span = self.index.and_then(|index| self.states.get(index)).or_else(|| self.states.at(Monotonic::from_nanos(from)))?;
        let end = span.until.map_or(to, Monotonic::nanos).min(to);
        if self.grid.is_wide(&span) {
            let what = if span.state == LaneState::Mixed {
                let before = self.sums_here();
                let (_, sums) = self.states.up_to_after(span.index, Monotonic::from_nanos(end));
                What::Shares { times: sums.minus(&before), first: span.index, changes: 0 }
            } else {
                What::State(span)
            };
            self.go_to(end, Some(span.index + 1).filter(|_| span.until.is_some()), None);
            return Some(Piece { from, to: end, what });
        }
        let border = (from - from % self.grid.column).saturating_add(self.grid.column).min(to);
        let before = self.sums_here();
        let (Some(mut last), mut sums) = self.states.up_to_after(span.index, Monotonic::from_nanos(border)) else { return None };
        let (mut end, mut at_border) = (border, last);
        if let Some(other) = self.states.get(last) {
            // A wide state that begins within this column reaches over its end: it begins there, and the column ends.
            if other.from.nanos() > from && self.grid.is_wide(&other) {
                end = other.from.nanos();
                sums = self.states.up_to_after(span.index, other.from).1;
            }
            if other.from.nanos() >= end {
                last -= 1;
            }
        }
        if end < border {
            at_border = last + 1;
        }
        self.go_to(end, Some(at_border), Some(sums));
        let changes = last - span.index;
        let state = |from: u64, to: u64, span: StateSpan| Piece { from, to, what: What::State(span) };
        match changes {
            0 if span.state != LaneState::Mixed => return Some(state(from, end, span)),
            1 => {
                if let Some(second) =
                    self.states.get(last).filter(|second| [span, *second].iter().all(|s| s.state != LaneState::Mixed))
                {
                    let middle = second.from.nanos();
                    self.next = Some(state(middle, end, second));
                    return Some(state(from, middle, span));
                }
            }
            _ => {}
        }
        let what = What::Shares { times: sums.minus(&before), first: span.index, changes };
        Some(Piece { from, to: end, what })
    }
}

/// The heights of the states that had a share of `whole` nanoseconds, from the bottom up: none of them is less than a pixel, so that the
/// rarest can be seen; the largest gives what the others need.
pub(super) fn heights(times: &Times, whole: u64, height: f32, pixel: f32) -> impl Iterator<Item = (LaneState, f32)> {
    let mut heights = LaneState::TIMED.map(|state| match times.of(state) {
        0 => 0.0,
        time => ((time as f64 / whole.max(1) as f64) as f32 * height).max(pixel),
    });
    let over = heights.iter().sum::<f32>() - height;
    if over > 0.0
        && let Some(largest) = heights.iter_mut().max_by(|a, b| a.total_cmp(b))
    {
        *largest = (*largest - over).max(pixel);
    }
    LaneState::TIMED.into_iter().zip(heights).filter(|(_, height)| *height > 0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(t: u64) -> Monotonic {
        Monotonic::from_nanos(t)
    }

    fn states(entries: &[(u64, LaneState)]) -> States {
        let mut states = States::default();
        for (t, state) in entries {
            states.push(at(*t), *state, 0);
        }
        states
    }

    fn drawn(states: &States, grid: Grid, from: u64, to: u64) -> Vec<(u64, u64, &'static str)> {
        let word = |piece: Piece| match piece.what {
            What::State(span) => span.state.word(),
            What::Shares { .. } => "shares",
        };
        grid.pieces(states, from, to).map(|piece| (piece.from, piece.to, word(piece))).collect()
    }

    #[test]
    fn wide_states_are_drawn_as_they_are_and_narrow_ones_as_shares() {
        use LaneState::{Blocked, Nothing, OnCore, Ready};
        let states = states(&[(10, OnCore), (50, Blocked), (52, Ready), (53, OnCore), (54, Blocked), (57, Ready), (90, Nothing)]);
        let grid = Grid { column: 10, now: 100 };
        assert_eq!(
            drawn(&states, grid, 0, 100),
            [(10, 50, "on a core"), (50, 57, "shares"), (57, 90, "ready"), (90, 100, "ended")],
            "the column ends where a wide state begins"
        );
        let Some(Piece { what: What::Shares { times, first, changes }, .. }) = grid.at(&states, 55) else { panic!("no shares") };
        assert_eq!((times.of(OnCore), times.of(Ready), times.of(Blocked), first, changes), (1, 1, 5, 1, 3));
        assert_eq!(drawn(&states, Grid { column: 1, now: 100 }, 51, 56).len(), 4, "near enough, each is drawn");
        assert_eq!(grid.at(&states, 5), None);
    }

    #[test]
    fn of_a_time_of_which_only_sums_are_known_the_shares_are_drawn_however_wide() {
        let mut states = States::default();
        states.push_mixed(at(0), 30, 20, 100);
        states.push(at(100), LaneState::Nothing, 0);
        let pieces: Vec<_> = Grid { column: 10, now: 200 }.pieces(&states, 0, 200).collect();
        assert!(
            matches!(pieces[0], Piece { from: 0, to: 100, what: What::Shares { times, changes: 0, .. } } if times.of(LaneState::OnCore) == 30)
        );
    }

    #[test]
    fn the_rarest_state_is_a_pixel_high() {
        let mut times = Times::default();
        for (state, nanos) in [(LaneState::OnCore, 9_999_990), (LaneState::Ready, 9), (LaneState::Blocked, 1)] {
            times.add(state, nanos);
        }
        let heights: Vec<_> = heights(&times, 10_000_000, 20.0, 1.0).collect();
        assert_eq!(
            heights.iter().map(|(state, _)| *state).collect::<Vec<_>>(),
            [LaneState::OnCore, LaneState::Ready, LaneState::Blocked]
        );
        assert!(heights[1].1 >= 1.0 && heights[2].1 >= 1.0 && heights.iter().map(|(_, height)| height).sum::<f32>() <= 20.001);
        assert_eq!(super::heights(&Times::default(), 10, 20.0, 1.0).count(), 0);
    }

    proptest! {
        /// Whatever the states and the zoom are, the pieces are without gap, their number is bounded by the width, and their times are exact.
        #[test]
        fn pieces_are_whole_few_and_exact(
            steps in proptest::collection::vec((0_u64..40, 0_usize..10), 1..1_500),
            column in 1_u64..3_000,
            from in 0_u64..10_000,
            length in 1_u64..30_000,
        ) {
            let mut states = States::default();
            let mut t = 0;
            for (step, state) in steps {
                t += step;
                match LaneState::TIMED.get(state) {
                    Some(state) => states.push(at(t), *state, 0),
                    None => states.push_mixed(at(t), 3, 2, 20),
                }
            }
            let grid = Grid { column, now: t + 100 };
            let to = (from + length).min(grid.now);
            let pieces: Vec<_> = grid.pieces(&states, from, to).collect();
            prop_assert!(pieces.windows(2).all(|pair| pair[0].to == pair[1].from));
            let columns = length / column + 2;
            prop_assert!(pieces.len() as u64 <= 3 * columns + 3, "{} pieces of {columns} columns", pieces.len());
            if let (Some(first), Some(last)) = (pieces.first(), pieces.last()) {
                prop_assert!(first.from <= from.max(states.get(0).expect("one").from.nanos()) && last.to == to);
            }
            for piece in pieces {
                match piece.what {
                    What::Shares { times, first, changes } => {
                        prop_assert_eq!(times, states.times(at(piece.from), at(piece.to)));
                        prop_assert_eq!(Some(first), states.at(at(piece.from)).map(|span| span.index));
                        // One that begins where the piece ends is another piece's.
                        let ends_with_one = usize::from(states.at(at(piece.to)).is_some_and(|span| span.from.nanos() == piece.to));
                        prop_assert_eq!(changes, states.changes(at(piece.from), at(piece.to)) - ends_with_one);
                    }
                    What::State(span) => {
                        prop_assert!(span.from.nanos() <= piece.from && span.until.is_none_or(|until| until.nanos() >= piece.to));
                    }
                }
            }
        }
    }
}
