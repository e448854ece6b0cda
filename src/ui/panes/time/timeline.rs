//! The timeline: the whole run, its cores and one lane a task, coloured and patterned by the kernel's state. UI thread; draws visible lanes,
//! and in each a bounded number of pieces.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use egui::{Align2, FontId, Rect, Role, ScrollArea, Sense, Stroke, Ui, pos2, vec2};

use crate::model::{CoreLane, Lane, LaneId, Monotonic, Pid, RunId, RunView, Times};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::ask::lane_keys::{self, LaneKey};
use crate::ui::ask::selection::Selection;
use crate::ui::look::fill::Fill;
use crate::ui::look::foreign;
use crate::ui::look::hatch::Hatch;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::time::arrangement::Arrangements;
use crate::ui::panes::time::arrows::{self, Places};
use crate::ui::panes::time::head::{self, Head};
use crate::ui::panes::time::input::{Frame, Looking, goes_on};
use crate::ui::panes::time::marks::BESIDE;
use crate::ui::panes::time::minimap::WholeRun;
use crate::ui::panes::time::paint::Brush;
use crate::ui::panes::time::pieces::Grid;
use crate::ui::panes::time::rows::{Rooms, Rows, Wanted};
use crate::ui::panes::time::scale::{self, Scale};
use crate::ui::panes::time::sight::Sight;
use crate::ui::panes::time::timeline::moving::Moving;
use crate::ui::panes::time::{core_lanes, hover, interleavings, marks, repaint, waveform};

mod moving;

/// Which part of the run is looked at, and how.
#[derive(Default)]
pub struct Timeline {
    hatch: Hatch,
    looking: Looking,
    arrangements: Arrangements,
    moving: Moving,
    head: Head,
    whole_run: WholeRun,
    name_width: f32,
    places: Places,
    /// The width in which the names were measured.
    measured: u32,
    /// How full the pipes are that processes write to.
    fills: Vec<(Pid, Fill)>,
    /// The axis of time, where lanes were drawn in this frame.
    axis: Option<Scale>,
    /// The run that was drawn last: another one begins at its live edge.
    shown: Option<RunId>,
    /// How high its lanes were, and whether the pointer was on them: they stay where they are then.
    rows: Option<Rows>,
    is_pointed_at: bool,
    /// The lane under the pointer, and the selected one, in the last frame.
    hovered: Option<LaneId>,
    selected: Option<LaneId>,
    /// How many cores the machine has.
    machine_cores: usize,
    /// Whether the cores' lanes are open, where somebody has said; else where there is room.
    has_cores: Option<bool>,
}

/// Pipes whose fill is drawn at the same time.
const MOST_FILLS: usize = 64;

impl Timeline {
    /// Draws the legend and the buttons, for the pane's heading (right to left).
    pub fn head(&mut self, ui: &mut Ui, run: Option<&RunView>) {
        let id = run.map(|run| run.id);
        self.axis = None;
        if self.shown != id {
            (self.shown, self.rows, self.hovered, self.selected) = (id, None, None, None);
            self.moving = Moving::default();
            self.looking.begin();
        }
        let Some(run) = run else { return head::legend(ui, &mut self.hatch, &Times::default()) };
        let now = self.looking.now(ui, run);
        let lane = self.selected.and_then(|id| self.places.lane(id)).and_then(|place| run.lanes.get(place));
        self.head.ui(ui, run, lane.map(|lane| &**lane), now, &mut self.looking.sight, &mut self.arrangements);
        if !self.head.shows_interleavings(run) {
            head::legend(ui, &mut self.hatch, &self.whole_run.times());
        }
    }

    /// So many cores the machine has.
    pub const fn know_cores(&mut self, count: usize) {
        self.machine_cores = count;
    }

    /// The axis of the lanes that were drawn in this frame, in seconds of their run.
    pub const fn axis(&self) -> Option<Scale> {
        self.axis
    }

    /// Looks at a part of the run, in seconds.
    pub fn look_at(&mut self, from: f64, to: f64) {
        self.looking.sight = Sight::Part { from, to };
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
        let now = self.looking.now(ui, run);
        if self.looking.moves(ui) {
            repaint::edge_moves(ui);
        }
        let selected = selection.and_then(|(pid, tid)| {
            let is_it = |lane: &&Arc<Lane>| match tid {
                Some(tid) => lane.pid == pid && lane.tid == Some(tid),
                None => lane.pid == pid && lane.tid.is_none_or(|tid| tid.number() == pid.number()),
            };
            // The kernel may have used the number before.
            run.lanes.iter().rev().find(is_it).map(|lane| lane.id)
        });
        self.selected = selected;
        let area = ui.available_rect_before_wrap();
        let is_here = is_focused || ui.rect_contains_pointer(area);
        if is_here {
            lane_keys::claim(ui.ctx());
        }
        for key in lane_keys::typed(ui.ctx()) {
            if key == LaneKey::Filter {
                self.head.focus_filter();
            }
            let lane = selected.and_then(|id| self.places.lane(id)).and_then(|place| run.lanes.get(place));
            self.looking.obey(ui, key, run, lane.map(|lane| &**lane), now);
        }
        let (from, to) = self.looking.sight.range(now);
        let scale = Scale { from, to, left: area.left() + self.name_width, right: area.right() - BESIDE - 2.0 };
        self.axis = Some(scale);
        let count = self.arrangements.shown(run).len();
        let cores = core_lanes::of_machine(run, self.machine_cores);
        let rooms = Rooms::of(area, Wanted { cores: cores.len(), lanes: count, is_open: self.has_cores });
        let frame = Frame { run, now: Monotonic::from_secs(now), selected, scale };
        let ticks = scale::axis(ui, rooms.axis, scale);
        self.overview(ui, rooms, &frame, &cores, actions);
        self.looking.steer(ui, rooms.lanes, &frame);
        self.lanes_ui(ui, rooms, &frame, &ticks, actions);
        self.looking.steer_axis(ui, rooms.axis, &frame);
        self.looking.ui(ui, rooms, &frame, &self.places, is_here);
        ui.allocate_rect(area, Sense::hover());
    }

    /// What is measured when lanes come: the room for the longest name among the first lanes, and where each lane is.
    fn measure(&mut self, ui: &Ui, run: &RunView) {
        let is_new = !self.places.are_of(&run.lanes);
        if is_new {
            self.places = Places::of(&run.lanes);
            self.arrangements.renew();
        }
        let width = ui.available_width() as u32;
        if is_new || self.measured != width {
            self.measured = width;
            let width = |lane: &Arc<Lane>| widgets::width_of(ui, foreign::line(&lane.name), FontId::proportional(12.0));
            let most = (ui.available_width() * 0.2).clamp(110.0, 260.0);
            self.name_width = run.lanes.iter().take(50).map(width).fold(60.0, f32::max).min(most) + 16.0;
        }
        let living = run.processes.iter().filter(|process| process.status.is_none());
        self.fills = living.filter_map(|process| Some((process.pid, Fill::of(run, process)?))).take(MOST_FILLS).collect();
    }

    /// The whole run and its cores, above the lanes.
    fn overview(&mut self, ui: &mut Ui, rooms: Rooms, frame: &Frame<'_>, cores: &[CoreLane], actions: &mut Actions) {
        let (run, scale) = (frame.run, frame.scale);
        let colors = palette(ui);
        let painter = ui.painter().clone();
        let mut brush =
            Brush { painter: &painter, scale, grid: Grid::new(scale.per_point(), frame.now), colors, hatch: &mut self.hatch };
        if self.whole_run.follow(run, !goes_on(run)) && rooms.whole_run.height() > 0.0 {
            repaint::edge_moves(ui);
        }
        self.whole_run.ui(ui, rooms.whole_run, run, &mut brush, &mut self.looking.sight, frame.now.secs());
        let is_open = rooms.cores.height() > 0.0;
        if core_lanes::share(ui, rooms.share, cores, &brush, is_open) {
            self.has_cores = Some(!is_open);
        }
        let clicked = core_lanes::lanes(ui, rooms.cores, run, cores, &self.places, &mut brush, self.hovered);
        if let Some(lane) = clicked.and_then(|id| self.places.lane(id)).and_then(|place| run.lanes.get(place)) {
            actions.push(UiAction::Select(lane.pid, lane.tid));
        }
    }

    fn lanes_ui(&mut self, ui: &mut Ui, rooms: Rooms, frame: &Frame<'_>, ticks: &[f32], actions: &mut Actions) {
        let (run, scale) = (frame.run, frame.scale);
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
                        if self.lane(ui, lane, bar, rows, frame, actions) {
                            hovered = Some(lane.id);
                        }
                    }
                    self.arrows(ui, &shown, first..last.max(first), top, rows, frame);
                    self.move_lane(ui, run, &shown, rows, top);
                });
        });
        self.hovered = hovered;
        if pins.height() > 0.0 {
            waveform::ui(ui, pins, scale, run, actions);
        }
    }

    /// Draws a lane. Whether the pointer is on it.
    fn lane(&mut self, ui: &mut Ui, lane: &Lane, bar: Rect, rows: Rows, frame: &Frame<'_>, actions: &mut Actions) -> bool {
        let (colors, scale) = (palette(ui), frame.scale);
        let is_selected = frame.selected == Some(lane.id);
        let fill = self.fills.iter().find(|(pid, _)| *pid == lane.pid).map(|(_, fill)| fill);
        // How it ended may stand beside the bar, where it has no pipe.
        let beside = if fill.is_some() { 0.0 } else { BESIDE };
        let whole = Rect::from_min_max(pos2(ui.min_rect().left(), bar.top()), pos2(bar.right() + beside, bar.bottom()));
        let room = whole.expand2(vec2(0.0, (rows.pitch - rows.bar) / 2.0));
        if is_selected {
            ui.painter().rect_filled(room, 0.0, colors.selected.gamma_multiply(0.6));
            ui.painter().rect_filled(room.with_max_x(room.left() + 3.0), 0.0, colors.blue.strong);
        }
        let size = (bar.height() - 1.0).min(12.0);
        let font = if is_selected { theme::bold_font(size) } else { FontId::proportional(size) };
        let pin = if self.arrangements.is_pinned(frame.run.id, lane.id) { "▲ " } else { "" };
        let name = format!("{pin}{}", foreign::line(&lane.name));
        let at = Rect::from_min_max(pos2(whole.left() + 4.0, bar.top()), pos2(bar.left() - 8.0, bar.bottom()));
        let is_cut = widgets::paint_text(ui, at, Align2::RIGHT_CENTER, name, font, colors.text);
        let painter = ui.painter_at(bar.expand2(vec2(1.0, 8.0)).intersect(ui.clip_rect()));
        painter.rect_filled(bar, 2.0, colors.well);
        let grid = Grid::new(scale.per_point(), frame.now);
        Brush { painter: &painter, scale, grid, colors, hatch: &mut self.hatch }.lane(bar, lane, rows.has_strips());
        marks::ui(ui, &painter, lane, bar, scale);
        if let Some(fill) = fill {
            let at = Rect::from_min_max(pos2(bar.right() + 3.0, bar.top()), pos2(bar.right() + 10.0, bar.bottom()));
            fill.paint(ui, at);
            let described = widgets::describe(ui, at, ("pipe", lane.id.number()), Role::ProgressIndicator, &fill.words());
            described.on_hover_text(fill.words());
        }
        self.moving.hold(ui, lane, room.with_max_x(bar.left() - 2.0));
        let salt = egui::IdSalt::new(("lane", lane.id.number()));
        let response = ui.interact(whole, ui.scope_id().with(salt), Sense::click());
        response.widget_info(|| egui::WidgetInfo::selected(Role::Button, true, is_selected, hover::name(lane)));
        if response.clicked() {
            actions.push(UiAction::Select(lane.pid, lane.tid));
        }
        if response.has_focus() {
            lane_keys::claim(ui.ctx());
        }
        head::menu(&response, frame.run, lane, &mut self.arrangements);
        let Some(pointer) = response.hover_pos() else { return false };
        let is_hovered = response.hovered();
        let text = if scale.holds(pointer.x) || pointer.x > scale.right {
            marks::words_at(lane, bar, scale, pointer.x).or_else(|| {
                Some(hover::explain(lane, &grid.at(&lane.states, scale.at(pointer.x).nanos())?, frame.now, goes_on(frame.run)))
            })
        } else {
            is_cut.then(|| lane.name.to_string())
        };
        if let Some(text) = text {
            widgets::hint_at_pointer(response, &text);
        }
        is_hovered
    }

    /// Moves the lane whose name is dragged.
    fn move_lane(&mut self, ui: &mut Ui, run: &RunView, shown: &[usize], rows: Rows, top: f32) {
        let Some(lane) = self.moving.lane() else { return };
        let own = self.places.lane(lane).and_then(|place| run.lanes.get(place)).map_or("", |lane| &*lane.name);
        let name = |place: usize| Some(&*run.lanes.get(*shown.get(place)?)?.name);
        if let Some(gap) = self.moving.follow(ui, self.arrangements.gaps(run, lane), (rows, top), own, name) {
            self.arrangements.put(run, lane, gap);
        }
    }

    /// Draws who woke whom between the shown lanes, of which those in `visible` are in sight.
    fn arrows(&self, ui: &Ui, shown: &[usize], visible: Range<usize>, top: f32, rows: Rows, frame: &Frame<'_>) {
        let (run, scale) = (frame.run, frame.scale);
        let is_looked_at =
            |lane: &Lane| [self.hovered, frame.selected].contains(&Some(lane.id)) || self.arrangements.is_pinned(run.id, lane.id);
        let in_sight = arrows::in_sight(run, &self.places, &shown[visible], (scale.from, scale.to), is_looked_at);
        if in_sight.is_empty() {
            return;
        }
        let row_of: HashMap<usize, usize> = shown.iter().enumerate().map(|(row, place)| (*place, row)).collect();
        for arrow in in_sight {
            let (Some(from), Some(to)) = (row_of.get(&arrow.from), row_of.get(&arrow.to)) else { continue };
            let (above, below) = (rows.top(top, *from.min(to)) + rows.bar, rows.top(top, *from.max(to)));
            let (start, end) = if from < to { (above, below) } else { (below, above) };
            arrows::paint(ui.painter(), scale.x(arrow.t.secs()), start, end, palette(ui).text);
        }
    }
}

#[cfg(test)]
mod tests;
