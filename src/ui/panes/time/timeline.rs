//! The timeline: one lane a task, coloured and patterned by state. UI thread; draws visible lanes and at most one segment a pixel.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use egui::{Align2, Color32, FontId, Rect, RichText, Role, ScrollArea, Sense, Stroke, Ui, pos2, vec2};

use crate::model::{Lane, Monotonic, Pid, RunId, RunState, RunView, TaskState, Tid};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::fill::Fill;
use crate::ui::look::foreign;
use crate::ui::look::hatch::{self, Hatch};
use crate::ui::look::states::Look;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::time::interleavings;
use crate::ui::panes::time::scale::Scale;
use crate::ui::panes::time::waveform;

/// A time in which a lane's state was one, as its program tells it.
struct Segment {
    from: Monotonic,
    until: Option<Monotonic>,
    state: TaskState,
    note: Arc<str>,
    held_by: Option<Arc<str>>,
}

/// Everything that a program has told of a lane.
fn told(lane: &Lane) -> Vec<Segment> {
    let end = lane.states.last().filter(|_| lane.has_ended()).map(|last| last.from);
    let words = (0..lane.words.len()).filter_map(|index| lane.words.get(index));
    words
        .map(|word| Segment {
            from: word.from,
            until: word.until.or(end),
            state: word.state,
            note: word.on,
            held_by: word.held_by,
        })
        .collect()
}

/// Which part of the run is looked at.
#[derive(Default)]
pub struct Timeline {
    hatch: Hatch,
    /// Seconds that fit into the width; all of the run when absent.
    span: Option<f64>,
    /// The right end, in seconds of the run; the live edge when absent.
    end: Option<f64>,
    name_width: f32,
    /// The place of each task's lane, by its name.
    places: HashMap<String, usize>,
    measured: Option<(RunId, usize, u32)>,
    /// Releases and wakes on the visible lanes: x, and the places of the two lanes.
    wakes: Vec<(f32, usize, usize)>,
    /// How full the pipes are that processes write to.
    fills: Vec<(Pid, Fill)>,
    /// Whether the lanes are looked at although the run tells of orders to compare.
    prefers_lanes: bool,
    /// The run that was drawn last: another one begins with all of it in sight, at its live edge.
    shown: Option<RunId>,
    /// How high its lanes were, and whether the pointer was on them: they stay where they are then.
    rows: Option<Rows>,
    is_pointed_at: bool,
}

const AXIS: f32 = 20.0;

/// How high the lanes are: as comfortable as there is room for all of them, down to what can still be read.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rows {
    /// From one lane to the next.
    pitch: f32,
    /// The bar of a lane.
    bar: f32,
}

impl Rows {
    const HIGHEST: f32 = 34.0;
    const LOWEST: f32 = 15.0;

    fn of(lanes: usize, height: f32) -> Self {
        let pitch = (height / lanes.max(1) as f32).clamp(Self::LOWEST, Self::HIGHEST);
        let gap = 2.0 + 10.0 * (pitch - Self::LOWEST) / (Self::HIGHEST - Self::LOWEST);
        Self { pitch, bar: pitch - gap }
    }

    /// The upper end of the bar of the lane at this place, below `top`.
    fn top(self, top: f32, place: usize) -> f32 {
        top + place as f32 * self.pitch + (self.pitch - self.bar) / 2.0
    }
}

/// Room for a state in the legend.
const LEGEND: f32 = 84.0;
/// Arrows that are drawn at the same time.
const MOST_WAKES: usize = 300;
/// Pipes whose fill is drawn at the same time.
const MOST_FILLS: usize = 64;
/// The shortest time that can be looked at, in seconds.
const SHORTEST: f64 = 1e-4;

impl Timeline {
    /// Draws the legend and the buttons, for the pane's heading (right to left).
    pub fn head(&mut self, ui: &mut Ui, run: Option<&RunView>) {
        let id = run.map(|run| run.id);
        if self.shown != id {
            (self.shown, self.span, self.end, self.rows) = (id, None, None, None);
        }
        if let Some(run) = run
            && interleavings::has_some(run)
        {
            let (text, about) = if self.prefers_lanes {
                ("Orders", "Lays the orders of all runs over each other.")
            } else {
                ("Lanes", "Shows the threads as lanes in time.")
            };
            if widgets::head_button(ui, text).on_hover_text(about).clicked() {
                self.prefers_lanes = !self.prefers_lanes;
            }
        }
        if let Some(run) = run.filter(|run| !self.shows_interleavings(run)) {
            let now = run.elapsed.secs();
            let span = self.span.unwrap_or(now);
            if widgets::head_button(ui, "All").on_hover_text("The whole run").accessible_name("Show all of the run").clicked() {
                (self.span, self.end) = (None, None);
            }
            if widgets::head_button(ui, "+").accessible_name("Zoom in").clicked() {
                self.span = Some((span / 2.0).max(SHORTEST));
            }
            if widgets::head_button(ui, "−").accessible_name("Zoom out").clicked() {
                self.span = Some(span * 2.0).filter(|span| *span < now);
            }
            if self.end.is_some() && widgets::head_button(ui, "▶ now").on_hover_text("Follow the live edge").clicked() {
                self.end = None;
            }
            ui.add_space(8.0);
        }
        if run.is_some_and(|run| self.shows_interleavings(run)) {
            return;
        }
        let colors = palette(ui);
        // The first ones are what one sees most.
        let count = (ui.available_width() / LEGEND).max(0.0) as usize;
        for look in Look::LEGEND.into_iter().take(count).rev() {
            ui.label(RichText::new(look.word()).size(11.0).color(colors.weak));
            let (rect, _) = ui.allocate_exact_size(vec2(11.0, 11.0), Sense::hover());
            self.hatch.paint(ui.painter(), rect, look, colors);
        }
    }

    fn shows_interleavings(&self, run: &RunView) -> bool {
        !self.prefers_lanes && interleavings::has_some(run)
    }

    /// Draws axis and lanes, or the orders that a run tells of.
    pub fn ui(&mut self, ui: &mut Ui, run: &RunView, actions: &mut Actions) {
        if self.shows_interleavings(run) {
            interleavings::ui(ui, run);
            return;
        }
        if run.lanes.is_empty() {
            widgets::nothing_yet(ui, "No thread or process has begun yet.");
            return;
        }
        self.measure_names(ui, run);
        let living = run.processes.iter().filter(|process| process.status.is_none());
        self.fills = living.filter_map(|process| Some((process.pid, Fill::of(run, process)?))).take(MOST_FILLS).collect();
        let area = ui.available_rect_before_wrap();
        let now = run.elapsed.secs().max(SHORTEST);
        let to = self.end.unwrap_or(now);
        let scale = Scale {
            from: (to - self.span.unwrap_or(to)).max(0.0).min(to - SHORTEST),
            to,
            left: area.left() + self.name_width,
            right: area.right() - 10.0,
        };
        let above = Rect::from_min_max(area.min, pos2(area.right(), (area.bottom() - AXIS).max(area.top())));
        self.steer(ui, above, scale, now);
        let all_lanes = run.lanes.len() as f32 * Rows::LOWEST;
        let (lanes, pins) = above.split_top_bottom_at_y(above.bottom() - waveform::height(run, above.height(), all_lanes));
        let colors = palette(ui);
        let ticks = axis(ui, area, scale);
        ui.scope_builder(egui::UiBuilder::new().max_rect(lanes), |ui| {
            let rows = self.rows.filter(|_| self.is_pointed_at).unwrap_or_else(|| Rows::of(run.lanes.len(), lanes.height()));
            self.rows = Some(rows);
            self.is_pointed_at = ui.rect_contains_pointer(lanes);
            widgets::begin_list(ui, "lanes", run.id);
            let height = run.lanes.len() as f32 * rows.pitch;
            ScrollArea::vertical()
                .scroll_source(widgets::scroll_source(ui))
                .id_salt("lanes")
                .min_scrolled_height(0.0)
                .auto_shrink(false)
                .show_viewport(ui, |ui, viewport| {
                    ui.set_height(height.max(lanes.height()));
                    let top = ui.min_rect().top();
                    for x in &ticks {
                        ui.painter().vline(*x, ui.clip_rect().y_range(), Stroke::new(1.0, colors.line));
                    }
                    self.wakes.clear();
                    let first = (viewport.top() / rows.pitch).floor().max(0.0) as usize;
                    let last = ((viewport.bottom() / rows.pitch).ceil() as usize).min(run.lanes.len());
                    for (index, lane) in run.lanes.iter().enumerate().take(last).skip(first) {
                        let y = rows.top(top, index);
                        let rect = Rect::from_min_max(pos2(scale.left, y), pos2(scale.right, y + rows.bar));
                        self.lane(ui, lane, index, rect, scale, now, actions);
                    }
                    for (x, from, to) in &self.wakes {
                        let y = |place: usize| rows.top(top, place);
                        let (start, end) = if from < to { (y(*from) + rows.bar, y(*to)) } else { (y(*from), y(*to) + rows.bar) };
                        arrow(ui.painter(), *x, start, end, colors.text);
                    }
                    if matches!(run.state, RunState::Running | RunState::Stopping { .. }) && self.end.is_none() {
                        ui.painter().vline(scale.right, ui.clip_rect().y_range(), Stroke::new(1.0, colors.text));
                    }
                });
        });
        if pins.height() > 0.0 {
            waveform::ui(ui, pins, scale, run, actions);
        }
        ui.allocate_rect(area, Sense::hover());
    }

    /// Room for the longest name among the first lanes, measured when lanes come.
    fn measure_names(&mut self, ui: &Ui, run: &RunView) {
        let key = Some((run.id, run.lanes.len(), ui.available_width() as u32));
        if self.measured != key {
            self.measured = key;
            self.places = run.lanes.iter().enumerate().map(|(place, lane)| (lane.name.to_string(), place)).collect();
            let font = FontId::proportional(12.0);
            let width = |lane: &Arc<Lane>| {
                let name = foreign::line(&lane.name).into_owned();
                ui.painter().layout_no_wrap(name, font.clone(), Color32::PLACEHOLDER).size().x
            };
            self.name_width =
                run.lanes.iter().take(50).map(width).fold(60.0, f32::max).min((ui.available_width() * 0.2).clamp(110.0, 260.0))
                    + 12.0;
        }
    }

    /// Ctrl and the wheel zoom around the pointer; dragging moves along the run.
    fn steer(&mut self, ui: &mut Ui, lanes: Rect, scale: Scale, now: f64) {
        let response = ui.interact(lanes, ui.scope_id().with("steer"), Sense::drag());
        if let Some(pointer) = response.hover_pos() {
            let zoom = f64::from(ui.input(egui::InputState::zoom_delta));
            if (zoom - 1.0).abs() > 1e-3 {
                let at = scale.from + f64::from(pointer.x - scale.left) * scale.per_point();
                let span = ((scale.to - scale.from) / zoom).max(SHORTEST);
                let right = (scale.to - at) / zoom;
                self.span = Some(span).filter(|span| *span < now);
                self.end = Some(at + right).filter(|end| *end < now * 0.999 && self.span.is_some());
            }
        }
        if response.dragged() && self.span.is_some() {
            let end = scale.to - f64::from(response.drag_delta().x) * scale.per_point();
            let least = (scale.to - scale.from).min(now);
            self.end = Some(end.max(least)).filter(|end| *end < now);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "where a lane lies, in which scale, and whom its clicks reach")]
    fn lane(&mut self, ui: &mut Ui, lane: &Lane, index: usize, rect: Rect, scale: Scale, now: f64, actions: &mut Actions) {
        let colors = palette(ui);
        let name = Rect::from_min_max(pos2(ui.min_rect().left(), rect.top()), pos2(rect.left() - 8.0, rect.bottom()));
        let font = FontId::proportional((rect.height() - 1.0).min(12.0));
        let is_cut = widgets::paint_text(ui, name, Align2::RIGHT_CENTER, &lane.name, font, colors.text);
        let painter = ui.painter_at(rect.expand(1.0).intersect(ui.clip_rect()));
        painter.rect_filled(rect, 2.0, colors.well);
        let segments = told(lane);
        for segment in visible(&segments, scale, now) {
            let until = segment.until.map_or(now, Monotonic::secs);
            let left = scale.x(segment.from.secs()).max(rect.left());
            let right = scale.x(until).min(rect.right()).max(left + 1.0);
            let look = Look::from(segment.state);
            if look == Look::Done {
                continue;
            }
            if let Some(&from) = released_by(segment).and_then(|name| self.places.get(name))
                && self.wakes.len() < MOST_WAKES
                && from != index
            {
                self.wakes.push((right, from, index));
            }
            let at = Rect::from_x_y_ranges(left..=right, rect.y_range());
            self.hatch.paint(&painter, at, look, colors);
            if right - left > 34.0 && !segment.note.is_empty() {
                label(&painter.with_clip_rect(at.intersect(painter.clip_rect())), at, look, segment, colors);
            }
        }
        let end = Rect::from_min_max(pos2(rect.right() + 3.0, rect.top()), pos2(rect.right() + 10.0, rect.bottom()));
        if let Some(fill) = self.fills.iter().find(|(pid, _)| *pid == lane.pid).map(|(_, fill)| fill) {
            fill.paint(ui, end);
            let described = widgets::describe(ui, end, ("pipe", index), Role::ProgressIndicator, &fill.words());
            described.on_hover_text(fill.words());
        }
        let whole = name.union(rect);
        let salt = egui::IdSalt::new(("lane", index));
        let response = ui.interact(whole, ui.scope_id().with(salt), Sense::click());
        let latest = segments.last();
        response.widget_info(|| {
            let state = latest.map_or("created", |segment| segment.state.word());
            let note = latest.map_or("", |segment| &*segment.note);
            egui::WidgetInfo::labeled(
                Role::Button,
                true,
                format!("lane {}: {state} {}", foreign::line(&lane.name), foreign::line(note)).trim_end(),
            )
        });
        if response.clicked() {
            actions.push(UiAction::Select(lane.pid, lane.tid));
        }
        if is_cut && response.hover_pos().is_some_and(|pointer| pointer.x < scale.left) {
            widgets::hint_at_pointer(response, &lane.name);
        } else if let Some(pointer) = response.hover_pos().filter(|pointer| pointer.x >= scale.left) {
            let t = scale.from + f64::from(pointer.x - scale.left) * scale.per_point();
            if let Some(segment) = at_time(&segments, t) {
                widgets::hint_at_pointer(response, &explain(&lane.name, lane.pid, lane.tid, segment, now));
            }
        }
    }
}

/// The task that let a waiter go on, when its wait is over.
fn released_by(segment: &Segment) -> Option<&str> {
    segment.held_by.as_deref().filter(|_| segment.until.is_some() && segment.state == TaskState::Waiting)
}

/// A thin arrow straight up or down.
fn arrow(painter: &egui::Painter, x: f32, from: f32, to: f32, ink: Color32) {
    let back = if to > from { -5.0 } else { 5.0 };
    painter.vline(x, egui::Rangef::new(from.min(to), from.max(to)), Stroke::new(1.0, ink));
    let tip = vec![pos2(x, to), pos2(x - 3.5, to + back), pos2(x + 3.5, to + back)];
    painter.add(egui::Shape::convex_polygon(tip, ink, Stroke::NONE));
}

/// The note on a segment: dark on light ones, light on dark ones, boxed where the pattern would cross the letters.
fn label(painter: &egui::Painter, at: Rect, look: Look, segment: &Segment, colors: &theme::Palette) {
    let is_patterned = matches!(look, Look::Blocked | Look::Waiting);
    let ink = if is_patterned { colors.text } else { theme::ink_on(hatch::fill_of(look, colors).0) };
    let font = theme::bold_font((at.height() - 1.0).min(11.0));
    let mut job = egui::text::LayoutJob::simple_singleline(foreign::line(&segment.note).into_owned(), font, ink);
    job.wrap = egui::text::TextWrapping::truncate_at_width(at.width() - 12.0);
    let galley = painter.layout_job(job);
    let position = pos2(at.left() + 8.0, at.center().y - galley.size().y / 2.0);
    if is_patterned {
        let behind = Rect::from_min_size(position, galley.size()).expand2(vec2(4.0, 1.0)).intersect(at);
        painter.rect_filled(behind, 2.0, look.tone(colors).surface);
    }
    painter.galley(position, galley, ink);
}

/// Time marks at a round distance, and where they stand.
fn axis(ui: &Ui, area: Rect, scale: Scale) -> Vec<f32> {
    let step = round_step(scale.per_point() * 84.0);
    let digits = digits(step);
    let y = area.bottom() - AXIS / 2.0;
    let mut ticks = Vec::new();
    let mut index = (scale.from / step).ceil();
    while index * step <= scale.to + step * 1e-6 {
        let x = scale.x(index * step);
        ticks.push(x);
        let text = format!("{:.digits$} s", index * step);
        let align = if x > area.right() - 24.0 { Align2::RIGHT_CENTER } else { Align2::CENTER_CENTER };
        let x = if align == Align2::RIGHT_CENTER { area.right() } else { x };
        ui.painter().text(pos2(x, y), align, text, FontId::proportional(10.5), palette(ui).weak);
        index += 1.0;
    }
    ticks
}

/// Decimal places that tell one mark from the next.
fn digits(step: f64) -> usize {
    let whole = |places: usize| {
        let scaled = step * 10.0_f64.powi(places as i32);
        (scaled - scaled.round()).abs() < 1e-6
    };
    (0..=6).find(|places| whole(*places)).unwrap_or(6)
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is at least this.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.max(1e-9).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(power * 10.0)
}

/// The segments to draw: of those that fall onto one pixel only the first.
fn visible(segments: &[Segment], scale: Scale, now: f64) -> impl Iterator<Item = &Segment> {
    let until = move |segment: &Segment| segment.until.map_or(now, Monotonic::secs);
    let mut index = segments.partition_point(|segment| until(segment) < scale.from);
    std::iter::from_fn(move || {
        let segment = segments.get(index).filter(|segment| segment.from.secs() <= scale.to)?;
        let next = until(segment).max(segment.from.secs() + scale.per_point());
        let rest = &segments[index + 1..];
        // Mostly the very next one: look before searching.
        index += 1 + if rest.first().is_some_and(|segment| until(segment) > next) {
            0
        } else {
            rest.partition_point(|segment| until(segment) <= next)
        };
        Some(segment)
    })
}

fn at_time(segments: &[Segment], t: f64) -> Option<&Segment> {
    let after = segments.partition_point(|segment| segment.from.secs() <= t);
    let segment = segments.get(after.checked_sub(1)?)?;
    segment.until.is_none_or(|until| until.secs() >= t).then_some(segment)
}

/// A segment with its exact times.
fn explain(name: &str, pid: Pid, tid: Option<Tid>, segment: &Segment, now: f64) -> String {
    let until = segment.until.map_or(now, Monotonic::secs);
    let from = segment.from.secs();
    let look = Look::from(segment.state);
    let mut text = format!("{} {} {}", foreign::line(name), look.glyph(), look.word());
    if !segment.note.is_empty() {
        let _ = write!(text, ": {}", foreign::line(&segment.note));
    }
    if let Some(holder) = &segment.held_by {
        let _ = write!(text, ", held by {}", foreign::line(holder));
    }
    let end = if segment.until.is_none() { "now" } else { "" };
    let _ = write!(text, "\n{from:.6} s to {until:.6} s {end}\n{:.3} ms", (until - from) * 1000.0);
    let _ = write!(text, "\npid {pid}");
    if let Some(tid) = tid {
        let _ = write!(text, ", thread {tid}");
    }
    text
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    const SCALE: Scale = Scale { from: 0.0, to: 10.0, left: 0.0, right: 100.0 };

    fn show(run: RunView) -> egui_kittest::Harness<'static, (Timeline, Actions)> {
        testing::view(800.0, 250.0, (Timeline::default(), Actions::default()), move |ui, (timeline, actions)| {
            ui.horizontal(|ui| timeline.head(ui, Some(&run)));
            timeline.ui(ui, &run, actions);
        })
    }

    #[test]
    fn lanes_are_named_with_their_state_and_a_click_selects_the_thread() {
        let snapshot = sample::deadlock();
        let mut harness = show((*snapshot.runs[0]).clone());
        harness.get_by_label("lane worker-1: waiting lock B").click();
        harness.run();
        let actions = harness.state_mut().1.take();
        assert!(matches!(actions[..], [UiAction::Select(pid, Some(tid))] if pid.number() == 4711 && tid.number() == 4712));
    }

    #[test]
    fn an_empty_run_says_so_and_of_two_thousand_lanes_only_the_visible_ones_are_drawn() {
        show(sample::run(1, "x")).get_by_label_contains("No thread or process");
        let harness = show((*sample::snapshot(2000).runs[0]).clone());
        let drawn = harness.query_all_by_label_contains("lane worker-").count();
        assert!((3..20).contains(&drawn), "{drawn}");
    }

    #[test]
    fn sixteen_lanes_fit_where_five_are_comfortable() {
        let height = 16.0 * Rows::LOWEST;
        assert_eq!(Rows::of(5, height), Rows { pitch: 34.0, bar: 22.0 });
        let rows = Rows::of(16, height);
        assert!(rows.top(0.0, 15) + rows.bar <= height && rows.bar >= 12.0, "{rows:?}");
        assert!((Rows::of(2000, height).pitch - Rows::LOWEST).abs() < f32::EPSILON, "more are scrolled");
    }

    #[test]
    fn an_arrow_goes_from_who_released_to_who_woke_and_not_while_the_wait_lasts() {
        let mut harness = show((*sample::deadlock().runs[0]).clone());
        harness.run();
        let wakes: Vec<_> = harness.state().0.wakes.iter().map(|(_, from, to)| (*from, *to)).collect();
        assert_eq!(wakes, [(3, 4)], "watcher let sort go on; the two that wait for ever have no arrow");
    }

    #[test]
    fn another_run_is_shown_whole_and_at_its_live_edge_and_the_same_one_as_it_was_left() {
        let state = (Timeline::default(), Actions::default(), (*sample::deadlock().runs[0]).clone());
        let mut harness = testing::view(800.0, 250.0, state, |ui, (timeline, actions, run)| {
            ui.horizontal(|ui| timeline.head(ui, Some(run)));
            timeline.ui(ui, run, actions);
        });
        harness.run();
        harness.get_by_label("Zoom in").click();
        harness.run();
        harness.state_mut().0.end = Some(1.5);
        harness.run();
        assert_eq!((harness.state().0.span, harness.state().0.end), (Some(1.0), Some(1.5)));
        harness.get_by_label("▶ now");
        harness.state_mut().2.id = RunId::new(2);
        harness.run();
        assert_eq!((harness.state().0.span, harness.state().0.end), (None, None));
        assert!(harness.query_by_label("▶ now").is_none());
    }

    #[test]
    fn lanes_that_come_move_none_while_the_pointer_is_on_them() {
        let run = (*sample::snapshot(5).runs[0]).clone();
        let mut harness = testing::view(800.0, 250.0, (Timeline::default(), run), |ui, (timeline, run)| {
            timeline.ui(ui, run, &mut Actions::default());
        });
        let place =
            |harness: &egui_kittest::Harness<'_, (Timeline, RunView)>| harness.get_by_label_contains("lane worker-3:").rect();
        harness.run();
        let before = place(&harness);
        harness.hover_at(before.center());
        harness.run();
        harness.state_mut().1.lanes = sample::snapshot(12).runs[0].lanes.clone();
        harness.run();
        assert_eq!(place(&harness), before);
        harness.hover_at(pos2(-10.0, -10.0));
        harness.run();
        assert_ne!(place(&harness), before, "the control: they are lower when nobody points at them");
    }

    #[test]
    fn marks_are_at_round_times() {
        for (least, step) in [(0.21, 0.25), (0.9, 1.0), (1.1, 2.0), (30.0, 50.0)] {
            assert!((round_step(least) - step).abs() < 1e-9, "{least}: {}", round_step(least));
        }
        assert_eq!([2.5, 2.0, 0.25, 0.2, 50.0, 0.005].map(digits), [1, 0, 2, 1, 0, 3], "2.5 s is not 2 s");
    }
}
