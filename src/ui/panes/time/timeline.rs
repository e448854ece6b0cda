//! The timeline: the whole run, its cores and one lane a task, coloured and patterned by the kernel's state. UI thread; draws visible lanes,
//! and in each a bounded number of pieces.

use egui::{Align2, Color32, CursorIcon, FontId, Rect, Role, ScrollArea, Sense, Stroke, Ui, pos2, vec2};

use crate::model::{Lane, LaneId, Monotonic, Pid, RunId, RunState, RunView};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::ask::lane_keys::{self, LaneKey};
use crate::ui::ask::selection::Selection;
use crate::ui::look::fill::Fill;
use crate::ui::look::foreign;
use crate::ui::look::hatch::Hatch;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::time::area::Area;
use crate::ui::panes::time::arrangement::Arrangements;
use crate::ui::panes::time::arrows::{self, Places};
use crate::ui::panes::time::head::{self, Head};
use crate::ui::panes::time::minimap::WholeRun;
use crate::ui::panes::time::paint::Brush;
use crate::ui::panes::time::pieces::Grid;
use crate::ui::panes::time::rows::{Rooms, Rows, Wanted};
use crate::ui::panes::time::scale::{self, Scale};
use crate::ui::panes::time::sight::{LiveEdge, Sight};
use crate::ui::panes::time::{core_lanes, hover, interleavings, marks, repaint, waveform};

/// Which part of the run is looked at, and how.
#[derive(Default)]
pub struct Timeline {
    hatch: Hatch,
    sight: Sight,
    edge: LiveEdge,
    arrangements: Arrangements,
    head: Head,
    whole_run: WholeRun,
    area: Area,
    name_width: f32,
    places: Places,
    measured: Option<(RunId, usize, u32)>,
    /// How full the pipes are that processes write to.
    fills: Vec<(Pid, Fill)>,
    /// The run that was drawn last: another one begins at its live edge.
    shown: Option<RunId>,
    /// How high its lanes were, and whether the pointer was on them: they stay where they are then.
    rows: Option<Rows>,
    is_pointed_at: bool,
    /// The lane under the pointer, in the last frame.
    hovered: Option<LaneId>,
    /// The time that the keys went to.
    cursor: Option<Monotonic>,
    /// Where a drag began that marks an area.
    drag: Option<Monotonic>,
    /// Whether the cores' lanes are open, where somebody has said; else where there is room.
    has_cores: Option<bool>,
}

/// Pipes whose fill is drawn at the same time.
const MOST_FILLS: usize = 64;

/// What the lanes of a frame have in common.
struct Frame<'a> {
    run: &'a RunView,
    now: Monotonic,
    selected: Option<LaneId>,
}

impl Timeline {
    /// Draws the legend and the buttons, for the pane's heading (right to left).
    pub fn head(&mut self, ui: &mut Ui, run: Option<&RunView>) {
        let id = run.map(|run| run.id);
        if self.shown != id {
            (self.shown, self.sight, self.rows) = (id, Sight::default(), None);
            (self.cursor, self.drag, self.hovered) = (None, None, None);
            self.area.clear();
        }
        let Some(run) = run else { return head::legend(ui, &mut self.hatch) };
        let now = self.now(ui, run);
        self.head.ui(ui, run, now, &mut self.sight, &mut self.arrangements, &mut self.hatch);
    }

    /// The time to which the run has come.
    fn now(&mut self, ui: &Ui, run: &RunView) -> f64 {
        self.edge.at(run.id, run.elapsed.secs(), goes_on(run), ui.input(|input| input.time))
    }

    /// Draws all of it, or the orders that a run tells of.
    pub fn ui(&mut self, ui: &mut Ui, run: &RunView, selection: Selection, is_focused: bool, actions: &mut Actions) {
        if self.head.shows_interleavings(run) {
            interleavings::ui(ui, run);
            return;
        }
        if run.lanes.is_empty() {
            widgets::nothing_yet(ui, "No thread or process has begun yet.");
            return;
        }
        self.measure(ui, run);
        let now = self.now(ui, run);
        if self.sight.follows() && self.edge.moves(ui.input(|input| input.time)) {
            repaint::edge_moves(ui);
        }
        let selected = selection.and_then(|(pid, tid)| {
            let is_it = |lane: &&std::sync::Arc<Lane>| match tid {
                Some(tid) => lane.pid == pid && lane.tid == Some(tid),
                None => lane.pid == pid && lane.tid.is_none_or(|tid| tid.number() == pid.number()),
            };
            run.lanes.iter().find(is_it).map(|lane| lane.id)
        });
        let area = ui.available_rect_before_wrap();
        let is_here = is_focused || ui.rect_contains_pointer(area);
        if is_here {
            lane_keys::claim(ui.ctx());
        }
        for key in lane_keys::typed(ui.ctx()) {
            self.obey(key, run, selected, now);
        }
        let (from, to) = self.sight.range(now);
        let scale = Scale { from, to, left: area.left() + self.name_width, right: area.right() - 18.0 };
        let count = self.arrangements.shown(run).len();
        let rooms = Rooms::of(area, Wanted { cores: run.cores.len(), lanes: count, is_open: self.has_cores });
        let frame = Frame { run, now: Monotonic::from_secs(now), selected };
        let ticks = scale::axis(ui, rooms.axis, scale);
        self.overview(ui, rooms, scale, &frame, actions);
        self.lanes_ui(ui, rooms, scale, &frame, &ticks, actions);
        self.steer_axis(ui, rooms.axis, scale);
        self.marked(ui, rooms, scale, &frame, is_here);
        ui.allocate_rect(area, Sense::hover());
    }

    /// What is measured when lanes come: the room for the longest name among the first lanes, and where each lane is.
    fn measure(&mut self, ui: &Ui, run: &RunView) {
        let key = Some((run.id, run.lanes.len(), ui.available_width() as u32));
        if self.measured != key {
            self.measured = key;
            self.places = Places::of(&run.lanes);
            let width =
                |lane: &std::sync::Arc<Lane>| widgets::width_of(ui, foreign::line(&lane.name), FontId::proportional(12.0));
            let most = (ui.available_width() * 0.2).clamp(110.0, 260.0);
            self.name_width = run.lanes.iter().take(50).map(width).fold(60.0, f32::max).min(most) + 16.0;
        }
        let living = run.processes.iter().filter(|process| process.status.is_none());
        self.fills = living.filter_map(|process| Some((process.pid, Fill::of(run, process)?))).take(MOST_FILLS).collect();
    }

    /// The whole run and its cores, above the lanes.
    fn overview(&mut self, ui: &mut Ui, rooms: Rooms, scale: Scale, frame: &Frame<'_>, actions: &mut Actions) {
        let run = frame.run;
        let colors = palette(ui);
        let painter = ui.painter().clone();
        let mut brush =
            Brush { painter: &painter, scale, grid: Grid::new(scale.per_point(), frame.now), colors, hatch: &mut self.hatch };
        if self.whole_run.follow(run, !goes_on(run)) && rooms.whole_run.height() > 0.0 {
            repaint::edge_moves(ui);
        }
        self.whole_run.ui(ui, rooms.whole_run, run, &mut brush, &mut self.sight, frame.now.secs());
        let is_open = rooms.cores.height() > 0.0;
        if core_lanes::share(ui, rooms.share, run, &brush, is_open) {
            self.has_cores = Some(!is_open);
        }
        let looked_at = self.hovered.or(frame.selected);
        let clicked = core_lanes::lanes(ui, rooms.cores, run, &self.places, &mut brush, looked_at);
        if let Some(lane) = clicked.and_then(|id| self.places.lane(id)).and_then(|place| run.lanes.get(place)) {
            actions.push(UiAction::Select(lane.pid, lane.tid));
        }
    }

    fn lanes_ui(&mut self, ui: &mut Ui, rooms: Rooms, scale: Scale, frame: &Frame<'_>, ticks: &[f32], actions: &mut Actions) {
        let run = frame.run;
        self.steer(ui, rooms.lanes, scale, frame);
        let shown = self.arrangements.shown(run).to_vec();
        let least = shown.len() as f32 * Rows::LOWEST;
        let pins_height = waveform::height(run, rooms.lanes.height(), least);
        let (lanes, pins) = rooms.lanes.split_top_bottom_at_y(rooms.lanes.bottom() - pins_height);
        let colors = palette(ui);
        let mut hovered = None;
        ui.scope_builder(egui::UiBuilder::new().max_rect(lanes), |ui| {
            let rows = self.rows.filter(|_| self.is_pointed_at).unwrap_or_else(|| Rows::of(shown.len(), lanes.height()));
            self.rows = Some(rows);
            self.is_pointed_at = ui.rect_contains_pointer(lanes);
            if shown.is_empty() {
                widgets::nothing_yet(ui, "No lane has that in its name. “Show all lanes” is in the menu ⋯.");
                return;
            }
            widgets::begin_list(ui, "lanes", run.id);
            let height = shown.len() as f32 * rows.pitch;
            ScrollArea::vertical()
                .scroll_source(widgets::scroll_source(ui))
                .id_salt("lanes")
                .min_scrolled_height(0.0)
                .auto_shrink(false)
                .show_viewport(ui, |ui, viewport| {
                    ui.set_height(height.max(lanes.height()));
                    let top = ui.min_rect().top();
                    for x in ticks {
                        ui.painter().vline(*x, ui.clip_rect().y_range(), Stroke::new(1.0, colors.line));
                    }
                    let first = (viewport.top() / rows.pitch).floor().max(0.0) as usize;
                    let last = ((viewport.bottom() / rows.pitch).ceil() as usize).min(shown.len());
                    for (row, place) in shown.iter().enumerate().take(last).skip(first) {
                        let Some(lane) = run.lanes.get(*place) else { continue };
                        let y = rows.top(top, row);
                        let bar = Rect::from_min_max(pos2(scale.left, y), pos2(scale.right, y + rows.bar));
                        if self.lane(ui, lane, bar, rows, scale, frame, actions) {
                            hovered = Some(lane.id);
                        }
                    }
                    self.arrows(ui, &shown, first..last.max(first), scale, frame, |row, is_from_above| {
                        rows.top(top, row) + if is_from_above { rows.bar } else { 0.0 }
                    });
                });
        });
        self.hovered = hovered;
        if pins.height() > 0.0 {
            waveform::ui(ui, pins, scale, run, actions);
        }
    }

    /// Draws a lane. Whether the pointer is on it.
    #[expect(clippy::too_many_arguments, reason = "where a lane lies, in which scale, and whom its clicks reach")]
    fn lane(
        &mut self,
        ui: &mut Ui,
        lane: &Lane,
        bar: Rect,
        rows: Rows,
        scale: Scale,
        frame: &Frame<'_>,
        actions: &mut Actions,
    ) -> bool {
        let colors = palette(ui);
        let is_selected = frame.selected == Some(lane.id);
        let name = Rect::from_min_max(pos2(ui.min_rect().left() + 4.0, bar.top()), pos2(bar.left() - 8.0, bar.bottom()));
        let whole = Rect::from_min_max(pos2(ui.min_rect().left(), bar.top()), bar.max);
        let room = whole.expand2(vec2(0.0, (rows.pitch - rows.bar) / 2.0));
        if is_selected {
            ui.painter().rect_filled(room, 0.0, colors.selected.gamma_multiply(0.6));
            ui.painter().rect_filled(room.with_max_x(room.left() + 3.0), 0.0, colors.blue.strong);
        }
        let size = (bar.height() - 1.0).min(12.0);
        let font = if is_selected { theme::bold_font(size) } else { FontId::proportional(size) };
        let pin = if self.arrangements.is_pinned(frame.run.id, lane.id) { "📌 " } else { "" };
        let is_cut =
            widgets::paint_text(ui, name, Align2::RIGHT_CENTER, format!("{pin}{}", foreign::line(&lane.name)), font, colors.text);
        let painter = ui.painter_at(bar.expand2(vec2(1.0, 8.0)).intersect(ui.clip_rect()));
        painter.rect_filled(bar, 2.0, colors.well);
        let mut brush =
            Brush { painter: &painter, scale, grid: Grid::new(scale.per_point(), frame.now), colors, hatch: &mut self.hatch };
        brush.lane(bar, lane, rows.pitch - rows.bar >= 8.0);
        let grid = brush.grid;
        let cap = marks::cap(lane, bar, scale);
        if let Some(at) = cap {
            marks::paint_cap(&ui.painter_at(ui.clip_rect()), colors, lane, at);
        }
        let mut pointed = None;
        let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|pointer| room.contains(*pointer));
        for group in marks::groups(&lane.marks, scale) {
            group.paint(&painter, colors, bar);
            if pointer.is_some_and(|pointer| group.is_at(pointer.x)) {
                pointed = Some(group.words());
            }
        }
        let end = Rect::from_min_max(pos2(bar.right() + 3.0, bar.top()), pos2(bar.right() + 10.0, bar.bottom()));
        if let Some(fill) = self.fills.iter().find(|(pid, _)| *pid == lane.pid).map(|(_, fill)| fill) {
            fill.paint(ui, end);
            let described = widgets::describe(ui, end, ("pipe", lane.id.number()), Role::ProgressIndicator, &fill.words());
            described.on_hover_text(fill.words());
        }
        let salt = egui::IdSalt::new(("lane", lane.id.number()));
        let response = ui.interact(whole, ui.scope_id().with(salt), Sense::click());
        response.widget_info(|| egui::WidgetInfo::selected(Role::Button, true, is_selected, hover::name(lane)));
        if response.clicked() {
            actions.push(UiAction::Select(lane.pid, lane.tid));
        }
        if response.has_focus() {
            lane_keys::claim(ui.ctx());
        }
        let is_hovered = response.hovered();
        head::menu(&response, frame.run, lane, &mut self.arrangements);
        let pointer = response.hover_pos();
        let at_end =
            pointer.filter(|pointer| cap.is_some_and(|at| at.x_range().contains(pointer.x))).and_then(|_| marks::end_words(lane));
        if is_cut && pointer.is_some_and(|pointer| pointer.x < scale.left) {
            widgets::hint_at_pointer(response, &lane.name);
        } else if let Some(text) = pointed.or(at_end) {
            widgets::hint_at_pointer(response, &text);
        } else if let Some(pointer) = pointer.filter(|pointer| scale.holds(pointer.x))
            && let Some(piece) = grid.at(&lane.states, scale.at(pointer.x).nanos())
        {
            widgets::hint_at_pointer(response, &hover::explain(lane, &piece, frame.now));
        }
        is_hovered
    }

    /// Draws who woke whom. `edge` is the lower or the upper edge of a row's bar.
    fn arrows(
        &self,
        ui: &Ui,
        shown: &[usize],
        visible: std::ops::Range<usize>,
        scale: Scale,
        frame: &Frame<'_>,
        edge: impl Fn(usize, bool) -> f32,
    ) {
        let (run, ink) = (frame.run, palette(ui).text);
        let is_looked_at =
            |lane: &Lane| [self.hovered, frame.selected].contains(&Some(lane.id)) || self.arrangements.is_pinned(run.id, lane.id);
        let in_sight = arrows::in_sight(run, &self.places, &shown[visible], (scale.from, scale.to), is_looked_at);
        if in_sight.is_empty() {
            return;
        }
        let row_of: std::collections::HashMap<usize, usize> =
            shown.iter().enumerate().map(|(row, place)| (*place, row)).collect();
        for arrow in in_sight {
            let (Some(from), Some(to)) = (row_of.get(&arrow.from), row_of.get(&arrow.to)) else { continue };
            let goes_down = from < to;
            arrows::paint(ui.painter(), arrows::x(&arrow, scale), edge(*from, goes_down), edge(*to, !goes_down), ink);
        }
    }

    /// Ctrl and the wheel zoom around the pointer, the wheel sideways moves along the run. Dragging marks an area, with Shift it moves;
    /// a finger moves.
    fn steer(&mut self, ui: &mut Ui, lanes: Rect, scale: Scale, frame: &Frame<'_>) {
        let now = frame.now.secs();
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
            self.mark(&response, scale, frame.selected);
        }
    }

    /// Dragging along the axis marks an area, with a finger as well.
    fn steer_axis(&mut self, ui: &mut Ui, axis: Rect, scale: Scale) {
        let response = ui.interact(axis, ui.scope_id().with("axis"), Sense::click_and_drag());
        if response.clicked() {
            self.area.clear();
        }
        self.mark(&response, scale, None);
        let hint = "Drag to mark an area: what each lane did in it, and why it took so long. A click marks nothing.\nOn the lanes: \
                    drag marks, Shift and drag moves, Ctrl and the wheel zoom; W A S D too.";
        response.on_hover_cursor(CursorIcon::Text).on_hover_text(hint);
    }

    fn mark(&mut self, response: &egui::Response, scale: Scale, lane: Option<LaneId>) {
        let pointer = response.interact_pointer_pos().map(|pointer| scale.at(pointer.x.clamp(scale.left, scale.right)));
        if response.drag_started() {
            self.drag = pointer;
        }
        if let (Some(began), Some(t), true) = (self.drag, pointer, response.dragged()) {
            self.area.mark(began, t, lane);
        }
        if response.drag_stopped() {
            self.drag = None;
        }
    }

    /// The marked area, what happened in it, and the cursor with its time.
    fn marked(&mut self, ui: &Ui, rooms: Rooms, scale: Scale, frame: &Frame<'_>, is_here: bool) {
        let colors = palette(ui);
        let painter = ui.painter();
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
            let text = format!("{:.6} s", scale.t(x));
            let galley = painter.layout_no_wrap(text, FontId::proportional(10.5), colors.text);
            let left = (x - galley.size().x / 2.0).clamp(scale.left, scale.right - galley.size().x);
            let at = Rect::from_min_size(pos2(left, rooms.axis.top() + 1.0), galley.size());
            painter.rect_filled(at.expand2(vec2(4.0, 1.0)), 3.0, colors.panel);
            painter.galley(at.min, galley, colors.text);
        };
        let x = self.cursor.map(|t| scale.x(t.secs())).filter(|x| scale.holds(*x));
        if let Some(x) = x {
            line(x, colors.blue.strong);
        }
        let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| is_here);
        if let Some(pointer) = pointer.filter(|pointer| all.contains(*pointer) && scale.holds(pointer.x)) {
            line(pointer.x, colors.text.gamma_multiply(0.7));
        }
        if self.drag.is_none() {
            if ui.input(|input| input.key_pressed(egui::Key::Escape)) {
                self.area.clear();
            }
            self.area.ui(ui, frame.run, &self.places, !goes_on(frame.run), rooms.lanes);
        }
    }

    fn obey(&mut self, key: LaneKey, run: &RunView, selected: Option<LaneId>, now: f64) {
        let lane = || selected.and_then(|id| self.places.lane(id)).and_then(|place| run.lanes.get(place));
        let (from, to) = self.sight.range(now);
        match key {
            LaneKey::ZoomIn | LaneKey::ZoomOut => {
                let around = self.cursor.map(Monotonic::secs).filter(|t| (from..=to).contains(t));
                self.sight = self.sight.zoom(if key == LaneKey::ZoomIn { 1.5 } else { 1.0 / 1.5 }, around, now);
            }
            LaneKey::Earlier => self.sight = self.sight.shift((from - to) * 0.2, now),
            LaneKey::Later => self.sight = self.sight.shift((to - from) * 0.2, now),
            LaneKey::Fit => {
                let of_lane = || {
                    let lane = lane()?;
                    let end = marks::end_of(lane).map_or(now, Monotonic::secs);
                    Some((lane.states.get(0)?.from.secs(), end))
                };
                let area = self.area.marked().map(|(from, to)| (from.secs(), to.secs()));
                self.sight = area.or_else(of_lane).map_or(Sight::All, |(from, to)| Sight::part(from, to, now));
            }
            LaneKey::Previous | LaneKey::Next => {
                let Some(lane) = lane() else { return };
                let t = self.cursor.unwrap_or(Monotonic::from_secs(if key == LaneKey::Next { from } else { to }));
                if let Some(found) = change(lane, t, key == LaneKey::Next, now) {
                    self.cursor = Some(found);
                    self.sight = self.sight.reach(found.secs(), now);
                }
            }
            LaneKey::Filter => self.head.focus_filter(),
        }
    }
}

/// The next change of a lane after a time, or the one before it.
fn change(lane: &Lane, t: Monotonic, is_next: bool, now: f64) -> Option<Monotonic> {
    let at = lane.states.at(t);
    let index = match (at, is_next) {
        (None, true) => 0,
        (Some(span), true) => span.index + 1,
        (Some(span), false) if span.from < t => span.index,
        (Some(span), false) => span.index.checked_sub(1)?,
        (None, false) => return None,
    };
    lane.states.get(index).map(|span| span.from).filter(|from| from.secs() <= now)
}

fn goes_on(run: &RunView) -> bool {
    matches!(run.state, RunState::Running | RunState::Stopping { .. })
}

#[cfg(test)]
mod tests {
    use egui::{Event, Key, Modifiers, PointerButton};
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::ui::{sample, testing};

    type State = (Timeline, Actions, RunView, Selection);

    fn sized(run: RunView, width: f32, height: f32) -> Harness<'static, State> {
        let state = (Timeline::default(), Actions::default(), run, None);
        let mut harness = testing::view(width, height, state, |ui, (timeline, actions, run, selection)| {
            ui.horizontal(|ui| {
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| timeline.head(ui, Some(run)))
            });
            timeline.ui(ui, run, *selection, false, actions);
        });
        harness.run_steps(3);
        harness
    }

    fn show(run: RunView) -> Harness<'static, State> {
        sized(run, 800.0, 400.0)
    }

    fn over(mut run: RunView) -> RunView {
        let outcome = crate::model::Outcome::Passed;
        run.state = RunState::Finished(crate::model::Finished { outcome, elapsed_s: 2.0, processes_left: 0, reason: None });
        run
    }

    fn range(harness: &Harness<'_, State>) -> (f64, f64) {
        harness.state().0.sight.range(harness.state().2.elapsed.secs())
    }

    fn drag(harness: &mut Harness<'_, State>, from: egui::Pos2, by: egui::Vec2, modifiers: Modifiers) {
        let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
        for event in [
            Event::ModifiersChanged(modifiers),
            Event::PointerMoved(from),
            button(from, true),
            Event::PointerMoved(from + by / 2.0),
            Event::PointerMoved(from + by),
            button(from + by, false),
        ] {
            harness.event(event);
            harness.run_steps(2);
        }
        harness.event(Event::ModifiersChanged(Modifiers::NONE));
    }

    #[test]
    fn lanes_are_named_with_their_state_and_a_click_selects_the_thread() {
        let mut harness = show((*sample::deadlock().runs[0]).clone());
        harness.get_by_label("lane worker-1: blocked lock B").click();
        harness.run_steps(2);
        let actions = harness.state_mut().1.take();
        assert!(matches!(actions[..], [UiAction::Select(pid, Some(tid))] if pid.number() == 4711 && tid.number() == 4712));
    }

    #[test]
    fn an_empty_run_says_so_and_of_two_thousand_lanes_only_the_visible_ones_are_drawn() {
        show(sample::run(1, "x")).get_by_label_contains("No thread or process");
        let harness = show((*sample::snapshot(2000).runs[0]).clone());
        let drawn = harness.query_all_by_label_contains("lane worker-").count();
        assert!((3..30).contains(&drawn), "{drawn}");
    }

    #[test]
    fn the_whole_run_the_cores_and_each_core_can_be_read() {
        let mut harness = show(sample::kernel_lanes());
        harness.get_by_label_contains("whole run, 2.");
        harness.get_by_label_contains("4 cores of this run: ");
        assert!(
            harness.query_by_label("core 0: nothing of this run").is_some()
                != harness.query_by_label_contains("core 2: ").is_none()
        );
        let is_open = harness.query_by_label_contains("core 2: ").is_some();
        harness.get_by_label_contains("4 cores of this run: ").click();
        harness.run_steps(3);
        assert_ne!(harness.query_by_label_contains("core 2: ").is_some(), is_open, "a click opens and closes them");
    }

    #[test]
    fn another_run_begins_at_its_live_edge_and_the_same_one_stays_as_it_was_left() {
        let mut harness = show((*sample::deadlock().runs[0]).clone());
        harness.get_by_label("Zoom in").click();
        harness.run_steps(2);
        harness.state_mut().0.sight = Sight::Part { from: 0.5, to: 1.5 };
        harness.run_steps(2);
        assert_eq!(harness.state().0.sight, Sight::Part { from: 0.5, to: 1.5 });
        harness.get_by_label("▶ now");
        harness.state_mut().2.id = RunId::new(2);
        harness.run_steps(2);
        assert_eq!(harness.state().0.sight, Sight::default());
        assert!(harness.query_by_label("▶ now").is_none());
        harness.get_by_label("Show all of the run").click();
        harness.run_steps(2);
        harness.state_mut().2.elapsed = Monotonic::from_secs(60.0);
        harness.run_steps(2);
        assert_eq!(range(&harness), (0.0, 60.0), "all goes on showing all");
    }

    #[test]
    fn at_rest_the_timeline_wants_no_frame_and_while_a_run_goes_on_not_at_once() {
        let delay = |harness: &Harness<'_, State>| {
            let output = harness.output().viewport_output.get(&egui::ViewportId::ROOT).expect("a window");
            output.repaint_delay
        };
        let mut harness = show(over(sample::kernel_lanes()));
        harness.run_steps(30);
        assert_eq!(delay(&harness), std::time::Duration::MAX, "nothing moves in a run that is over");
        let mut harness = show(sample::kernel_lanes());
        harness.run_steps(30);
        assert_eq!(delay(&harness), std::time::Duration::MAX, "no snapshot came for long");
        harness.state_mut().2.elapsed = Monotonic::from_secs(2.5);
        harness.run_steps(1);
        let wanted = delay(&harness);
        assert!(!wanted.is_zero() && wanted < std::time::Duration::from_millis(40), "{wanted:?}");
    }

    #[test]
    fn lanes_that_come_move_none_while_the_pointer_is_on_them() {
        let mut harness = sized((*sample::snapshot(5).runs[0]).clone(), 800.0, 250.0);
        let place = |harness: &Harness<'_, State>| harness.get_by_label_contains("lane worker-3:").rect();
        harness.run_steps(2);
        let before = place(&harness);
        harness.hover_at(before.center());
        harness.run_steps(2);
        harness.state_mut().2.lanes = sample::snapshot(12).runs[0].lanes.clone();
        harness.run_steps(2);
        assert_eq!(place(&harness), before);
        harness.hover_at(pos2(-10.0, -10.0));
        harness.run_steps(2);
        assert_ne!(place(&harness), before, "the control: they are lower when nobody points at them");
    }

    #[test]
    fn a_drag_marks_an_area_with_its_table_and_with_shift_it_moves() {
        let mut harness = sized(over(sample::kernel_lanes()), 1000.0, 600.0);
        let lane = harness.get_by_label_contains("lane painter:").rect();
        let from = pos2(lane.left() + 300.0, lane.center().y);
        drag(&mut harness, from, vec2(200.0, 0.0), Modifiers::NONE);
        harness.get_by_label("Why did this take so long?");
        harness.get_by_label_contains("in this area painter: ");
        assert!(harness.state_mut().1.take().is_empty(), "a drag is no click");
        harness.key_press(Key::Escape);
        harness.run_steps(8);
        assert!(harness.query_by_label("Why did this take so long?").is_none());
        harness.state_mut().0.sight = Sight::Part { from: 0.5, to: 1.5 };
        harness.run_steps(1);
        drag(&mut harness, from, vec2(100.0, 0.0), Modifiers::SHIFT);
        let (begin, _) = range(&harness);
        assert!(begin < 0.45 && harness.state().0.area.marked().is_none(), "{begin}");
    }

    #[test]
    fn the_keys_zoom_move_fit_and_step_while_the_pointer_is_there() {
        let mut harness = show(over(sample::kernel_lanes()));
        let lane = harness.get_by_label_contains("lane painter:").rect();
        harness.key_press(Key::W);
        harness.run_steps(2);
        assert_eq!(range(&harness), (0.0, 2.0), "the pointer is elsewhere");
        harness.hover_at(lane.center());
        harness.run_steps(2);
        harness.key_press(Key::W);
        harness.run_steps(2);
        let (from, to) = range(&harness);
        assert!((to - from - 2.0 / 1.5).abs() < 1e-6 && (to - 2.0).abs() < 1e-9, "{from} {to}");
        harness.key_press(Key::A);
        harness.run_steps(2);
        assert!(range(&harness).1 < 2.0);
        harness.key_press(Key::S);
        harness.key_press(Key::S);
        harness.run_steps(2);
        assert_eq!(harness.state().0.sight, Sight::All);
        let painter = harness.state().2.lanes[1].clone();
        harness.state_mut().3 = Some((painter.pid, painter.tid));
        for key in [Key::F, Key::Period, Key::Period] {
            harness.key_press(key);
            harness.run_steps(2);
        }
        assert_eq!(harness.state().0.sight, Sight::All, "it lives nearly all the time");
        let changes: Vec<u64> =
            (0..painter.states.len()).filter_map(|index| painter.states.get(index)).map(|span| span.from.nanos()).collect();
        assert_eq!(harness.state().0.cursor.map(Monotonic::nanos), Some(changes[1]));
        harness.key_press(Key::Comma);
        harness.run_steps(2);
        assert_eq!(harness.state().0.cursor.map(Monotonic::nanos), Some(changes[0]));
    }

    #[test]
    fn the_slash_filters_and_a_menu_pins_and_hides() {
        let mut harness = show(sample::kernel_lanes());
        let has = |harness: &Harness<'_, State>, name: &str| harness.query_by_label_contains(name).is_some();
        harness.hover_at(harness.get_by_label_contains("lane painter:").rect().center());
        harness.run_steps(2);
        harness.key_press(Key::Slash);
        harness.run_steps(2);
        harness.get_by_label("Filter the lanes").type_text("BRO");
        harness.run_steps(2);
        assert_eq!(harness.state().0.arrangements.filter(RunId::new(1)), "BRO");
        assert!(has(&harness, "lane broker:") && !has(&harness, "lane painter:"));
        harness.key_press(Key::Escape);
        harness.run_steps(2);
        assert!(has(&harness, "lane painter:"));
        harness.get_by_label_contains("lane broker:").click_secondary();
        harness.run_steps(3);
        harness.get_by_label("Hide").click();
        harness.run_steps(3);
        assert!(harness.query_by_label_contains("lane broker:").is_none());
        harness.get_by_label("Lanes to show").click();
        harness.run_steps(3);
        harness.get_by_label("Show all lanes").click();
        harness.run_steps(3);
        harness.get_by_label_contains("lane broker:");
    }

    #[test]
    fn a_million_changes_are_drawn_in_few_shapes_at_any_zoom() {
        let run = (*sample::million().runs[0]).clone();
        let mut harness = sized(over(run), 1280.0, 720.0);
        for sight in [Sight::All, Sight::Follow { span: 2.0 }, Sight::Part { from: 5.0, to: 5.05 }] {
            harness.state_mut().0.sight = sight;
            harness.run_steps(2);
            let count = harness.output().shapes.len();
            assert!(count < 20_000, "{sight:?}: {count} shapes");
        }
    }
}
