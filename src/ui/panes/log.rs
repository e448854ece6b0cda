//! The log: sentences with their times. UI thread; draws the visible rows only.

use egui::{Align2, FontId, Rect, Role, Ui, pos2};

use crate::model::{LogEntry, RunId, Severity};
use crate::ui::look::theme::palette;
use crate::ui::look::widgets;

const LIST: &str = "log";
const ROW: f32 = 18.0;

/// Says whose log is drawn next, into the same `ui`.
pub fn begin(ui: &Ui, run: RunId) {
    widgets::begin_list(ui, LIST, run);
}

/// Draws the log, newest last and in sight.
pub fn ui(ui: &mut Ui, log: &[LogEntry]) {
    if log.is_empty() {
        widgets::nothing_yet(ui, "Nothing has happened yet. Press Start.");
        return;
    }
    widgets::visible_rows(ui, LIST, ROW, log.len(), true, |ui, index| row(ui, &log[index], index));
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

    use crate::model::RunId;
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
    fn another_run_is_followed_though_the_last_one_was_scrolled_up() {
        let snapshot = sample::snapshot(200);
        let mut harness = testing::view(800.0, 110.0, RunId::new(1), move |ui, run| {
            super::begin(ui, *run);
            super::ui(ui, &snapshot.runs[0].log);
        });
        let newest = |harness: &egui_kittest::Harness<'_, RunId>| harness.query_by_label_contains("worker-199 got").is_some();
        harness.run();
        assert!(newest(&harness));
        harness.hover_at(egui::pos2(400.0, 50.0));
        harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, 900.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: egui::Modifiers::NONE,
        });
        harness.run_steps(20);
        assert!(!newest(&harness), "it is scrolled up, and stays so");
        *harness.state_mut() = RunId::new(2);
        harness.run_steps(3);
        assert!(newest(&harness));
    }

    #[test]
    fn an_empty_log_says_so() {
        testing::view(800.0, 110.0, (), |ui, ()| super::ui(ui, &[])).get_by_label_contains("Nothing has happened yet");
    }
}
