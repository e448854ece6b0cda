//! A lane that is moved by dragging its name: where it would go, and the line that shows that. UI thread.

use std::ops::RangeInclusive;

use egui::{CursorIcon, IdSalt, Key, Modifiers, PointerButton, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use crate::model::{Lane, LaneId};
use crate::ui::look::theme::palette;
use crate::ui::look::widgets;
use crate::ui::panes::time::repaint;
use crate::ui::panes::time::rows::Rows;

/// The lane whose name is dragged.
#[derive(Debug, Default)]
pub(super) struct Moving {
    lane: Option<LaneId>,
}

impl Moving {
    /// Which one it is.
    pub(super) const fn lane(&self) -> Option<LaneId> {
        self.lane
    }

    /// Lets a drag take hold of a lane's name. It comes before the lane itself, which lies over it and gets the clicks.
    pub(super) fn hold(&mut self, ui: &Ui, lane: &Lane, name: Rect) {
        let id = ui.scope_id().with(IdSalt::new(("name", lane.id.number())));
        let response = ui.interact(name, id, Sense::drag());
        if response.drag_started_by(PointerButton::Primary) {
            self.lane = Some(lane.id);
        }
        response.on_hover_cursor(CursorIcon::Grab);
    }

    /// Shows the gap into which the lane would go, of those where it may. Gives it once the button is released; Escape gives the move up.
    /// The lanes begin at `top`; `name` is that of the lane in a place.
    pub(super) fn follow<'n>(
        &mut self,
        ui: &mut Ui,
        gaps: RangeInclusive<usize>,
        (rows, top): (Rows, f32),
        name: impl Fn(usize) -> Option<&'n str>,
    ) -> Option<usize> {
        let pointer = ui.input(|input| input.pointer.clone());
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            self.lane = None;
        }
        if self.lane.is_none() || !pointer.is_decidedly_dragging() {
            // A click on a name moves nothing.
            self.lane = self.lane.filter(|_| pointer.primary_down());
            return None;
        }
        let y = pointer.latest_pos()?.y;
        let gap = (((y - top) / rows.pitch).round().max(0.0) as usize).clamp(*gaps.start(), *gaps.end());
        if !pointer.primary_down() {
            self.lane = None;
            return Some(gap);
        }
        let seen = ui.clip_rect();
        if y < seen.top() || y > seen.bottom() {
            let half = rows.pitch / 2.0;
            ui.scroll_with_delta(vec2(0.0, if y < seen.top() { half } else { -half }));
            repaint::edge_moves(ui);
        }
        let at = (top + gap as f32 * rows.pitch).clamp(seen.top() + 1.0, seen.bottom() - 1.0);
        let ink = palette(ui).blue.strong;
        ui.painter().hline(seen.x_range(), at, Stroke::new(2.0, ink));
        ui.painter().circle_filled(pos2(seen.left() + 4.0, at), 4.0, ink);
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        let told = name(gap).map_or_else(|| "moves to the end".to_owned(), |next| format!("moves above {next}"));
        let line = Rect::from_x_y_ranges(seen.x_range(), at - 1.0..=at + 1.0);
        widgets::describe(ui, line, "place of the moved lane", Role::Label, &told);
        None
    }
}
