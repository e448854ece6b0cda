//! One plot of load a core over the last 60 seconds, and what else the machine says. UI thread; points are copied once a snapshot.

use egui::{Align2, FontId, Rect, RichText, Role, Ui, pos2, vec2};
use egui_plot::{Line, LineStyle, Plot, PlotPoint, PlotPoints, VLine};

use crate::model::{MachineSample, RunState, RunView, SystemView};
use crate::ui::look::surface;
use crate::ui::look::theme::{self, Tone, palette};
use crate::ui::look::widgets;

/// Points for the plots, as the plot library wants them.
#[derive(Debug, Default)]
pub struct Cores {
    sequence: Option<u64>,
    points: Vec<Vec<PlotPoint>>,
    texts: Vec<String>,
    summary: String,
}

/// More points than a plot has pixels are joined to their lowest and highest.
const MOST_POINTS: usize = 400;
/// Plots in one row.
const COLUMNS: usize = 4;
const SECONDS: f64 = 60.0;
/// The line of text over the plot of all cores.
const HEADING: f32 = 20.0;

impl Cores {
    /// The height of a single row of plots, where the lanes below need the room, and where there is plenty.
    pub const LOW: f32 = 44.0;
    pub const MIDDLE: f32 = 60.0;
    pub const HIGH: f32 = 80.0;

    /// The height that the view needs for its plots; `one_row` is that of a single row.
    pub fn height(cores: usize, one_row: f32) -> f32 {
        let rows = cores.clamp(1, 16).div_ceil(COLUMNS) as f32;
        24.0 + if rows > 1.0 { rows.min(3.0) * 50.0_f32.min(one_row) } else { one_row }
    }

    /// Draws the heading and one plot a core.
    pub fn ui(&mut self, ui: &mut Ui, sequence: u64, system: &SystemView, run: Option<&RunView>) {
        if self.sequence != Some(sequence) {
            self.sequence = Some(sequence);
            self.refresh(system);
        }
        let weak = palette(ui).weak;
        ui.horizontal(|ui| {
            ui.label(theme::bold("CPU per core, 60 s").size(11.5).color(weak));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(&self.summary).size(11.0).color(weak)).truncate());
            });
        });
        if self.points.is_empty() {
            widgets::nothing_yet(ui, "Nothing measured yet.");
            return;
        }
        let gap = 6.0;
        let columns = self.points.len().min(COLUMNS);
        let rows = self.points.len().div_ceil(columns);
        let width = (ui.available_width() - gap * (columns - 1) as f32) / columns as f32;
        let height = if rows > 1 { 46.0 } else { (ui.available_height() - 2.0).clamp(36.0, 76.0) };
        let started = run.filter(|run| run.state == RunState::Running).map(|run| -run.elapsed.secs()).filter(|t| *t > -SECONDS);
        ui.spacing_mut().item_spacing = vec2(gap, 4.0);
        egui::ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("cores").auto_shrink([false, true]).show(
            ui,
            |ui| {
                for row in 0..rows {
                    ui.horizontal(|ui| {
                        for core in row * columns..((row + 1) * columns).min(self.points.len()) {
                            let tone = palette(ui).series(core);
                            self.plot(ui, core, tone, vec2(width, height), started);
                        }
                    });
                }
            },
        );
    }

    /// Draws all cores in one plot, with thick lines: for a room.
    pub fn together(&mut self, ui: &mut Ui, sequence: u64, system: &SystemView, run: Option<&RunView>) {
        if self.sequence != Some(sequence) {
            self.sequence = Some(sequence);
            self.refresh(system);
        }
        if self.points.is_empty() {
            widgets::nothing_yet(ui, "Nothing measured yet.");
            return;
        }
        let colors = palette(ui);
        let area = ui.available_rect_before_wrap();
        let started = run.filter(|run| run.state == RunState::Running).map(|run| -run.elapsed.secs()).filter(|t| *t > -SECONDS);
        surface::fill(ui.painter(), area, 4, colors.pane);
        ui.add_space(HEADING);
        bare_plot("all cores", area.size() - vec2(0.0, HEADING)).show(ui, |plot| {
            plot.set_plot_bounds_x(-SECONDS..=0.0);
            plot.set_plot_bounds_y(0.0..=106.0);
            if let Some(t) = started {
                plot.vline(VLine::new("start", t).color(colors.blue.strong).width(2.0).allow_hover(false));
            }
            for (core, points) in self.points.iter().enumerate() {
                let line = Line::new(format!("core {core}"), PlotPoints::Borrowed(points));
                plot.line(line.color(colors.series(core).strong).width(3.0).allow_hover(false));
            }
        });
        let heading = Rect::from_min_size(area.min + vec2(8.0, 2.0), vec2(area.width() - 16.0, 16.0));
        let whole = self.texts.join("; ");
        widgets::paint_text(ui, heading, Align2::LEFT_CENTER, "CPU per core, 60 s", theme::bold_font(11.5), colors.weak);
        widgets::paint_text(ui, heading, Align2::RIGHT_CENTER, &self.summary, FontId::proportional(11.0), colors.weak);
        widgets::describe(ui, area, "cores together", Role::Image, &whole);
    }

    fn plot(&self, ui: &mut Ui, core: usize, tone: Tone, size: egui::Vec2, started: Option<f64>) {
        let colors = palette(ui);
        let rect = Rect::from_min_size(ui.cursor().min, size);
        surface::fill(ui.painter(), rect, 4, colors.pane);
        bare_plot(("core", core), size).show(ui, |plot| {
            plot.set_plot_bounds_x(-SECONDS..=0.0);
            plot.set_plot_bounds_y(0.0..=106.0);
            if let Some(t) = started {
                let line = VLine::new("start", t).color(colors.blue.strong).width(1.0);
                plot.vline(line.style(LineStyle::dashed_dense()).allow_hover(false));
            }
            plot.line(
                Line::new("load", PlotPoints::Borrowed(&self.points[core]))
                    .color(tone.strong)
                    .width(1.4)
                    .fill(0.0)
                    .fill_alpha(0.25)
                    .allow_hover(false),
            );
        });
        let label = rect.shrink2(vec2(8.0, 4.0));
        let top = Rect::from_min_size(label.min, vec2(label.width(), 16.0));
        widgets::paint_text(ui, top, Align2::LEFT_CENTER, format!("core {core}"), FontId::proportional(10.5), colors.weak);
        let percent = self.texts.get(core).map_or("", |text| text.split(',').next().unwrap_or_default());
        let percent = percent.rsplit(": ").next().unwrap_or_default();
        let behind = Rect::from_min_max(pos2(top.right() - 46.0, top.top()), pos2(top.right() + 3.0, top.bottom()));
        ui.painter().rect_filled(behind, 3.0, colors.pane.gamma_multiply(0.75));
        widgets::paint_text(ui, top, Align2::RIGHT_CENTER, percent, theme::bold_font(12.0), colors.text);
        if core == 0
            && size.y > 50.0
            && let Some(t) = started
        {
            let x = rect.right() + (t / SECONDS) as f32 * rect.width();
            let has_room = x + 56.0 < rect.right();
            let (left, right) = if has_room { (x + 4.0, rect.right()) } else { (rect.left(), x - 4.0) };
            let at = Rect::from_min_max(pos2(left, rect.bottom() - 16.0), pos2(right, rect.bottom() - 2.0));
            let align = if has_room { Align2::LEFT_CENTER } else { Align2::RIGHT_CENTER };
            widgets::paint_text(ui, at, align, "▲ Start", FontId::proportional(10.0), colors.blue.ink);
        }
        if let Some(text) = self.texts.get(core) {
            let hover = widgets::describe(ui, rect, ("core text", core), Role::Image, text);
            hover.on_hover_text(text);
        }
    }

    fn refresh(&mut self, system: &SystemView) {
        self.points.resize_with(system.cores.len(), Vec::new);
        self.texts.clear();
        for (core, (points, history)) in self.points.iter_mut().zip(&system.cores).enumerate() {
            decimate(&history.points, points);
            let now = system.latest.percent.get(core);
            let now =
                now.map_or_else(|| "not known now".to_owned(), |percent| format!("{percent:.0} %, {}", trend(&history.points)));
            self.texts.push(format!("core {core}: {now}"));
        }
        self.summary = summary(&system.latest);
    }
}

/// A plot that does nothing but show: 60 seconds, 0 to 100 %.
fn bare_plot<'a>(salt: impl std::hash::Hash + std::fmt::Debug + Send + Sync + 'static, size: egui::Vec2) -> Plot<'a> {
    Plot::new(salt)
        .width(size.x)
        .height(size.y)
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
        .sense(egui::Sense::hover())
        .set_margin_fraction(vec2(0.0, 0.0))
        .default_x_bounds(-SECONDS, 0.0)
        .default_y_bounds(0.0, 106.0)
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

/// The last five seconds against the five before, in a word.
fn trend(points: &[[f64; 2]]) -> &'static str {
    let mean = |from: f64, to: f64| {
        let (sum, count) = points
            .iter()
            .rev()
            .take_while(|point| point[0] >= from)
            .filter(|point| point[0] < to)
            .fold((0.0, 0.0), |(sum, count), point| (sum + point[1], count + 1.0));
        if count > 0.0 { Some(sum / count) } else { None }
    };
    match (mean(-10.0, -5.0), mean(-5.0, f64::INFINITY)) {
        (Some(before), Some(now)) if now > before + 10.0 => "rising",
        (Some(before), Some(now)) if now < before - 10.0 => "falling",
        _ => "steady",
    }
}

/// Copies points, joining runs of them to their lowest and highest where there are more than can be seen.
fn decimate(points: &[[f64; 2]], into: &mut Vec<PlotPoint>) {
    into.clear();
    if points.len() <= MOST_POINTS {
        into.extend(points.iter().map(|&point| PlotPoint::from(point)));
        return;
    }
    for bucket in points.chunks(points.len().div_ceil(MOST_POINTS / 2)) {
        let by_load = |a: &&[f64; 2], b: &&[f64; 2]| a[1].total_cmp(&b[1]);
        let low = bucket.iter().min_by(by_load);
        let high = bucket.iter().max_by(by_load);
        let mut pair: Vec<_> = low.into_iter().chain(high).collect();
        pair.sort_by(|a, b| a[0].total_cmp(&b[0]));
        into.extend(pair.into_iter().map(|&point| PlotPoint::from(point)));
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    fn show(system: SystemView) -> egui_kittest::Harness<'static, Cores> {
        testing::view(820.0, 200.0, Cores::default(), move |ui, cores| cores.ui(ui, 1, &system, None))
    }

    #[test]
    fn a_load_that_is_not_known_is_no_zero() {
        let mut system = sample::system(2);
        system.latest.percent.clear();
        let harness = show(system);
        assert_eq!(harness.query_all_by_label_contains("not known now").count(), 2);
    }

    #[test]
    fn every_core_has_its_load_in_words() {
        for cores in [1, 4, 8, 64] {
            let harness = show(sample::system(cores));
            let found = harness.query_all_by_label_contains("core ").count();
            assert!(found >= cores.min(8), "{found} of {cores}");
            harness.get_by_label_contains("core 0: ");
        }
    }

    #[test]
    fn a_machine_that_says_nothing_is_shown_as_that() {
        show(SystemView::default()).get_by_label("Nothing measured yet.");
        assert_eq!(summary(&MachineSample::default()), "");
        let text = summary(&sample::system(4).latest);
        assert!(text.contains("52.1 °C") && text.contains("not throttled"), "{text}");
    }

    #[test]
    fn joining_points_keeps_the_peak() {
        let mut points: Vec<[f64; 2]> = (0..60_000).map(|index| [f64::from(index) / 1000.0 - 60.0, 1.0]).collect();
        points[31_234][1] = 100.0;
        let mut joined = Vec::new();
        decimate(&points, &mut joined);
        assert!(joined.len() <= MOST_POINTS, "{}", joined.len());
        assert!(joined.iter().any(|point| point.y >= 100.0));
        assert!(joined.windows(2).all(|pair| pair[0].x <= pair[1].x));
    }

    #[test]
    fn the_trend_is_that_of_the_last_seconds() {
        let points: Vec<_> = (0..20).map(|index| [f64::from(index) - 19.0, if index > 14 { 90.0 } else { 5.0 }]).collect();
        assert_eq!((trend(&points), trend(&[])), ("rising", "steady"));
    }
}
