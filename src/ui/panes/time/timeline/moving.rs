//! A lane that is moved by dragging its name: where it would go, and the line that shows that. UI thread.

use std::ops::RangeInclusive;

use egui::{CursorIcon, IdSalt, Key, Modifiers, PointerButton, Rect, Role, Sense, Ui, vec2};

use crate::model::{Lane, LaneId};
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
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
    /// The lanes begin at `top`; `own` is its name, and `name` that of the lane in a place.
    pub(super) fn follow<'n>(
        &mut self,
        ui: &mut Ui,
        gaps: RangeInclusive<usize>,
        (rows, top): (Rows, f32),
        own: &str,
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
        let at = pointer.latest_pos()?;
        let gap = (((at.y - top) / rows.pitch).round().max(0.0) as usize).clamp(*gaps.start(), *gaps.end());
        if !pointer.primary_down() {
            self.lane = None;
            return Some(gap);
        }
        let seen = ui.clip_rect();
        if at.y < seen.top() || at.y > seen.bottom() {
            let half = rows.pitch / 2.0;
            ui.scroll_with_delta(vec2(0.0, if at.y < seen.top() { half } else { -half }));
            repaint::edge_moves(ui);
        }
        let (colors, painter) = (palette(ui), ui.painter());
        let middle = (top + gap as f32 * rows.pitch).clamp(seen.top() + 1.0, seen.bottom() - 1.0);
        let line = Rect::from_x_y_ranges(ui.max_rect().x_range(), middle - 1.0..=middle + 1.0);
        painter.rect_filled(line, 0.0, colors.blue.strong);
        let carried = painter.layout_no_wrap(foreign::line(own).into_owned(), theme::bold_font(12.0), colors.text);
        let beside = Rect::from_min_size(at + vec2(14.0, -carried.size().y / 2.0), carried.size());
        painter.rect(beside.expand(3.0), 3.0, colors.panel, (1.0, colors.blue.strong), egui::StrokeKind::Inside);
        painter.galley(beside.min, carried, colors.text);
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        let told = name(gap).map_or_else(|| "to the end".to_owned(), |next| format!("above {next}"));
        let told = format!("{own} moves {told}");
        widgets::describe(ui, line, "place of the moved lane", Role::Label, &told);
        None
    }
}
