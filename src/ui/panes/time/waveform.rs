//! The levels of a run's GPIO lines, on the timeline's own axis. UI thread; draws visible rows, and at most one span a pixel.

use egui::{Align2, FontId, Painter, Rect, RichText, Role, ScrollArea, Stroke, Ui, pos2, vec2};

use crate::model::{Level, LevelSpan, LineTrace, RunView};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::theme::{Palette, palette};
use crate::ui::look::widgets;
use crate::ui::panes::time::scale::Scale;

const ROW: f32 = 18.0;
const HEAD: f32 = 20.0;
/// The lanes keep at least this part of the height.
const LANES: f32 = 0.62;

/// How much room the lines of a run take, of so much: none where not even one of them would fit, and one where the lanes, which take
/// so much at the least, need the rest.
pub fn height(run: &RunView, available: f32, lanes: f32) -> f32 {
    let (least, most) = (HEAD + ROW, available * (1.0 - LANES));
    match run.lines.len() {
        0 => 0.0,
        _ if most < least => 0.0,
        count => (HEAD + ROW * count as f32).min(most).min((available - lanes).max(least)),
    }
}

/// Draws a row for each line, and the button that saves them all.
pub fn ui(ui: &mut Ui, area: Rect, scale: Scale, run: &RunView, actions: &mut Actions) {
    let colors = palette(ui);
    ui.painter().hline(area.x_range(), area.top() + 1.0, Stroke::new(1.0, colors.line));
    let (head, rows) = area.split_top_bottom_at_y(area.top() + HEAD);
    let names = Rect::from_min_max(head.min, pos2(scale.left - 8.0, head.bottom()));
    widgets::paint_text(ui, names, Align2::RIGHT_CENTER, "Pins", FontId::proportional(10.5), colors.weak);
    let button = Rect::from_min_max(pos2(scale.left, head.top() + 3.0), pos2(scale.left + 84.0, head.bottom()));
    let save = egui::Button::new(RichText::new("Save edges").size(10.5)).small();
    let help = "Writes each change of the pins into Task Lab's folder among your documents: a value change dump (VCD) for waveform \
                viewers, and a table (CSV).";
    if ui.put(button, save).on_hover_text(help).clicked() {
        actions.push(UiAction::SaveEdges(run.id));
    }
    let now = run.elapsed.secs();
    ui.scope_builder(egui::UiBuilder::new().max_rect(rows), |ui| {
        ScrollArea::vertical()
            .scroll_source(widgets::scroll_source(ui))
            .id_salt("pins")
            .min_scrolled_height(0.0)
            .auto_shrink(false)
            .show_rows(ui, ROW - ui.spacing().item_spacing.y, run.lines.len(), |ui, visible| {
                for trace in &run.lines[visible] {
                    // Not the whole width: a scroll bar takes its part.
                    let size = vec2(ui.available_width(), ROW - ui.spacing().item_spacing.y);
                    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
                    row(ui, rect, scale, trace, now);
                }
            });
    });
}

fn row(ui: &mut Ui, rect: Rect, scale: Scale, trace: &LineTrace, now: f64) {
    let colors = palette(ui);
    let name = Rect::from_min_max(rect.min, pos2(scale.left - 8.0, rect.bottom()));
    widgets::paint_text(ui, name, Align2::RIGHT_CENTER, trace.line.to_string(), FontId::proportional(11.0), colors.text);
    let wave = Rect::from_min_max(pos2(scale.left, rect.top() + 2.0), pos2(scale.right, rect.bottom() - 2.0));
    paint(&ui.painter_at(wave.expand(1.0).intersect(ui.clip_rect())), wave, scale, trace, now, colors);
    let level = trace.past.last().and_then(|span| span.level).unwrap_or(Level::Low);
    let changes = if trace.edges == 1 { "change" } else { "changes" };
    let words = format!("{}: {} {changes}, {level}", trace.line, trace.edges);
    let response = widgets::describe(ui, rect, ("wave", trace.line), Role::Label, &words);
    if let Some(pointer) = response.hover_pos().filter(|pointer| pointer.x >= scale.left) {
        let t = scale.from + f64::from(pointer.x - scale.left) * scale.per_point();
        response.on_hover_text_at_pointer(explain(trace, t, now).unwrap_or(words));
    }
}

fn paint(painter: &Painter, wave: Rect, scale: Scale, trace: &LineTrace, now: f64, colors: &Palette) {
    let stroke = Stroke::new(1.25, colors.blue.strong);
    let mut before = None;
    for (from, until, level) in spans(&trace.past, scale, now) {
        let (left, right) = (scale.x(from).max(wave.left()), scale.x(until).min(wave.right()));
        let at = Rect::from_x_y_ranges(left..=right, wave.y_range());
        match level {
            Some(Level::High) => {
                painter.rect_filled(at, 0.0, colors.blue.surface);
                painter.hline(left..=right, wave.top(), stroke);
            }
            Some(Level::Low) => {
                painter.hline(left..=right, wave.bottom(), stroke);
            }
            None => {
                painter.rect_filled(at.expand2(vec2(0.5, 0.0)), 0.0, colors.blue.strong);
            }
        }
        if before.is_some_and(|before| before != level) {
            painter.vline(left, wave.y_range(), stroke);
        }
        before = Some(level);
    }
}

/// The spans between the ends of the axis: from, until, and the level; `None` where a pixel has seen both.
fn spans(past: &[LevelSpan], scale: Scale, now: f64) -> impl Iterator<Item = (f64, f64, Option<Level>)> {
    let at = |t: f64| past.partition_point(|span| span.from.secs() <= t).saturating_sub(1);
    let end = scale.to.min(now);
    let mut t = scale.from;
    std::iter::from_fn(move || {
        let index = at(t);
        let span = past.get(index).filter(|_| t < end)?;
        let from = t;
        let until = past.get(index + 1).map_or(end, |next| next.from.secs());
        if until >= end || until - from >= scale.per_point() {
            t = until.min(end);
            Some((from, t, span.level))
        } else {
            t = from + scale.per_point();
            Some((from, t, None))
        }
    })
}

/// The level at a time, with its exact times.
fn explain(trace: &LineTrace, t: f64, now: f64) -> Option<String> {
    let index = trace.past.partition_point(|span| span.from.secs() <= t).checked_sub(1)?;
    let from = trace.past[index].from.secs();
    let until = trace.past.get(index + 1).map_or(now, |next| next.from.secs());
    let level = trace.past[index].level.map_or_else(|| "high and low in turn".to_owned(), |level| level.to_string());
    (t <= now).then(|| format!("{} {level}\n{from:.6} s to {until:.6} s\n{:.3} ms", trace.line, (until - from) * 1000.0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::model::{Line, Monotonic};
    use crate::ui::panes::time::timeline::Timeline;
    use crate::ui::{sample, testing};

    const SCALE: Scale = Scale { from: 0.0, to: 10.0, left: 0.0, right: 100.0 };

    fn past(edges: &[(f64, Option<Level>)]) -> Arc<[LevelSpan]> {
        edges.iter().map(|(from, level)| LevelSpan { from: Monotonic::from_secs(*from), level: *level }).collect()
    }

    fn rounded(past: &[LevelSpan], scale: Scale, now: f64) -> Vec<(i64, i64, Option<Level>)> {
        let tenths = |t: f64| (t * 10.0).round() as i64;
        spans(past, scale, now).map(|(from, until, level)| (tenths(from), tenths(until), level)).collect()
    }

    #[test]
    fn levels_that_last_are_drawn_as_they_were() {
        let past = past(&[(0.0, Some(Level::Low)), (2.0, Some(Level::High)), (5.0, Some(Level::Low))]);
        assert_eq!(
            rounded(&past, SCALE, 8.0),
            [(0, 20, Some(Level::Low)), (20, 50, Some(Level::High)), (50, 80, Some(Level::Low))]
        );
        let part = Scale { from: 3.0, to: 4.0, ..SCALE };
        assert_eq!(rounded(&past, part, 8.0), [(30, 40, Some(Level::High))]);
        assert!(rounded(&past, Scale { from: 9.0, to: 10.0, ..SCALE }, 8.0).is_empty(), "nothing is known of the time to come");
        assert!(rounded(&[], SCALE, 8.0).is_empty());
    }

    #[test]
    fn a_pulse_is_seen_however_short_and_a_million_are_drawn_once_a_pixel() {
        let short = past(&[(0.0, Some(Level::Low)), (5.0, Some(Level::High)), (5.000_1, Some(Level::Low))]);
        let drawn = rounded(&short, SCALE, 10.0);
        assert_eq!(drawn, [(0, 50, Some(Level::Low)), (50, 51, None), (51, 100, Some(Level::Low))]);
        let many: Vec<_> = (0..100_000).map(|i| (f64::from(i) * 1e-4, Some(Level::high_if(i % 2 == 1)))).collect();
        let drawn = rounded(&past(&many), SCALE, 10.0);
        assert!((90..=110).contains(&drawn.len()), "{}", drawn.len());
        assert!(drawn.iter().take(90).all(|(.., level)| level.is_none()));
    }

    #[test]
    fn the_lines_stand_below_the_lanes_and_their_edges_are_saved_by_a_button() {
        let mut run = (*sample::deadlock().runs[0]).clone();
        run.lines = vec![
            LineTrace {
                line: Line::gpio(17),
                edges: 3,
                past: past(&[
                    (0.0, Some(Level::Low)),
                    (0.5, Some(Level::High)),
                    (1.0, Some(Level::Low)),
                    (1.5, Some(Level::High)),
                ]),
            },
            LineTrace { line: Line::gpio(26), edges: 1, past: past(&[(0.0, Some(Level::High)), (0.7, Some(Level::Low))]) },
        ];
        let state = (Timeline::default(), Actions::default());
        let mut harness =
            testing::view(800.0, 300.0, state, move |ui, (timeline, actions)| timeline.ui(ui, &run, None, false, actions));
        let lane = harness.get_by_label_contains("lane main").rect();
        let wave = harness.get_by_label("GPIO17: 3 changes, high").rect();
        assert!(wave.top() > lane.bottom());
        harness.get_by_label("GPIO26: 1 change, low");
        harness.get_by_label("Save edges").click();
        harness.run();
        assert!(matches!(harness.state_mut().1.take()[..], [UiAction::SaveEdges(run)] if run.number() == 1));
    }

    #[test]
    fn many_lanes_leave_the_lines_one_row_and_few_lanes_some_more() {
        let mut run = sample::run(1, "x");
        run.lines =
            (2..10).map(|line| LineTrace { line: Line::gpio(line), edges: 1, past: past(&[(0.0, Some(Level::High))]) }).collect();
        let rows = |available: f32, lanes: f32| (height(&run, available, lanes) - HEAD) / ROW;
        assert!((rows(200.0, 400.0) - 1.0).abs() < 0.01);
        assert!(rows(200.0, 45.0) > 3.0);
        assert!(height(&run, 80.0, 45.0) < 0.01, "no room for one of them");
        run.lines.clear();
        assert!(height(&run, 200.0, 45.0) < 0.01);
    }

    #[test]
    fn the_level_under_the_pointer_is_told_with_its_times() {
        let trace =
            LineTrace { line: Line::gpio(17), edges: 1, past: past(&[(0.0, Some(Level::Low)), (2.0, Some(Level::High))]) };
        let text = explain(&trace, 2.5, 3.0).expect("known");
        assert!(text.contains("GPIO17 high\n2.000000 s to 3.000000 s\n1000.000 ms"), "{text}");
        assert_eq!(explain(&trace, 3.5, 3.0), None);
    }
}
