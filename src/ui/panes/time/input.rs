//! What somebody looks at, and how it is moved: pointer, wheel and keys; the cursor and the marked area. UI thread.

use egui::{Color32, CursorIcon, FontId, Rect, Response, Sense, Stroke, Ui, pos2, vec2};

use crate::model::{Lane, LaneId, Monotonic, RunState, RunView};
use crate::ui::ask::lane_keys::LaneKey;
use crate::ui::look::theme::{self, palette};
use crate::ui::panes::time::area::Area;
use crate::ui::panes::time::arrows::Places;
use crate::ui::panes::time::marks;
use crate::ui::panes::time::rows::Rooms;
use crate::ui::panes::time::scale::Scale;
use crate::ui::panes::time::sight::{LiveEdge, Sight};

/// What the parts of the timeline have in common in a frame.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) run: &'a RunView,
    /// The time to which the run has come.
    pub(super) now: Monotonic,
    pub(super) selected: Option<LaneId>,
    pub(super) scale: Scale,
}

/// Whether a run's time goes on.
pub(super) const fn goes_on(run: &RunView) -> bool {
    matches!(run.state, RunState::Running | RunState::Stopping { .. })
}

/// What is looked at.
#[derive(Debug, Default)]
pub(super) struct Looking {
    pub(super) sight: Sight,
    edge: LiveEdge,
    pub(super) area: Area,
    /// The time that the keys went to.
    pub(super) cursor: Option<Monotonic>,
    /// Where the lanes were in the last frame, and their time.
    shown: Option<(Rect, Scale)>,
    /// Where a drag began that marks an area.
    drag: Option<Monotonic>,
}

impl Looking {
    /// Another run begins at its live edge, with nothing marked.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// The axis of the last frame.
    #[cfg(test)]
    pub(super) fn scale(&self) -> Option<Scale> {
        self.shown.map(|(_, scale)| scale)
    }

    /// The time to which the run has come.
    pub(super) fn now(&mut self, ui: &Ui, run: &RunView) -> f64 {
        self.edge.at(run.id, run.elapsed.secs(), goes_on(run), ui.input(|input| input.time))
    }

    /// Whether the picture moves before the next snapshot comes.
    pub(super) fn moves(&self, ui: &Ui) -> bool {
        self.sight.follows() && self.edge.moves(ui.input(|input| input.time))
    }

    /// Ctrl and the wheel zoom around the pointer, the wheel sideways moves along the run. Dragging marks an area, as in other viewers of
    /// traces; with Shift it moves, and so does a finger.
    pub(super) fn steer(&mut self, ui: &mut Ui, lanes: Rect, frame: &Frame<'_>) {
        let (now, scale) = (frame.now.secs(), frame.scale);
        self.shown = Some((lanes, scale));
        let response = ui.interact(lanes, ui.scope_id().with("steer"), Sense::drag());
        if response.contains_pointer()
            && let Some(pointer) = response.hover_pos().filter(|pointer| scale.holds(pointer.x))
        {
            let zoom = f64::from(ui.input(egui::InputState::zoom_delta));
            let sideways = f64::from(ui.input(|input| input.smooth_scroll_delta.x));
            if (zoom - 1.0).abs() > 1e-3 {
                self.sight = self.sight.zoom(zoom, Some(scale.t(pointer.x)), now);
            } else if sideways.abs() > 0.1 {
                self.sight = self.sight.shift(-sideways * scale.per_point(), now);
            }
        }
        let moves = theme::is_touch(ui) || ui.input(|input| input.modifiers.shift || input.pointer.middle_down());
        if response.dragged() && moves && self.drag.is_none() {
            self.sight = self.sight.shift(-f64::from(response.drag_delta().x) * scale.per_point(), now);
        } else {
            self.mark(&response, frame);
        }
    }

    /// Dragging along the axis marks an area, with a finger as well.
    pub(super) fn steer_axis(&mut self, ui: &mut Ui, axis: Rect, frame: &Frame<'_>) {
        let response = ui.interact(axis, ui.scope_id().with("axis"), Sense::click_and_drag());
        if response.clicked() {
            self.area.clear();
        }
        self.mark(&response, frame);
        let hint = "Drag to mark an area: what each lane did in it, and why it took so long. A click marks nothing.\nOn the lanes: \
                    drag marks, Shift and drag moves, Ctrl and the wheel zoom. Keys: W A S D. A name is dragged to move its lane.";
        response.on_hover_cursor(CursorIcon::Text).on_hover_text(hint);
    }

    fn mark(&mut self, response: &Response, frame: &Frame<'_>) {
        let scale = frame.scale;
        // Where the button is released is the last place that counts.
        let released = || response.ctx.input(|input| input.pointer.latest_pos()).filter(|_| response.drag_stopped());
        let pointer =
            response.interact_pointer_pos().or_else(released).map(|pointer| scale.at(pointer.x.clamp(scale.left, scale.right)));
        if response.drag_started() {
            self.drag = pointer;
        }
        let moves = response.dragged() || response.drag_stopped();
        if let (Some(began), Some(t), true) = (self.drag, pointer, moves) {
            let known = |t: Monotonic| t.min(frame.run.elapsed);
            self.area.mark(known(began), known(t), frame.selected);
        }
        if response.drag_stopped() {
            self.drag = None;
        }
    }

    /// Paints the marked area, the live edge, and the cursor with its time; shows what happened in the area.
    pub(super) fn ui(&mut self, ui: &Ui, rooms: Rooms, frame: &Frame<'_>, places: &Places, is_here: bool) {
        let (colors, painter, scale) = (palette(ui), ui.painter(), frame.scale);
        let all = rooms.cores.union(rooms.share).union(rooms.lanes);
        if let Some((from, to)) = self.area.marked() {
            let x = |t: Monotonic| scale.x(t.secs()).clamp(scale.left, scale.right);
            let at = Rect::from_x_y_ranges(x(from)..=x(to), all.top()..=rooms.axis.bottom());
            painter.rect(at, 0.0, colors.blue.strong.gamma_multiply(0.12), (1.0, colors.blue.strong), egui::StrokeKind::Inside);
        }
        if self.sight.follows() && goes_on(frame.run) {
            painter.vline(scale.right, rooms.lanes.y_range(), Stroke::new(1.0, colors.text));
        }
        let line = |x: f32, ink: Color32| {
            painter.vline(x, all.y_range(), Stroke::new(1.0, ink));
            let galley = painter.layout_no_wrap(format!("{:.6} s", scale.t(x)), FontId::proportional(10.5), colors.text);
            let left = (x - galley.size().x / 2.0).clamp(scale.left, (scale.right - galley.size().x).max(scale.left));
            let at = Rect::from_min_size(pos2(left, rooms.axis.top() + 1.0), galley.size());
            painter.rect_filled(at.expand2(vec2(12.0, 1.0)), 3.0, colors.panel);
            painter.galley(at.min, galley, colors.text);
        };
        if let Some(x) = self.cursor.map(|t| scale.x(t.secs())).filter(|x| scale.holds(*x)) {
            line(x, colors.blue.strong);
        }
        let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| is_here);
        if let Some(pointer) = pointer.filter(|pointer| all.contains(*pointer) && scale.holds(pointer.x)) {
            line(pointer.x, colors.text.gamma_multiply(0.7));
        }
        if ui.input(|input| input.key_pressed(egui::Key::Escape)) {
            self.area.clear();
        }
        // While it is still dragged, it would be added up in each frame.
        if self.drag.is_none() {
            self.area.ui(ui, frame.run, places, !goes_on(frame.run), rooms.lanes);
        }
    }

    /// Does what a key asks for, but for the filter.
    pub(super) fn obey(&mut self, ui: &Ui, key: LaneKey, run: &RunView, lane: Option<&Lane>, now: f64) {
        let (from, to) = self.sight.range(now);
        match key {
            LaneKey::ZoomIn | LaneKey::ZoomOut => {
                let pointed = self.shown.and_then(|(lanes, scale)| {
                    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|pointer| lanes.contains(*pointer))?;
                    scale.holds(pointer.x).then(|| scale.t(pointer.x))
                });
                let around = pointed.or_else(|| self.cursor.map(Monotonic::secs)).filter(|t| (from..=to).contains(t));
                self.sight = self.sight.zoom(if key == LaneKey::ZoomIn { 1.5 } else { 1.0 / 1.5 }, around, now);
            }
            LaneKey::Earlier => self.sight = self.sight.shift((from - to) * 0.2, now),
            LaneKey::Later => self.sight = self.sight.shift((to - from) * 0.2, now),
            LaneKey::Fit => {
                let of_lane =
                    |lane: &Lane| Some((lane.states.get(0)?.from.secs(), marks::end_of(lane).map_or(now, Monotonic::secs)));
                let area = self.area.marked().map(|(from, to)| (from.secs(), to.secs()));
                let part = area.or_else(|| of_lane(lane?));
                self.sight = part.map_or(Sight::All, |(from, to)| Sight::part(from, to, now));
            }
            LaneKey::Previous | LaneKey::Next => {
                let is_next = key == LaneKey::Next;
                let t = self.cursor.unwrap_or(Monotonic::from_secs(if is_next { from } else { to }));
                if let Some(found) = lane.and_then(|lane| change(lane, t, is_next)).filter(|found| *found <= run.elapsed) {
                    self.cursor = Some(found);
                    self.sight = self.sight.reach(found.secs(), now);
                }
            }
            LaneKey::Filter => {}
        }
    }
}

/// The next change of a lane after a time, or the one before it.
fn change(lane: &Lane, t: Monotonic, is_next: bool) -> Option<Monotonic> {
    let index = match (lane.states.at(t), is_next) {
        (None, true) => 0,
        (Some(span), true) => span.index + 1,
        (Some(span), false) if span.from < t => span.index,
        (Some(span), false) => span.index.checked_sub(1)?,
        (None, false) => return None,
    };
    lane.states.get(index).map(|span| span.from)
}
