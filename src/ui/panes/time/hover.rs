//! The words about a lane at a time: while the pointer rests there, and for who cannot see the picture. Pure.

use std::fmt::Write as _;

use crate::engine::grouped;
use crate::model::{Lane, LaneSource, Monotonic, StateSpan};
use crate::ui::look::foreign;
use crate::ui::look::states::{self, shares};
use crate::ui::panes::time::pieces::{Piece, What};

/// A length of time: `412 µs`, `230.1 ms`, `1.204 s`.
pub(super) fn length(nanos: u64) -> String {
    match nanos as f64 / 1e9 {
        seconds if seconds < 1e-3 => format!("{:.1} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.3} ms", seconds * 1e3),
        seconds => format!("{seconds:.3} s"),
    }
}

/// Everything about a lane at the piece that lies under the pointer.
pub(super) fn explain(lane: &Lane, piece: &Piece, now: Monotonic, goes_on: bool) -> String {
    let mut text = match piece.what {
        What::State(span) => state(lane, &span, now, goes_on),
        What::Shares { times, changes: 0, .. } => {
            format!("{} {}\nfrom the kernel's sums: in which order is not known", foreign::line(&lane.name), shares(&times))
        }
        What::Shares { times, changes, .. } => {
            format!("{} {} changes: {}", foreign::line(&lane.name), grouped(changes as u64), shares(&times))
        }
    };
    if let What::Shares { .. } = piece.what {
        let secs = |nanos: u64| nanos as f64 / 1e9;
        let _ = write!(text, "\n{:.6} s to {:.6} s", secs(piece.from), secs(piece.to));
    }
    let _ = write!(text, "\npid {}", lane.pid);
    if let Some(tid) = lane.tid {
        let _ = write!(text, ", thread {tid}");
    }
    text
}

/// A state with its label, holder, waker and exact times.
fn state(lane: &Lane, span: &StateSpan, now: Monotonic, goes_on: bool) -> String {
    let is = states::of_now(&lane.explain(span));
    let mut text = format!("{} {} {}", foreign::line(&lane.name), is.look.glyph(), foreign::line(&is.words()));
    let until = span.until.unwrap_or(now).max(span.from);
    if let Some(waker) = lane.ended_by(span) {
        let _ = write!(text, "\nwoken by {}", foreign::line(&waker));
    }
    let end = if span.until.is_none() && goes_on { " (now)" } else { "" };
    let length = length(until.nanos() - span.from.nanos());
    let _ = write!(text, "\n{:.6} s to {:.6} s{end}\n{length}", span.from.secs(), until.secs());
    text
}

/// `lane worker-1: blocked: lock B, held by worker-2`: its name for who cannot see it.
pub(super) fn name(lane: &Lane) -> String {
    let sums = if lane.source == LaneSource::Shares { ", from the kernel's sums" } else { "" };
    format!("lane {}: {}{sums}", foreign::line(&lane.name), foreign::line(&states::of_lane(lane).words()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::panes::time::pieces::Grid;
    use crate::ui::sample;

    fn at(lane: &Lane, nanos: u64, column: u64) -> String {
        let now = Monotonic::from_secs(2.0);
        let grid = Grid { column, now: now.nanos() };
        explain(lane, &grid.at(&lane.states, nanos).expect("a piece"), now, true)
    }

    #[test]
    fn a_state_is_told_with_label_holder_waker_core_and_exact_times() {
        let run = sample::kernel_lanes();
        let lane = |name: &str| run.lanes.iter().find(|lane| *lane.name == *name).expect("a lane");
        let blocked = at(lane("painter"), 250_000_000, 1_000);
        assert!(blocked.starts_with("painter ⏳ blocked: lock prices, held by broker\nwoken by broker\n0.190000 s to 0.420000 s\n230.000 ms\npid 4711, thread 4712"), "{blocked}");
        let runs = at(lane("painter"), 60_000_000, 1_000);
        assert!(runs.starts_with("painter ● on core 0: screen\n"), "{runs}");
        let ready = at(lane("broker"), 40_000_000, 1_000);
        assert!(ready.contains("ready (the code says running)"), "the two can differ: {ready}");
    }

    #[test]
    fn what_is_too_narrow_is_counted_and_its_shares_are_told() {
        let run = sample::kernel_lanes();
        let lane = run.lanes.iter().find(|lane| *lane.name == *"spinner").expect("a lane");
        let text = at(lane, 1_000_500_000, 50_000_000);
        assert!(
            text.starts_with("spinner 1,665 changes: on a core ") && text.contains(" %, ready ") && text.contains("blocked"),
            "{text}"
        );
        let mixed = run.lanes.iter().find(|lane| *lane.name == *"sums").expect("a lane");
        assert!(at(mixed, 500_000_000, 1_000).contains("from the kernel's sums"), "however near");
    }

    #[test]
    fn how_a_lane_ended_is_part_of_its_name() {
        let run = sample::kernel_lanes();
        let names: Vec<_> = run.lanes.iter().map(|lane| name(lane)).collect();
        for told in ["lane cat: exited 0", "lane false: exited 3", "lane victim: SIGKILL", "lane main: blocked: join painter"] {
            assert!(names.iter().any(|name| name == told), "{told}: {names:?}");
        }
    }

    #[test]
    fn lengths_can_be_read() {
        assert_eq!([41_200, 230_000_000, 1_204_000_000].map(length), ["41.2 µs", "230.000 ms", "1.204 s"]);
    }
}
