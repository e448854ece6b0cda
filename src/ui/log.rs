//! What happened, in sentences with their times. UI thread; draws the visible rows only.

use egui::{Align2, FontId, Rect, Role, Ui, pos2};

use super::theme::palette;
use super::widgets;
use crate::model::{LogEntry, Severity};

const ROW: f32 = 18.0;

/// Draws the log, newest last and in sight.
pub fn ui(ui: &mut Ui, log: &[LogEntry]) {
    if log.is_empty() {
        widgets::nothing_yet(ui, "Nothing has happened yet. Press Start.");
        return;
    }
    widgets::visible_rows(ui, "log", ROW, log.len(), true, |ui, index| row(ui, &log[index], index));
}

fn row(ui: &mut Ui, entry: &LogEntry, index: usize) {
    let colors = palette(ui);
    let (sign, ink) = match entry.severity {
        Severity::Info => ("", colors.text),
        Severity::User => ("▶", colors.blue.ink),
        Severity::Good => ("✔", colors.green.ink),
        Severity::Bad => ("⚠", colors.orange.ink),
    };
    let rect = ui.max_rect();
    let column = |from: f32, to: f32| Rect::from_min_max(pos2(rect.left() + from, rect.top()), pos2(to, rect.bottom()));
    let time = format!("{:.3}", entry.t.secs());
    widgets::paint_text(
        ui,
        column(0.0, rect.left() + 52.0),
        Align2::LEFT_CENTER,
        time.as_str(),
        FontId::monospace(11.0),
        colors.blue.ink,
    );
    widgets::paint_text(ui, column(56.0, rect.left() + 74.0), Align2::LEFT_CENTER, sign, FontId::proportional(11.0), ink);
    let is_cut =
        widgets::paint_text(ui, column(74.0, rect.right()), Align2::LEFT_CENTER, &*entry.text, FontId::proportional(12.0), ink);
    let response = widgets::describe(ui, rect, ("log", index), Role::Label, &entry.text);
    if is_cut {
        widgets::hint(response, &entry.text);
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use crate::ui::{sample, testing};

    #[test]
    fn the_newest_sentence_is_in_sight_and_not_all_are_drawn() {
        let snapshot = sample::snapshot(2000);
        let mut harness = testing::view(800.0, 110.0, (), move |ui, ()| super::ui(ui, &snapshot.runs[0].log));
        harness.run();
        harness.get_by_label("worker-1999 got the lock that worker-2000 released.");
        assert!(harness.query_all_by_label_contains("got the lock").count() < 20);
    }

    #[test]
    fn an_empty_log_says_so() {
        testing::view(800.0, 110.0, (), |ui, ()| super::ui(ui, &[])).get_by_label_contains("Nothing has happened yet");
    }
}
