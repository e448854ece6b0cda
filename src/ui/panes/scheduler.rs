//! The line over the lanes that says why they do not show each switch, and what would change that. UI thread; it changes nothing itself.

use egui::text::LayoutJob;
use egui::{Align, FontId, Label, Layout, Ui};

use crate::ui::look::foreign;
use crate::ui::look::theme::palette;
use crate::ui::look::widgets;

/// Whether the line was read: then it does not come again in this session.
#[derive(Debug, Default)]
pub struct SchedulerNote {
    is_dismissed: bool,
}

/// What stands before the remedy in the engine's sentence.
const REMEDY: &str = "; what would change it: ";
/// What stands before the cause.
const CAUSE: &str = "gives no switch records: ";
/// What it says where the lanes show shares.
const SHARES: &str = "schedstat gives shares";
/// Room for the buttons.
const BUTTONS: f32 = 100.0;

impl SchedulerNote {
    /// Draws the line while there is a reason, and nobody has taken it away.
    pub fn ui(&mut self, ui: &mut Ui, why_not: Option<&str>) {
        let Some(why_not) = why_not.filter(|_| !self.is_dismissed) else { return };
        let (why, remedy) = why_not.split_once(REMEDY).unwrap_or((why_not, ""));
        let mut letters = why.chars();
        let reason: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let drawn = if why.contains(SHARES) { "shares of time" } else { "what programs say" };
        let cause = foreign::line(short_cause(why));
        let change = if remedy.is_empty() { String::new() } else { format!(" To see each switch: {}.", foreign::line(remedy)) };
        let text = format!("ℹ No switch records, only {drawn}: {cause}.{change}");
        let mut job = LayoutJob::simple(text, FontId::proportional(11.0), palette(ui).weak, ui.available_width() - BUTTONS);
        job.wrap.max_rows = 3;
        let height = ui.painter().layout_job(job.clone()).size().y + 2.0;
        let row = widgets::hit_size(ui, ui.available_width(), height.max(20.0));
        ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
            let close = widgets::head_button(ui, "✖").on_hover_text("Takes this line away until Task Lab is started again.");
            self.is_dismissed = close.accessible_name("Dismiss the note on switch records").clicked();
            if !remedy.is_empty() {
                let copy = widgets::head_button(ui, "Copy").on_hover_text(format!("Copies what would change it:\n{remedy}"));
                if copy.accessible_name("Copy what would change it").clicked() {
                    ui.copy_text(remedy.to_owned());
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                widgets::hint(ui.add(Label::new(job).wrap()), &format!("{reason}."));
            });
        });
    }
}

/// The cause without its consequence and the words of the system; the hover has these.
fn short_cause(why: &str) -> &str {
    let cause = why.split_once(CAUSE).map_or(why, |(_, cause)| cause);
    let ends = ["; ", " (", ", which "];
    ends.iter().fold(cause, |cause, end| cause.split_once(end).map_or(cause, |(short, _)| short))
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::testing;

    const WHY: &str = "the kernel gives no switch records: kernel.perf_event_paranoid is 3, which keeps them from ordinary users (Permission \
                       denied (os error 13)); schedstat gives shares of time instead; what would change it: sudo sysctl \
                       kernel.perf_event_paranoid=2";

    #[test]
    fn the_line_says_why_and_its_remedy_is_copied_and_it_does_not_come_again() {
        let state = (SchedulerNote::default(), Some(WHY));
        let mut harness = testing::view(560.0, 60.0, state, |ui, (note, why)| note.ui(ui, *why));
        let note = harness.get_by_label_contains(
            "No switch records, only shares of time: kernel.perf_event_paranoid is 3. To see each switch: sudo sysctl \
             kernel.perf_event_paranoid=2.",
        );
        assert!(note.rect().right() < 560.0 && note.rect().height() > 20.0, "wrapped: {:?}", note.rect());
        harness.get_by_label("Copy what would change it").click();
        assert_eq!(testing::copied(&mut harness).as_deref(), Some("sudo sysctl kernel.perf_event_paranoid=2"));
        harness.get_by_label("Dismiss the note on switch records").click();
        harness.run();
        assert!(harness.query_by_label_contains("switch records").is_none());
        harness.state_mut().1 = Some("it is refused again");
        harness.run();
        assert!(harness.query_by_label_contains("refused again").is_none());
    }

    #[test]
    fn the_cause_is_short_and_the_line_fits_a_narrow_window() {
        let state = (SchedulerNote::default(), Some(WHY));
        let mut harness = testing::view(800.0, 60.0, state, |ui, (note, why)| note.ui(ui, *why));
        harness.run();
        let note = harness.get_by_label_contains("kernel.perf_event_paranoid is 3. To see").rect();
        assert!(note.height() <= 20.0 && note.right() < 800.0, "in one row: {note:?}");
        for (why, cause) in [
            (
                "the kernel gives no switch records: something forbids perf_event_open: a container's filter, or a security module \
                 (Permission denied (os error 13)); schedstat gives shares of time instead",
                "something forbids perf_event_open: a container's filter, or a security module",
            ),
            ("the kernel gives no switch records: this kernel does not know them (x); y", "this kernel does not know them"),
            ("the kernel's switch records cannot be read: no thread", "the kernel's switch records cannot be read: no thread"),
        ] {
            assert_eq!(short_cause(why), cause);
        }
    }

    #[test]
    fn where_all_is_well_there_is_no_line() {
        let harness = testing::view(900.0, 60.0, SchedulerNote::default(), |ui, note| note.ui(ui, None));
        assert!(harness.query_by_label_contains("Dismiss").is_none());
    }
}
