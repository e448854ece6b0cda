//! The whole run above its lanes: the shares of all lanes in time, and a frame around what is in sight. UI thread. Each column is added up
//! once, when it is over; a frame adds up a bounded number of them, however many lanes there are.

use std::borrow::Borrow;
use std::collections::HashSet;

use egui::{Align2, CursorIcon, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2};

use crate::model::{LaneId, LaneState, Monotonic, RunId, RunView, Times};
use crate::ui::look::states::shares;
use crate::ui::look::widgets;
use crate::ui::panes::time::paint::Brush;
use crate::ui::panes::time::scale::Scale;
use crate::ui::panes::time::sight::{SHORTEST, Sight};

/// Columns of the longest run; when there are more, two become one.
const COLUMNS: usize = 512;
/// Nanoseconds of the first columns.
const FIRST: u64 = 4_000_000;
/// Lanes and columns that are added up in a frame.
const WORK: usize = 4_000;
/// Records may come so much later than what they tell, in nanoseconds.
const SETTLED: u64 = 250_000_000;

/// The sums of all lanes.
#[derive(Debug)]
pub(super) struct WholeRun {
    run: Option<RunId>,
    column: u64,
    sums: Vec<Times>,
    lanes: HashSet<LaneId>,
    /// Where the pointer took hold of the frame: seconds from its beginning.
    hold: Option<f64>,
}

impl Default for WholeRun {
    fn default() -> Self {
        Self { run: None, column: FIRST, sums: Vec::new(), lanes: HashSet::new(), hold: None }
    }
}

impl WholeRun {
    /// Adds up the columns that are over by now, as many as a frame may. Whether some are left.
    pub(super) fn follow(&mut self, run: &RunView, is_over: bool) -> bool {
        if self.run != Some(run.id) {
            *self = Self { run: Some(run.id), ..Self::default() };
        }
        if self.lanes.len() != run.lanes.len() {
            // A lane that came late may tell of times that were added up without it.
            let new = run.lanes.iter().filter(|lane| !self.lanes.contains(&lane.id));
            let first = new.filter_map(|lane| lane.states.get(0)).map(|span| span.from.nanos()).min();
            self.sums.truncate(first.map_or(usize::MAX, |first| (first / self.column) as usize));
            self.lanes = run.lanes.iter().map(|lane| lane.id).collect();
        }
        let until = run.elapsed.nanos().saturating_sub(if is_over { 0 } else { SETTLED });
        while until / self.column > COLUMNS as u64 {
            self.column *= 2;
            self.sums = self.sums.chunks_exact(2).map(added).collect();
        }
        let over = (until / self.column) as usize;
        let most = (WORK / run.lanes.len().max(1)).max(1);
        for _ in 0..most.min(over.saturating_sub(self.sums.len())) {
            let from = self.sums.len() as u64 * self.column;
            self.sums.push(total(run, from, from + self.column));
        }
        self.sums.len() < over
    }

    /// The time of all lanes in each state, as far as it is added up.
    pub(super) fn times(&self) -> Times {
        added(&self.sums)
    }

    /// Draws it, and moves what is in sight as the frame is dragged.
    pub(super) fn ui(&mut self, ui: &mut Ui, room: Rect, run: &RunView, brush: &mut Brush<'_>, sight: &mut Sight, now: f64) {
        if room.height() <= 0.0 {
            return;
        }
        let colors = brush.colors;
        let whole = Scale { from: 0.0, to: now.max(SHORTEST), ..brush.scale };
        let bar = Rect::from_min_max(pos2(whole.left, room.top() + 2.0), pos2(whole.right, room.bottom() - 4.0));
        let name = Rect::from_min_max(room.min, pos2(whole.left - 8.0, bar.bottom()));
        widgets::paint_text(ui, name, Align2::RIGHT_CENTER, "whole run", FontId::proportional(10.5), colors.weak);
        brush.painter.rect_filled(bar, 2.0, colors.well);
        let mut parts = brush.gather(self.sums.len());
        let mut column = |from: u64, to: u64, times: &Times| {
            let x = whole.x_at(from)..=whole.x_at(to).min(bar.right());
            brush.stack(&mut parts, Rect::from_x_y_ranges(x, bar.y_range()), times, times.total());
        };
        for (index, sum) in self.sums.iter().enumerate() {
            let from = index as u64 * self.column;
            column(from, from + self.column, sum);
        }
        let (from, to) = (self.sums.len() as u64 * self.column, brush.grid.now);
        if to > from && run.lanes.len() <= WORK {
            column(from, to, &total(run, from, to));
        }
        brush.finish(parts);
        let (from, to) = sight.range(now);
        let frame = Rect::from_x_y_ranges(whole.x(from)..=whole.x(to).max(whole.x(from) + 4.0), bar.y_range())
            .expand2(egui::vec2(0.0, 2.0));
        brush.painter.rect_stroke(frame, 3.0, Stroke::new(1.5, colors.text), StrokeKind::Inside);
        self.steer(ui, bar.expand2(egui::vec2(0.0, 2.0)), whole, sight, now);
    }

    fn steer(&mut self, ui: &mut Ui, bar: Rect, whole: Scale, sight: &mut Sight, now: f64) {
        let response = ui.interact(bar, ui.scope_id().with("whole run"), Sense::click_and_drag());
        let (from, to) = sight.range(now);
        response.widget_info(|| {
            let told = format!("whole run, {now:.1} s: {}; {from:.3} s to {to:.3} s are in sight", shares(&added(&self.sums)));
            WidgetInfo::labeled(Role::Image, true, told)
        });
        // Where the button is released is the last place that counts.
        let released = || ui.input(|input| input.pointer.latest_pos()).filter(|_| response.drag_stopped());
        let pointer = response.interact_pointer_pos().or_else(released).map(|pointer| whole.t(pointer.x));
        if let Some(t) = pointer {
            let span = to - from;
            let hold = *self.hold.get_or_insert(if (from..=to).contains(&t) { t - from } else { span / 2.0 });
            if response.dragged() || response.clicked() || response.drag_stopped() {
                *sight = Sight::starting(t - hold, span, now);
            }
        }
        if pointer.is_none() || response.drag_stopped() {
            self.hold = None;
        }
        let about = "The whole run, all lanes together. Drag the frame to move what is in sight.";
        response.on_hover_cursor(CursorIcon::Grab).on_hover_text(about);
    }
}

fn total(run: &RunView, from: u64, to: u64) -> Times {
    let [from, to] = [from, to].map(Monotonic::from_nanos);
    added(run.lanes.iter().map(|lane| lane.states.times(from, to)))
}

fn added<T: Borrow<Times>>(all: impl IntoIterator<Item = T>) -> Times {
    let mut sum = Times::default();
    for times in all {
        for state in LaneState::TIMED {
            sum.add(state, times.borrow().of(state));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LaneSource;
    use crate::ui::sample;

    #[test]
    fn every_time_is_added_up_once_however_long_the_run_becomes() {
        let mut run = sample::kernel_lanes();
        let mut whole = WholeRun::default();
        for tenth in 1..=60_u32 {
            run.elapsed = Monotonic::from_secs(f64::from(tenth) / 10.0);
            while whole.follow(&run, tenth == 60) {}
            assert!(whole.sums.len() <= COLUMNS);
        }
        assert!(whole.column > FIRST, "two columns became one");
        let end = whole.sums.len() as u64 * whole.column;
        assert_eq!(added(&whole.sums), total(&run, 0, end));
        let mut late = (*run.lanes[0]).clone();
        (late.id, late.source) = (LaneId::new(77), LaneSource::Words);
        run.lanes.push(std::sync::Arc::new(late));
        while whole.follow(&run, true) {}
        assert_eq!(added(&whole.sums), total(&run, 0, end), "a lane that comes late is added, too");
        let other = RunView { id: RunId::new(8), elapsed: Monotonic::from_secs(0.1), ..run };
        whole.follow(&other, false);
        assert!(whole.sums.is_empty(), "another run begins anew");
    }

    #[test]
    fn a_frame_adds_up_no_more_than_it_may() {
        let mut run = (*sample::snapshot(2_000).runs[0]).clone();
        run.elapsed = Monotonic::from_secs(30.0);
        let mut whole = WholeRun::default();
        assert!(whole.follow(&run, true));
        assert_eq!(whole.sums.len(), WORK / 2_000);
    }
}
