//! A part of the run that somebody has marked: what each lane did in it, whom it waited for, and why it took so long. UI thread; adds up
//! once, when the area is marked or has more to tell, and not in every frame.

use std::collections::HashMap;
use std::time::Duration;

use egui::{Align2, FontId, Rect, RichText, Role, ScrollArea, Ui, Window, pos2, vec2};

use crate::engine::grouped;
use crate::model::{Lane, LaneId, LaneState, Monotonic, RunId, RunView, Times};
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::time::arrows::Places;
use crate::ui::panes::time::hover::length;
use crate::ui::panes::time::path;

/// States of a lane that are looked through for whom it waited for.
const STATES: usize = 20_000;
/// States of all lanes.
const ALL_STATES: usize = 100_000;
/// Waits of a lane that are named.
const WAITS: usize = 3;
/// Records may come so much later than what they tell.
const SETTLED: Duration = Duration::from_millis(500);
const ROW: f32 = 18.0;
/// The width of a time, and the least width of what was waited for.
const COLUMN: f32 = 72.0;
const WAITED: f32 = 60.0;
/// The columns of the table, and the states that each of them counts.
const COLUMNS: [(&str, &[LaneState]); 5] = [
    ("on a core", &[LaneState::OnCore, LaneState::Running]),
    ("ready", &[LaneState::Ready]),
    ("blocked", &[LaneState::Blocked]),
    ("sleeping", &[LaneState::Sleeping]),
    ("other", &[LaneState::Stopped, LaneState::Zombie, LaneState::Created, LaneState::Unknown]),
];

/// An area, and what was found in it.
#[derive(Debug, Default)]
pub(super) struct Area {
    marked: Option<(Monotonic, Monotonic)>,
    /// The lane whose end is asked for.
    lane: Option<LaneId>,
    found: Option<Found>,
}

/// What happened in an area.
#[derive(Debug)]
struct Found {
    run: RunId,
    /// How much of the run was known.
    until: Monotonic,
    is_over: bool,
    rows: Vec<Row>,
    why: String,
}

/// A lane in an area.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    lane: LaneId,
    name: String,
    times: Times,
    waits: String,
}

impl Area {
    /// From when to when it is.
    pub(super) const fn marked(&self) -> Option<(Monotonic, Monotonic)> {
        self.marked
    }

    /// Marks from one time to another; an area without length is none.
    pub(super) fn mark(&mut self, one: Monotonic, other: Monotonic, lane: Option<LaneId>) {
        self.marked = (one != other).then_some((one.min(other), one.max(other)));
        (self.found, self.lane) = (None, lane);
    }

    /// Marks nothing.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Shows what happened in it. `beside` is where the lanes are.
    pub(super) fn ui(&mut self, ui: &Ui, run: &RunView, places: &Places, is_over: bool, beside: Rect) {
        let Some((from, to)) = self.marked else { return };
        // Records come a little later than what they tell.
        let settled = to + SETTLED;
        let is_whole = |found: &Found| found.until >= settled || run.elapsed < settled;
        if !self.found.as_ref().is_some_and(|found| found.run == run.id && found.is_over == is_over && is_whole(found)) {
            self.found = Some(find(run, places, self.lane, (from, to), is_over));
        }
        let Some(found) = &self.found else { return };
        let screen = ui.ctx().content_rect();
        let size = vec2(720.0_f32.min(screen.width() - 24.0), 250.0_f32.min(screen.height() - 60.0));
        let title =
            format!("Area: {:.6} s to {:.6} s, {}", from.secs(), to.secs(), length(to.nanos().saturating_sub(from.nanos())));
        let mut is_open = true;
        Window::new(RichText::new(title).size(12.0))
            .id(egui::Id::unique("timeline area"))
            .open(&mut is_open)
            .collapsible(false)
            .resizable(true)
            .default_pos(pos2(beside.right() - size.x - 8.0, beside.bottom() - 30.0))
            .default_size(size)
            .constrain_to(screen.shrink(4.0))
            .show(ui.ctx(), |ui| table(ui, found, size));
        if !is_open {
            self.clear();
        }
    }
}

fn table(ui: &mut Ui, found: &Found, size: egui::Vec2) {
    ui.set_max_width(size.x.max(ui.available_width()));
    ui.label(theme::bold("Why did this take so long?").size(12.0));
    ui.add(egui::Label::new(foreign::paragraph(&found.why)).wrap());
    ui.add_space(4.0);
    ui.separator();
    if found.rows.is_empty() {
        widgets::nothing_yet(ui, "No lane did anything in this time.");
        return;
    }
    // A column without any time leaves its room to what was waited for.
    let is_used =
        |(_, states): &&(&str, &[LaneState])| found.rows.iter().any(|row| states.iter().any(|state| row.times.of(*state) > 0));
    let columns: Vec<_> = COLUMNS.iter().filter(is_used).collect();
    ScrollArea::both()
        .scroll_source(widgets::scroll_source(ui))
        .id_salt("area")
        .max_height((size.y - 90.0).max(60.0))
        .auto_shrink(false)
        .show_rows(ui, ROW, found.rows.len() + 1, |ui, visible| {
            for index in visible {
                let Some(row) = index.checked_sub(1).and_then(|index| found.rows.get(index)) else {
                    let titles: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
                    cells(ui, ("lane", &titles, "waited for"), true);
                    continue;
                };
                let time = |states: &[LaneState]| match states.iter().map(|state| row.times.of(*state)).sum() {
                    0 => String::new(),
                    time => length(time),
                };
                let times: Vec<String> = columns.iter().map(|(_, states)| time(states)).collect();
                let place = cells(ui, (&row.name, &times, &row.waits), false);
                let told = told(row);
                let described = widgets::describe(ui, place, ("area", row.lane.number()), Role::Label, &told);
                widgets::hint(described, &told);
            }
        });
}

/// Paints a row: the name, the times to their right edges, and the waits in what is left.
fn cells(ui: &mut Ui, (name, times, waits): (&str, &[String], &str), is_head: bool) -> Rect {
    let colors = palette(ui);
    let (font, ink) = if is_head { (theme::bold_font(10.5), colors.weak) } else { (FontId::proportional(11.0), colors.text) };
    let names = (ui.available_width() * 0.2).max(70.0);
    let least = names + COLUMN * times.len() as f32 + WAITED;
    let (row, _) = ui.allocate_exact_size(vec2(least.max(ui.available_width()), ROW), egui::Sense::hover());
    let mut left = row.left();
    let mut cell = |width: f32, align: Align2, text: &str| {
        let at = Rect::from_min_max(pos2(left, row.top()), pos2(left + width - 6.0, row.bottom()));
        widgets::paint_text(ui, at, align, text, font.clone(), ink);
        left += width;
    };
    cell(names, Align2::LEFT_CENTER, name);
    for time in times {
        cell(COLUMN, Align2::RIGHT_CENTER, time);
    }
    cell(10.0, Align2::LEFT_CENTER, "");
    cell(row.width() - least + WAITED - 10.0, Align2::LEFT_CENTER, waits);
    row
}

/// `in this area painter: on a core 100.000 ms, blocked 230.000 ms; waited for lock prices (broker) 230.000 ms`.
fn told(row: &Row) -> String {
    let times = COLUMNS.iter().filter_map(|(title, states)| {
        let time = states.iter().map(|state| row.times.of(*state)).sum();
        (time > 0).then(|| format!("{title} {}", length(time)))
    });
    let waits = if row.waits.is_empty() { String::new() } else { format!("; waited for {}", row.waits) };
    format!("in this area {}: {}{waits}", row.name, times.collect::<Vec<_>>().join(", "))
}

fn find(run: &RunView, places: &Places, lane: Option<LaneId>, (from, to): (Monotonic, Monotonic), is_over: bool) -> Found {
    let mut left = ALL_STATES;
    let rows: Vec<Row> = run
        .lanes
        .iter()
        .filter_map(|lane| {
            let times = lane.states.times(from, to);
            (times.total() > 0).then(|| Row {
                lane: lane.id,
                name: foreign::line(&lane.name).into_owned(),
                times,
                waits: waits(lane, from, to, &mut left),
            })
        })
        .collect();
    let end = lane.and_then(|id| places.lane(id)).or_else(|| last_active(run, from, to));
    let why = end.map_or_else(
        || "No lane did anything in this time.".to_owned(),
        |end| path::sentence(run, end, &path::critical(run, places, end, from, to), from, to),
    );
    Found { run: run.id, until: run.elapsed, is_over, rows, why }
}

/// The lane that ran last in the area: what it waited for held up the rest.
fn last_active(run: &RunView, from: Monotonic, to: Monotonic) -> Option<usize> {
    let last = |lane: &Lane| {
        let index = lane.states.at(to)?.index;
        let runs = |state| matches!(state, LaneState::OnCore | LaneState::Running | LaneState::Mixed);
        let span =
            (index.saturating_sub(64)..=index).rev().filter_map(|index| lane.states.get(index)).find(|span| runs(span.state))?;
        Some(span.until.unwrap_or(to).min(to)).filter(|end| *end > from)
    };
    let active = run.lanes.iter().enumerate().filter_map(|(place, lane)| Some((last(lane)?, std::cmp::Reverse(place))));
    active.max().map(|(_, place)| place.0)
}

/// What a lane waited for, longest first.
fn waits(lane: &Lane, from: Monotonic, to: Monotonic, left: &mut usize) -> String {
    let mut found: HashMap<(String, Option<String>), u64> = HashMap::new();
    let most = STATES.min(*left);
    let mut looked = 0;
    for span in lane.states.between(from, to).take(most) {
        looked += 1;
        if matches!(span.state, LaneState::Blocked | LaneState::Stopped | LaneState::Mixed) {
            let until = span.until.unwrap_or(to).min(to);
            let times = lane.states.times(span.from.max(from), until);
            let time = times.of(LaneState::Blocked) + times.of(LaneState::Stopped);
            let now = lane.explain(&span);
            let key = (foreign::word(&now.label).into_owned(), now.held_by.map(|holder| foreign::word(&holder).into_owned()));
            *found.entry(key).or_default() += time;
        }
    }
    *left -= looked;
    let mut found: Vec<_> = found.into_iter().filter(|(_, time)| *time > 0).collect();
    if found.iter().all(|((label, _), _)| label.is_empty()) && !found.is_empty() {
        return "nobody has told".to_owned();
    }
    found.retain(|((label, _), _)| !label.is_empty());
    found.sort_by(|(a, most), (b, other)| other.cmp(most).then(a.cmp(b)));
    let count = found.len();
    let mut parts: Vec<String> = found
        .into_iter()
        .take(WAITS)
        .map(|((label, holder), time)| {
            let holder = holder.map_or_else(String::new, |holder| format!(" ({holder})"));
            format!("{label}{holder} {}", length(time))
        })
        .collect();
    if count > WAITS {
        parts.push(format!("and {} more", count - WAITS));
    }
    if looked == most && lane.states.changes(from, to) > looked {
        parts.push(format!("of the first {} changes", grouped(looked as u64)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    #[test]
    fn each_lane_has_its_exact_times_and_what_it_waited_for() {
        let run = sample::kernel_lanes();
        let places = Places::of(&run.lanes);
        let (from, to) = (Monotonic::from_secs(0.1), Monotonic::from_secs(0.5));
        let found = find(&run, &places, None, (from, to), true);
        let row = |name: &str| found.rows.iter().find(|row| row.name == name).expect("a row");
        assert_eq!(
            told(row("painter")),
            "in this area painter: on a core 110.000 ms, ready 10.000 ms, blocked 230.000 ms, sleeping 50.000 ms; waited for lock prices (broker) 230.000 ms"
        );
        for row in &found.rows {
            assert!(row.times.total() <= 400_000_000, "{row:?}");
        }
        assert!(!found.rows.iter().any(|row| row.name == "false"), "it was not there yet");
    }

    #[test]
    fn the_lane_that_is_selected_is_asked_about_else_the_one_that_ran_last() {
        let run = sample::kernel_lanes();
        let places = Places::of(&run.lanes);
        let area = (Monotonic::ZERO, Monotonic::from_secs(0.6));
        let painter = run.lanes.iter().find(|lane| *lane.name == *"painter").map(|lane| lane.id);
        assert!(find(&run, &places, painter, area, true).why.contains("followed back from painter"));
        assert!(!find(&run, &places, None, area, true).why.contains("Nothing is known"));
        let mut empty = sample::run(1, "x");
        empty.lanes.clear();
        assert!(find(&empty, &Places::default(), None, area, true).why.contains("No lane did anything"));
    }

    #[test]
    fn the_table_can_be_read_without_seeing_it_and_closes() {
        let run = sample::kernel_lanes();
        let mut area = Area::default();
        area.mark(Monotonic::from_secs(0.5), Monotonic::from_secs(0.1), None);
        let places = Places::of(&run.lanes);
        let mut harness = testing::view(900.0, 600.0, area, move |ui, area| {
            let rect = ui.max_rect();
            area.ui(ui, &run, &places, true, rect);
        });
        harness.run_steps(4);
        harness.get_by_label_contains("in this area painter: on a core 110.000 ms");
        harness.get_by_label("Why did this take so long?");
        harness.state_mut().clear();
        harness.run_steps(4);
        assert!(harness.query_by_label_contains("in this area painter").is_none());
    }
}
