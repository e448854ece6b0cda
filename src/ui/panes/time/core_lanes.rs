//! The cores on the axis of the lanes: how much of them the run uses, and which lane was on which core. UI thread; reads only.

use std::fmt::Write as _;

use egui::{Align2, FontId, Mesh, Rect, Role, ScrollArea, Sense, Shape, Ui, WidgetInfo, pos2};

use crate::model::{CoreLane, Lane, LaneId, LaneState, Monotonic, RunView, States};
use crate::ui::look::foreign;
use crate::ui::look::theme;
use crate::ui::look::widgets;
use crate::ui::panes::time::arrows::Places;
use crate::ui::panes::time::hover::length;
use crate::ui::panes::time::paint::{Brush, lanes_on};
use crate::ui::panes::time::pieces::{Piece, What};
use crate::ui::panes::time::rows::CORE;

/// Points of a column of the share of the cores.
const COLUMN: f32 = 3.0;
/// Lanes that a hint names, and the states that are looked through for them.
const NAMED: usize = 6;
const NAMED_OF: usize = 4_096;
/// Columns that are added up in a frame, over all cores.
const WORK: usize = 4_000;

/// The cores that the machine has, at least `count`: on those that a run has not used, there is nothing of it. None where the kernel does not
/// tell on which core its threads are.
pub(super) fn of_machine(run: &RunView, count: usize) -> Vec<CoreLane> {
    let mut all = run.cores.clone();
    if !all.is_empty() {
        let missing = (0..count as u16).filter(|core| run.cores.iter().all(|known| known.core != *core));
        all.extend(missing.map(|core| CoreLane { core, states: States::default() }));
        all.sort_by_key(|core| core.core);
    }
    all
}

/// Draws how much of the cores the run uses in time. Whether a click asks to open or close their lanes.
pub(super) fn share(ui: &mut Ui, room: Rect, all: &[CoreLane], brush: &Brush<'_>, is_open: bool) -> bool {
    if room.height() <= 0.0 || all.is_empty() {
        return false;
    }
    let (colors, scale) = (brush.colors, brush.scale);
    let name = Rect::from_min_max(room.min, pos2(scale.left - 8.0, room.bottom()));
    let text = format!("{} {}", if is_open { "▾" } else { "▸" }, cores(all.len()));
    widgets::paint_text(ui, name, Align2::RIGHT_CENTER, text, FontId::proportional(10.5), colors.weak);
    let bar = Rect::from_min_max(pos2(scale.left, room.top() + 1.0), pos2(scale.right, room.bottom() - 2.0));
    brush.painter.rect_filled(bar, 1.0, colors.well);
    let width = COLUMN.max(bar.width() * all.len() as f32 / WORK as f32);
    let column = ((scale.per_point() * f64::from(width) * 1e9) as u64).max(1);
    let nanos = |t: f64| (t.max(0.0) * 1e9) as u64;
    let (from, to) = (nanos(scale.from), nanos(scale.to).min(brush.grid.now));
    let mut mesh = Mesh::default();
    let mut t = from - from % column;
    let mut earlier = vec![0; all.len()];
    let mut before = used(all, &mut earlier, t);
    while t < to {
        let end = t.saturating_add(column).min(to);
        let sum = used(all, &mut earlier, end);
        let part = (sum - before) as f64 / (end - t) as f64 / all.len() as f64;
        let top = bar.bottom() - bar.height() * (part as f32).clamp(0.0, 1.0);
        let x = scale.x_at(t).max(bar.left())..=scale.x_at(end).min(bar.right());
        mesh.add_colored_rect(Rect::from_x_y_ranges(x, top..=bar.bottom()), colors.green.strong);
        (t, before) = (end, sum);
    }
    brush.painter.add(Shape::mesh(mesh));
    let response = ui.interact(room, ui.scope_id().with("cores"), Sense::click());
    let percent = |from: u64, to: u64| {
        let mut earlier = vec![0; all.len()];
        let before = used(all, &mut earlier, from);
        let used = used(all, &mut earlier, to) - before;
        used as f64 * 100.0 / (to.saturating_sub(from).max(1) as f64 * all.len() as f64)
    };
    let told = format!("{} of this run: {:.0} % in use, of what is in sight", cores(all.len()), percent(from, to));
    response.widget_info(|| WidgetInfo::labeled(Role::CheckBox, true, &told));
    let is_clicked = response.clicked();
    let hint = if is_open { "A click closes their lanes." } else { "A click opens a lane for each core." };
    let text = match response.hover_pos().filter(|pointer| scale.holds(pointer.x)) {
        Some(pointer) => {
            let t = scale.at(pointer.x).nanos();
            let t = t - t % column;
            format!("this run had {:.0} % of {}\n{hint}", percent(t, (t + column).min(to)), cores(all.len()))
        }
        None => format!("{told}. {hint}"),
    };
    response.on_hover_text_at_pointer(text);
    is_clicked
}

fn cores(count: usize) -> String {
    if count == 1 { "1 core".to_owned() } else { format!("{count} cores") }
}

/// The time that lanes of this run were on a core, on all cores together, until `t`. `earlier` has for each core an entry before that, and
/// gets the one at `t`.
fn used(all: &[CoreLane], earlier: &mut [usize], t: u64) -> u64 {
    let of_core = |(core, earlier): (&CoreLane, &mut usize)| {
        let (index, times) = core.states.up_to_after(*earlier, Monotonic::from_nanos(t));
        *earlier = index.unwrap_or(*earlier);
        times.of(LaneState::OnCore)
    };
    all.iter().zip(earlier).map(of_core).sum()
}

/// Draws a lane for each core. A click on a lane's time there gives the lane.
pub(super) fn lanes(
    ui: &mut Ui,
    room: Rect,
    run: &RunView,
    all: &[CoreLane],
    places: &Places,
    brush: &mut Brush<'_>,
    hovered: Option<LaneId>,
) -> Option<LaneId> {
    if room.height() <= 0.0 {
        return None;
    }
    let mut clicked = None;
    ui.scope_builder(egui::UiBuilder::new().max_rect(room), |ui| {
        ui.shrink_clip_rect(room);
        ui.spacing_mut().item_spacing.y = 0.0;
        ScrollArea::vertical()
            .scroll_source(widgets::scroll_source(ui))
            .id_salt("core lanes")
            .min_scrolled_height(0.0)
            .auto_shrink(false)
            .show_rows(ui, CORE, all.len(), |ui, visible| {
                for core in &all[visible] {
                    let (row, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), CORE), Sense::hover());
                    clicked = lane(ui, row, run, core, places, brush, hovered).or(clicked);
                }
            });
    });
    clicked
}

fn lane(
    ui: &mut Ui,
    row: Rect,
    run: &RunView,
    core: &CoreLane,
    places: &Places,
    brush: &mut Brush<'_>,
    hovered: Option<LaneId>,
) -> Option<LaneId> {
    let (colors, scale) = (brush.colors, brush.scale);
    let name = Rect::from_min_max(row.min, pos2(scale.left - 8.0, row.bottom()));
    widgets::paint_text(ui, name, Align2::RIGHT_CENTER, format!("core {}", core.core), FontId::proportional(10.5), colors.weak);
    let bar = Rect::from_min_max(pos2(scale.left, row.top() + 1.0), pos2(scale.right, row.bottom() - 1.0));
    brush.painter.rect_filled(bar, 1.0, colors.well);
    let lane_of = |number: u32| places.lane(LaneId::new(number)).and_then(|place| run.lanes.get(place));
    brush.core(bar, &core.states, |number| {
        let tone = colors.series(lane_of(number).map_or(0, |lane| lane.id.number() as usize));
        let (color, ink) = match hovered {
            Some(lane) if lane.number() != number => (tone.surface, colors.weak),
            _ => (tone.strong, theme::ink_on(tone.strong)),
        };
        (color, ink, lane_of(number).map_or("", |lane| &*lane.name))
    });
    let response = ui.interact(row, ui.scope_id().with(egui::IdSalt::new(("core", core.core))), Sense::click());
    let now = lane_now(core).and_then(|id| lane_of(id.number()));
    let told = now.map_or("nothing of this run".into(), |lane| foreign::line(&lane.name));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("core {}: {told}", core.core)));
    let pointer = response.hover_pos().filter(|pointer| scale.holds(pointer.x));
    let piece = pointer.and_then(|pointer| brush.grid.at(&core.states, scale.at(pointer.x).nanos()));
    let is_clicked = response.clicked();
    let mut found = None;
    let text = piece.map(|piece| {
        let on = on_core(&piece).and_then(|id| lane_of(id.number()));
        found = on.map(|lane| lane.id);
        explain(core, &piece, |number| lane_of(number).map(|lane| &**lane))
    });
    if let Some(text) = text {
        widgets::hint_at_pointer(response, &text);
    }
    found.filter(|_| is_clicked)
}

/// The lane that is on a core by the newest word of the kernel.
fn lane_now(core: &CoreLane) -> Option<LaneId> {
    let last = core.states.last()?;
    CoreLane::lane(last.state, last.detail)
}

fn on_core(piece: &Piece) -> Option<LaneId> {
    match piece.what {
        What::State(span) => CoreLane::lane(span.state, span.detail),
        What::Shares { .. } => None,
    }
}

fn explain<'r>(core: &CoreLane, piece: &Piece, lane_of: impl Fn(u32) -> Option<&'r Lane>) -> String {
    let named = |number: u32| lane_of(number).map_or("nothing of this run".into(), |lane| foreign::line(&lane.name));
    match piece.what {
        What::State(span) if span.state == LaneState::Unknown => format!("core {}: not known, records are missing", core.core),
        What::State(span) => {
            let name = on_core(piece).map_or("nothing of this run".into(), |lane| named(lane.number()));
            let until = span.until.unwrap_or(Monotonic::from_nanos(piece.to)).max(span.from);
            let length = length(until.nanos() - span.from.nanos());
            format!("core {}: {name}\n{:.6} s to {:.6} s\n{length}", core.core, span.from.secs(), until.secs())
        }
        What::Shares { times, changes, .. } => {
            let part = times.of(LaneState::OnCore) as f64 * 100.0 / (piece.to - piece.from).max(1) as f64;
            let mut text = format!("core {}: {part:.0} % this run's, {changes} changes", core.core);
            let lanes = lanes_on(&core.states, piece, NAMED_OF);
            for (lane, time) in lanes.iter().take(NAMED) {
                let percent = *time as f64 * 100.0 / lanes.iter().map(|(_, time)| time).sum::<u64>().max(1) as f64 * part / 100.0;
                let _ = write!(text, "\n{} {percent:.0} %", named(*lane));
            }
            if lanes.len() > NAMED {
                let _ = write!(text, "\nand {} more", lanes.len() - NAMED);
            }
            text
        }
    }
}
