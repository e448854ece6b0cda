//! How busy each core is: over the time that the lanes show, on their axis; else over the last 60 seconds. And what else the machine says.
//! UI thread; reads only.

use egui::{Align2, Color32, FontId, Rect, RichText, Role, ScrollArea, Sense, Stroke, Ui, UiBuilder, Vec2, pos2, vec2};
use egui_plot::{Line, Plot};

use crate::model::{LoadSample, MachineSample, Monotonic, SystemView};
use crate::ui::look::surface;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::time::scale::Scale;

/// The plots of the cores' load.
#[derive(Debug, Clone, Copy)]
pub struct Cores<'a> {
    system: &'a SystemView,
    /// The axis of the lanes, and the start of their run.
    lanes: Option<(Scale, Monotonic)>,
}

/// Plots in one row, where each has an axis of its own.
const COLUMNS: usize = 4;
/// The past that such a plot shows, in seconds.
const MINUTE: f64 = 60.0;
/// The least height of a plot that is as wide as the lanes.
const ROW: f32 = 11.0;
/// The line of text over the plot of all cores.
const HEADING: f32 = 20.0;
/// The upper edge of a plot, in percent.
const TOP: f64 = 106.0;

/// The time of a plot: its scale counts seconds from `zero`, which is in seconds on the kernel's monotonic clock.
#[derive(Debug, Clone, Copy)]
struct Axis {
    scale: Scale,
    zero: f64,
}

impl Axis {
    /// The place of a time; the nearest edge for one that is out of sight.
    fn x(self, t: Monotonic) -> f32 {
        self.scale.x(t.secs() - self.zero).clamp(self.scale.left, self.scale.right)
    }

    /// From when to when it shows, in seconds on the kernel's monotonic clock.
    fn range(self) -> (f64, f64) {
        (self.zero + self.scale.from, self.zero + self.scale.to)
    }
}

/// A load that lasts. What is narrower than a point is joined, to the lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    left: f32,
    right: f32,
    low: f32,
    high: f32,
}

impl<'a> Cores<'a> {
    /// The height of a single row of plots, where the lanes below need the room, and where there is plenty.
    pub const LOW: f32 = 44.0;
    pub const MIDDLE: f32 = 60.0;
    pub const HIGH: f32 = 80.0;

    /// The height that the view needs for its plots; `one_row` is that of a single row.
    pub fn height(cores: usize, one_row: f32) -> f32 {
        let rows = cores.clamp(1, 16).div_ceil(COLUMNS) as f32;
        24.0 + if rows > 1.0 { rows.min(3.0) * 50.0_f32.min(one_row) } else { one_row }
    }

    /// Of this machine; on the axis of the lanes of a run that began then, if they are shown.
    pub const fn of(system: &'a SystemView, lanes: Option<(Scale, Monotonic)>) -> Self {
        Self { system, lanes }
    }

    /// Draws the heading and one plot a core.
    pub fn ui(self, ui: &mut Ui) {
        let weak = palette(ui).weak;
        // Nothing in the heading is there for a finger.
        let finger = std::mem::replace(&mut ui.spacing_mut().interact_size.y, 18.0);
        ui.horizontal(|ui| {
            ui.label(theme::bold(self.title()).size(11.5).color(weak));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let text = RichText::new(summary(&self.system.latest)).size(11.0).color(weak);
                ui.add(egui::Label::new(text).truncate());
            });
        });
        ui.spacing_mut().interact_size.y = finger;
        match self.lanes {
            _ if self.system.core_count() == 0 => widgets::nothing_yet(ui, "Nothing measured yet."),
            Some((scale, _)) => self.under_each_other(ui, scale),
            None => self.beside_each_other(ui),
        }
    }

    /// Draws all cores in one plot, with thick lines: for a room.
    pub fn together(self, ui: &mut Ui) {
        let count = self.system.core_count();
        if count == 0 {
            widgets::nothing_yet(ui, "Nothing measured yet.");
            return;
        }
        let colors = palette(ui);
        let area = ui.available_rect_before_wrap();
        let plots = Rect::from_min_max(area.min + vec2(0.0, HEADING), area.max - vec2(0.0, 3.0));
        let axis = self.axis(plots);
        surface::fill(ui.painter(), area, 4, colors.pane);
        let bar = Rect::from_x_y_ranges(axis.scale.left..=axis.scale.right, plots.y_range());
        for core in 0..count {
            draw(ui, ("load together", core), bar, &self.steps(core, axis), colors.series(core).strong, 3.0, 0.0);
        }
        let heading = Rect::from_min_size(area.min + vec2(8.0, 2.0), vec2(area.width() - 16.0, 16.0));
        let (title, summary) = (self.title(), summary(&self.system.latest));
        let middle = heading.left() + widgets::width_of(ui, &title, theme::bold_font(11.5)) + 12.0;
        widgets::paint_text(ui, heading, Align2::LEFT_CENTER, title, theme::bold_font(11.5), colors.weak);
        let beside = heading.with_min_x(middle);
        widgets::paint_text(ui, beside, Align2::RIGHT_CENTER, summary, FontId::proportional(11.0), colors.weak);
        let texts: Vec<String> = (0..count).map(|core| self.text(core, axis)).collect();
        widgets::describe(ui, area, "cores together", Role::Image, &texts.join("; "));
        ui.allocate_rect(area, Sense::hover());
    }

    fn title(self) -> String {
        match self.lanes.map(|(scale, _)| scale.to - scale.from) {
            None => "CPU per core, 60 s".to_owned(),
            Some(span) if span < 1e-3 => format!("CPU per core, {:.0} µs as in the lanes", span * 1e6),
            Some(span) if span < 1.0 => format!("CPU per core, {:.0} ms as in the lanes", span * 1e3),
            Some(span) => format!("CPU per core, {span:.1} s as in the lanes"),
        }
    }

    /// The axis of the lanes, else the last minute over this room.
    fn axis(self, room: Rect) -> Axis {
        match self.lanes {
            Some((scale, began)) => Axis { scale, zero: began.secs() },
            None => Axis {
                scale: Scale { from: -MINUTE, to: 0.0, left: room.left(), right: room.right() },
                zero: self.system.load.last().map_or(0.0, |newest| newest.to.secs()),
            },
        }
    }

    /// On the axis of the lanes: a plot is as wide as they are, and has its name on the left, where they have theirs.
    fn under_each_other(self, ui: &mut Ui, scale: Scale) {
        let colors = palette(ui);
        let count = self.system.core_count();
        let height = ((ui.available_height() - 2.0) / count as f32).max(ROW);
        ui.spacing_mut().item_spacing.y = 0.0;
        let area = ui.available_rect_before_wrap();
        let bars =
            Rect::from_x_y_ranges(scale.left..=scale.right, area.top()..=area.bottom().min(area.top() + height * count as f32));
        surface::fill(ui.painter(), bars, 2, colors.pane);
        let plots = ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("cores").auto_shrink(false);
        plots.min_scrolled_height(0.0).show_rows(ui, height, count, |ui, visible| {
            for core in visible {
                let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
                let axis = self.axis(row);
                let bar = Rect::from_x_y_ranges(scale.left..=scale.right, row.shrink2(vec2(0.0, 1.0)).y_range());
                let size = (height - 1.0).min(11.0);
                let left = row.with_max_x(scale.left - 8.0);
                let middle = left.right() - 38.0;
                let percent = percent_text(self.mean(core, axis.range()));
                widgets::paint_text(
                    ui,
                    left.with_min_x(middle),
                    Align2::RIGHT_CENTER,
                    percent,
                    theme::bold_font(size),
                    colors.text,
                );
                let name = format!("core {core}");
                let font = FontId::proportional(size.min(10.0));
                widgets::paint_text(ui, left.with_max_x(middle - 3.0), Align2::RIGHT_CENTER, name, font, colors.weak);
                ui.painter().hline(bar.x_range(), row.bottom(), Stroke::new(1.0, colors.line));
                self.plot(ui, core, row, bar, axis);
            }
        });
    }

    /// Each with the last minute: several in a row.
    fn beside_each_other(self, ui: &mut Ui) {
        let colors = palette(ui);
        let gap = 6.0;
        let count = self.system.core_count();
        let columns = count.min(COLUMNS);
        let rows = count.div_ceil(columns);
        let width = (ui.available_width() - gap * (columns - 1) as f32) / columns as f32;
        let height = if rows > 1 { 46.0 } else { (ui.available_height() - 2.0).clamp(36.0, 76.0) };
        ui.spacing_mut().item_spacing = vec2(gap, 4.0);
        let plots = ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("cores").auto_shrink([false, true]);
        plots.show_rows(ui, height, rows, |ui, visible| {
            for row in visible {
                ui.horizontal(|ui| {
                    for core in row * columns..((row + 1) * columns).min(count) {
                        let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
                        surface::fill(ui.painter(), rect, 4, colors.pane);
                        self.plot(ui, core, rect, rect, self.axis(rect));
                        let label = rect.shrink2(vec2(8.0, 4.0));
                        let top = Rect::from_min_size(label.min, vec2(label.width(), 16.0));
                        let (name, font) = (format!("core {core}"), FontId::proportional(10.5));
                        widgets::paint_text(ui, top, Align2::LEFT_CENTER, name, font, colors.weak);
                        let behind =
                            Rect::from_min_max(pos2(top.right() - 46.0, top.top()), pos2(top.right() + 3.0, top.bottom()));
                        ui.painter().rect_filled(behind, 3.0, colors.pane.gamma_multiply(0.75));
                        let percent = percent_text(self.system.latest.percent.get(core).map(|percent| f64::from(*percent)));
                        widgets::paint_text(ui, top, Align2::RIGHT_CENTER, percent, theme::bold_font(12.0), colors.text);
                    }
                });
            }
        });
    }

    /// Draws the load of a core into `bar`; its words are those of the whole `row`.
    fn plot(self, ui: &mut Ui, core: usize, row: Rect, bar: Rect, axis: Axis) {
        draw(ui, ("load", core), bar, &self.steps(core, axis), palette(ui).series(core).strong, 1.4, 0.25);
        let text = self.text(core, axis);
        let response = widgets::describe(ui, row, ("core text", core), Role::Image, &text);
        let pointed = response.hover_pos().filter(|pointer| self.lanes.is_some() && axis.scale.holds(pointer.x));
        let text = pointed.map_or(text, |pointer| self.text_at(core, axis, pointer.x));
        response.on_hover_text_at_pointer(text);
    }

    /// The samples that lie in sight, at least in part.
    fn in_sight(self, (from, to): (f64, f64)) -> &'a [LoadSample] {
        let load = &self.system.load;
        let first = load.partition_point(|sample| sample.to.secs() <= from);
        let last = load.partition_point(|sample| sample.from.secs() < to);
        &load[first..last.max(first)]
    }

    /// The load of a core in sight, where it is known: a new list begins after each gap.
    fn steps(self, core: usize, axis: Axis) -> Vec<Vec<Step>> {
        let mut all: Vec<Vec<Step>> = Vec::new();
        let mut until = None;
        for sample in self.in_sight(axis.range()) {
            let Some(&percent) = sample.percent.get(core) else { continue };
            let step = Step { left: axis.x(sample.from), right: axis.x(sample.to), low: percent, high: percent };
            match all.last_mut().filter(|_| until == Some(sample.from)) {
                Some(steps) => match steps.last_mut() {
                    Some(last) if step.right - last.left < 1.0 => {
                        (last.right, last.low, last.high) = (step.right, last.low.min(percent), last.high.max(percent));
                    }
                    _ => steps.push(step),
                },
                None => all.push(vec![step]),
            }
            until = Some(sample.to);
        }
        all
    }

    /// The load of a core over a time, in percent, as far as it is known.
    fn mean(self, core: usize, (from, to): (f64, f64)) -> Option<f64> {
        let known = self.in_sight((from, to)).iter().filter_map(|sample| {
            Some((sample.to.secs().min(to) - sample.from.secs().max(from), f64::from(*sample.percent.get(core)?)))
        });
        let (time, busy) = known.fold((0.0, 0.0), |(time, busy), (length, percent)| (time + length, busy + length * percent));
        (time > 0.0).then(|| busy / time)
    }

    /// A core's load in words.
    fn text(self, core: usize, axis: Axis) -> String {
        if self.lanes.is_some() {
            let Scale { from, to, .. } = axis.scale;
            let load = self.mean(core, axis.range()).map_or_else(|| "not known".to_owned(), |percent| format!("{percent:.0} %"));
            return format!("core {core}: {load} from {from:.3} s to {to:.3} s");
        }
        match self.system.latest.percent.get(core) {
            Some(percent) => format!("core {core}: {percent:.0} %, {}", self.trend(core, axis.zero)),
            None => format!("core {core}: not known now"),
        }
    }

    /// What was measured at a place of the lanes' axis.
    fn text_at(self, core: usize, axis: Axis, x: f32) -> String {
        let t = axis.zero + axis.scale.t(x);
        let found = self.in_sight((t, t + f64::EPSILON)).first().filter(|sample| sample.from.secs() <= t);
        match found.and_then(|sample| Some((sample, sample.percent.get(core)?))) {
            Some((sample, percent)) => {
                let [from, to] = [sample.from, sample.to].map(|t| t.secs() - axis.zero);
                format!("core {core}: {percent:.0} %, measured from {from:.3} s to {to:.3} s")
            }
            None => format!("core {core}: not known at {:.3} s", axis.scale.t(x)),
        }
    }

    /// The five seconds up to a time against the five before, in a word.
    fn trend(self, core: usize, now: f64) -> &'static str {
        match (self.mean(core, (now - 10.0, now - 5.0)), self.mean(core, (now - 5.0, now))) {
            (Some(before), Some(now)) if now > before + 10.0 => "rising",
            (Some(before), Some(now)) if now < before - 10.0 => "falling",
            _ => "steady",
        }
    }
}

fn percent_text(percent: Option<f64>) -> String {
    percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent:.0} %"))
}

/// Draws steps as a line of this width over an area of this opacity. A point of the plot is one of the screen.
fn draw(ui: &mut Ui, salt: (&'static str, usize), bar: Rect, all: &[Vec<Step>], color: Color32, width: f32, opacity: f32) {
    let mut inside = ui.new_child(UiBuilder::new().id_salt(salt).max_rect(bar));
    let plot = Plot::new(salt)
        .width(bar.width())
        .height(bar.height())
        .show_background(false)
        .show_axes(false)
        .show_grid(false)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_x(false)
        .show_y(false)
        .show_crosshair(false)
        .sense(Sense::hover())
        .set_margin_fraction(Vec2::ZERO);
    plot.show(&mut inside, |plot| {
        plot.set_plot_bounds_x(f64::from(bar.left())..=f64::from(bar.right()));
        plot.set_plot_bounds_y(0.0..=TOP);
        for steps in all {
            let corners = |step: &Step| {
                let [left, right] = [step.left, step.right].map(f64::from);
                let [low, high] = [step.low, step.high].map(f64::from);
                [[left, low], [left, high], [right, high]]
            };
            let mut points: Vec<[f64; 2]> = steps.iter().flat_map(corners).collect();
            // Two points at one place have no direction between them, by which a line gets its width.
            points.dedup();
            // A step is two points above each other, not many that a band stands for.
            let line = Line::new("load", points).allow_band(false);
            let line = line.color(color).width(width).allow_hover(false);
            plot.line(if opacity > 0.0 { line.fill(0.0).fill_alpha(opacity) } else { line });
        }
    });
}

/// Memory, temperature and throttling, as far as the machine tells them.
fn summary(sample: &MachineSample) -> String {
    let mut parts = Vec::new();
    if sample.memory_total > 0 {
        let gib = |bytes: u64| bytes as f64 / f64::from(1_u32 << 30);
        parts.push(format!("memory {:.1} of {:.1} GiB", gib(sample.memory_used), gib(sample.memory_total)));
    }
    parts.extend(sample.celsius.map(|celsius| format!("{celsius:.1} °C")));
    parts.extend(sample.mhz.map(|mhz| format!("{:.1} GHz", f64::from(mhz) / 1000.0)));
    parts.extend(sample.throttled.map(|throttled| if throttled { "⚠ throttled".to_owned() } else { "not throttled".to_owned() }));
    if sample.memory_total > 0 {
        parts.push(format!("load {:.1}", sample.load));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    fn show(system: SystemView, lanes: Option<(Scale, Monotonic)>) -> Harness<'static, ()> {
        testing::view(820.0, 200.0, (), move |ui, ()| Cores::of(&system, lanes).ui(ui))
    }

    fn load(samples: &[(f64, f64, f32)]) -> SystemView {
        let sample = |(from, to, percent): &(f64, f64, f32)| LoadSample {
            from: Monotonic::from_secs(*from),
            to: Monotonic::from_secs(*to),
            percent: [*percent].into(),
        };
        SystemView { load: samples.iter().map(sample).collect(), ..SystemView::default() }
    }

    /// Of a run that began at 100 s.
    const fn lanes(from: f64, to: f64) -> (Scale, Monotonic) {
        (Scale { from, to, left: 100.0, right: 300.0 }, Monotonic::from_nanos(100_000_000_000))
    }

    fn steps(system: &SystemView, lanes: Option<(Scale, Monotonic)>) -> Vec<Vec<Step>> {
        let cores = Cores::of(system, lanes);
        cores.steps(0, cores.axis(Rect::from_min_max(pos2(0.0, 0.0), pos2(600.0, 50.0))))
    }

    #[test]
    fn on_the_lanes_axis_a_load_begins_and_ends_where_its_time_does() {
        let system =
            load(&[(98.0, 99.0, 5.0), (99.0, 100.5, 10.0), (100.5, 101.0, 50.0), (101.0, 103.0, 90.0), (103.0, 104.0, 7.0)]);
        let step = |left: f32, right: f32, percent: f32| Step { left, right, low: percent, high: percent };
        let shown = steps(&system, Some(lanes(0.0, 2.0)));
        assert_eq!(shown, [[step(100.0, 150.0, 10.0), step(150.0, 200.0, 50.0), step(200.0, 300.0, 90.0)]], "from edge to edge");
        assert_eq!(steps(&system, Some(lanes(1.5, 1.6))), [[step(100.0, 300.0, 90.0)]], "one sample may fill the plot");
        assert_eq!(steps(&system, Some(lanes(4.0, 6.0))), [[]; 0], "what is not measured yet");
        assert_eq!(steps(&system, None).concat()[0].left.to_bits(), 540.0_f32.to_bits(), "the last minute ends with the newest");
    }

    #[test]
    fn before_the_first_sample_and_in_a_gap_nothing_is_drawn() {
        let system = load(&[(100.5, 101.0, 10.0), (101.5, 102.0, 20.0)]);
        let edges: Vec<_> =
            steps(&system, Some(lanes(0.0, 2.0))).concat().iter().map(|step| (step.left as i32, step.right as i32)).collect();
        assert_eq!((steps(&system, Some(lanes(0.0, 2.0))).len(), edges), (2, vec![(150, 200), (250, 300)]));
        let cores = Cores::of(&system, Some(lanes(0.0, 2.0)));
        let axis = cores.axis(Rect::NOTHING);
        assert_eq!(cores.text(0, axis), "core 0: 15 % from 0.000 s to 2.000 s", "of what is known");
        assert_eq!(cores.text_at(0, axis, 175.0), "core 0: 10 %, measured from 0.500 s to 1.000 s");
        assert_eq!(cores.text_at(0, axis, 225.0), "core 0: not known at 1.250 s");
        let early = Cores::of(&system, Some(lanes(0.1, 0.4)));
        assert_eq!(early.text(0, early.axis(Rect::NOTHING)), "core 0: not known from 0.100 s to 0.400 s");
    }

    #[test]
    fn the_heading_and_the_words_say_which_time_is_shown() {
        show(sample::system(4), None).get_by_label("CPU per core, 60 s");
        for (span, told) in [(2.0, "2.0 s"), (0.04, "40 ms"), (2e-6, "2 µs")] {
            let scale = Scale { from: 1.0, to: 1.0 + span, left: 100.0, right: 800.0 };
            let harness = show(sample::system(4), Some((scale, sample::run(1, "").began)));
            harness.get_by_label(&format!("CPU per core, {told} as in the lanes"));
            let words = format!(" % from 1.000 s to {:.3} s", 1.0 + span);
            assert_eq!(harness.query_all_by_label_contains(&words).count(), 4);
        }
    }

    #[test]
    fn a_load_that_is_not_known_is_no_zero() {
        let mut system = sample::system(2);
        system.latest.percent.clear();
        let harness = show(system, None);
        assert_eq!(harness.query_all_by_label_contains("not known now").count(), 2);
    }

    #[test]
    fn every_core_has_its_load_in_words() {
        for cores in [1, 4, 8, 64] {
            for axis in [None, Some(lanes(0.0, 2.0))] {
                let harness = show(sample::system(cores), axis);
                let found = harness.query_all_by_label_contains("core ").count();
                assert!(found >= cores.min(8), "{found} of {cores}");
                harness.get_by_label_contains("core 0: ");
            }
        }
    }

    #[test]
    fn for_a_room_all_cores_are_told_at_once() {
        for axis in [None, Some(lanes(0.0, 2.0))] {
            let system = sample::system(4);
            let harness = testing::view(820.0, 200.0, (), move |ui, ()| Cores::of(&system, axis).together(ui));
            let words = if axis.is_some() { " s; core 3: not known from 0.000 s to 2.000 s" } else { "; core 3: " };
            harness.get_by_label_contains(words);
        }
    }

    #[test]
    fn a_machine_that_says_nothing_is_shown_as_that() {
        show(SystemView::default(), None).get_by_label("Nothing measured yet.");
        show(SystemView::default(), Some(lanes(0.0, 2.0))).get_by_label("Nothing measured yet.");
        assert_eq!(summary(&MachineSample::default()), "");
        let text = summary(&sample::system(4).latest);
        assert!(text.contains("52.1 °C") && text.contains("not throttled"), "{text}");
    }

    #[test]
    fn joining_samples_that_are_narrower_than_a_point_keeps_the_peak_and_the_order() {
        let mut samples: Vec<_> = (0..4096).map(|index| (100.0 + f64::from(index), 101.0 + f64::from(index), 1.0)).collect();
        samples[3123].2 = 100.0;
        let shown = steps(&load(&samples), Some(lanes(0.0, 4096.0))).concat();
        assert!((150..=210).contains(&shown.len()), "{}", shown.len());
        assert!(shown.iter().any(|step| step.high >= 100.0 && step.low <= 1.0));
        assert!(shown.windows(2).all(|pair| pair[0].right <= pair[1].left));
    }

    #[test]
    fn the_trend_is_that_of_the_last_seconds() {
        let samples: Vec<_> =
            (0..20).map(|index| (f64::from(index), f64::from(index + 1), if index > 14 { 90.0 } else { 5.0 })).collect();
        let system = load(&samples);
        let cores = Cores::of(&system, None);
        assert_eq!((cores.trend(0, 20.0), cores.trend(0, 15.0), cores.trend(1, 20.0)), ("rising", "steady", "steady"));
    }
}
