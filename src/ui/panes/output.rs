//! The output of the children: standard output and standard error apart, with the bytes that were kept and dropped. UI thread.

use std::sync::Arc;

use egui::{FontId, Label, RichText, Role, Ui, WidgetInfo};

use crate::model::{OutputView, Pid, RunView, Stream};
use crate::ui::look::theme::{self, palette};
use crate::ui::look::{foreign, states, widgets};

/// The stream that is looked at, cut into rows.
#[derive(Debug, Default)]
pub struct Output {
    chosen: Option<(Pid, Stream)>,
    /// The text that was cut, and the width that it was cut for.
    cut: Option<(Arc<str>, f32)>,
    /// The beginning and the end of each row in the text: a line, or as much of it as the pane is wide, as on a terminal.
    rows: Vec<(u32, u32)>,
}

const ROW: f32 = 16.0;
const SIZE: f32 = 11.5;
/// Streams that get a button each; the rest are reached by selecting their process.
const BUTTONS: usize = 12;

impl Output {
    /// Draws the streams' buttons and the text of one of them.
    pub fn ui(&mut self, ui: &mut Ui, run: &RunView, selected: Option<Pid>) {
        if run.outputs.is_empty() {
            widgets::nothing_yet(ui, "Nothing was written yet.");
            return;
        }
        // The chosen stream, else one of the selected process, else any.
        let wrote = |output: &&OutputView| !output.tail.is_empty();
        let of_selected = |output: &&OutputView| selected == Some(output.pid);
        let outputs = || run.outputs.iter();
        let chosen = outputs().find(|output| self.chosen == Some((output.pid, output.stream)));
        let first = || outputs().filter(of_selected).find(wrote).or_else(|| outputs().find(wrote)).or(run.outputs.first());
        let Some(output) = chosen.or_else(first) else { return };
        ui.horizontal_wrapped(|ui| {
            for other in outputs().filter(of_selected).chain(outputs().filter(|output| !of_selected(output))).take(BUTTONS) {
                let text = format!("{} {} {}", foreign::word(&other.name), other.pid, other.stream);
                let color = if wrote(&other) { ink(ui, other.stream) } else { palette(ui).weak };
                let is_shown = std::ptr::eq(other, output);
                if ui.selectable_label(is_shown, RichText::new(text).size(11.0).color(color)).clicked() {
                    self.chosen = Some((other.pid, other.stream));
                }
            }
        });
        ui.horizontal(|ui| {
            // From the right, so that however much was written the button has its place.
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button("Copy").on_hover_text("Copies the text that can be read here.").clicked() {
                    ui.copy_text(output.tail.to_string());
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.label(theme::bold(output.stream.word()).size(11.0).color(ink(ui, output.stream)));
                    let text = RichText::new(counts(output)).size(11.0).color(palette(ui).weak);
                    let label = ui.add(Label::new(text).truncate()).on_hover_text(exact_counts(output));
                    label.widget_info(|| WidgetInfo::labeled(Role::Label, true, exact_counts(output)));
                });
            });
        });
        let color = if output.stream == Stream::Stderr { ink(ui, Stream::Stderr) } else { palette(ui).text };
        self.cut(ui, &output.tail);
        widgets::visible_rows(ui, "output", ROW, self.rows.len(), true, |ui, index| {
            let (from, to) = self.rows[index];
            let row = &output.tail[from as usize..to as usize];
            ui.add(Label::new(RichText::new(row).monospace().size(SIZE).color(color)).extend());
        });
    }

    /// Cuts a text into rows that the pane has room for, once a text and width. The end of a line is what matters of many: it must
    /// not be beyond the right side.
    fn cut(&mut self, ui: &Ui, text: &Arc<str>) {
        let width = (ui.available_width() - ui.spacing().scroll.allocated_width()).floor();
        if self.cut.as_ref().is_some_and(|(cut, at)| Arc::ptr_eq(cut, text) && (at - width).abs() < 0.5) {
            return;
        }
        self.rows.clear();
        let font = FontId::monospace(SIZE);
        ui.ctx().fonts_mut(|fonts| {
            // Most letters are as wide as any other; those of another font are not.
            let usual = fonts.glyph_width(&font, 'm');
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                let bare = line.trim_end_matches('\n');
                let (mut row, mut used) = (start, 0.0);
                for (at, letter) in bare.char_indices() {
                    let wide = if letter.is_ascii() { usual } else { fonts.glyph_width(&font, letter) };
                    if used + wide > width && used > 0.0 {
                        self.rows.push((row as u32, (start + at) as u32));
                        (row, used) = (start + at, 0.0);
                    }
                    used += wide;
                }
                self.rows.push((row as u32, (start + bare.len()) as u32));
                start += line.len();
            }
        });
        self.cut = Some((Arc::clone(text), width));
    }
}

fn ink(ui: &Ui, stream: Stream) -> egui::Color32 {
    match stream {
        Stream::Stdout => palette(ui).blue.ink,
        Stream::Stderr => palette(ui).vermilion.ink,
    }
}

/// How much was written, in a few words.
fn counts(output: &OutputView) -> String {
    if output.dropped == 0 {
        return exact_counts(output);
    }
    let (all, kept) = (states::short_bytes(output.kept + output.dropped), states::short_bytes(output.kept));
    format!("{all}B, {kept}B of them kept · {}", end(output))
}

fn exact_counts(output: &OutputView) -> String {
    if output.dropped == 0 {
        format!("{} bytes, all kept · {}", output.kept, end(output))
    } else {
        format!("{} bytes: {} kept, {} dropped · {}", output.kept + output.dropped, output.kept, output.dropped, end(output))
    }
}

const fn end(output: &OutputView) -> &'static str {
    if output.is_closed { "closed" } else { "open" }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::engine::RunFold;
    use crate::model::{Event, EventKind, Monotonic, RunId};
    use crate::ui::{sample, testing};

    fn show(run: RunView) -> Harness<'static, Output> {
        testing::view(420.0, 220.0, Output::default(), move |ui, output| output.ui(ui, &run, None))
    }

    #[test]
    fn the_two_streams_are_apart() {
        let mut harness = show((*sample::deadlock().runs[0]).clone());
        harness.get_by_label("worker-1 has lock A");
        assert!(harness.query_by_label_contains("warning").is_none());
        harness.get_by_label("worker 4711 stderr").click();
        harness.run();
        harness.get_by_label("warning: a lock is held for long");
        assert!(harness.query_by_label_contains("has lock").is_none());
    }

    #[test]
    fn kept_and_dropped_are_said() {
        let mut run = (*sample::deadlock().runs[0]).clone();
        run.outputs[0].dropped = 1_048_576;
        show(run).get_by_label_contains("1048576 dropped");
        show(sample::run(1, "x")).get_by_label("Nothing was written yet.");
    }

    #[test]
    fn of_two_thousand_lines_the_last_ones_are_drawn() {
        let mut harness = show((*sample::snapshot(2000).runs[0]).clone());
        harness.run();
        harness.get_by_label("line 1999 of what the worker wrote");
        assert!(harness.query_all_by_label_contains("of what the worker wrote").count() < 30);
    }

    /// A run whose process wrote this, and is called so.
    fn wrote(name: &str, text: &str) -> RunView {
        let mut run = (*sample::deadlock().runs[0]).clone();
        run.outputs.truncate(1);
        (run.outputs[0].tail, run.outputs[0].name) = (text.into(), name.to_owned());
        run
    }

    #[test]
    fn the_end_of_a_long_line_is_in_sight() {
        let line = (0..500).map(|number| format!("{number:04}")).collect::<Vec<_>>().join(" ");
        let mut harness = show(wrote("counter", &format!("short\n{line} the end")));
        harness.run();
        let end = harness.get_by_label_contains("the end").rect();
        assert!(end.right() <= 420.0 && end.bottom() <= 220.0, "{end:?}");
        let rows: Vec<_> = harness.query_all_by_label_contains("04").map(|row| row.rect()).collect();
        assert!(rows.len() > 3 && rows.iter().all(|row| row.right() <= 420.0), "{rows:?}");
    }

    #[test]
    fn a_row_is_as_long_as_the_pane_is_wide_whatever_its_letters() {
        for text in ["x".repeat(5_000), "🌙".repeat(2_000), "ü→".repeat(2_000), String::new()] {
            let mut harness = show(wrote("letters", &text));
            harness.run();
            let rows = &harness.state().rows;
            assert_eq!(rows.iter().map(|(from, to)| &text[*from as usize..*to as usize]).collect::<String>(), text);
            assert!(text.is_empty() || rows.len() > 10);
            let labels = harness.get_all_by_role(egui::accesskit::Role::Label).map(|label| label.rect().right());
            assert!(labels.into_iter().all(|right| right <= 420.0));
        }
    }

    /// The harness fails where the window's own fonts have no sign for a letter.
    #[test]
    fn every_control_character_is_seen_in_the_fonts_that_are_always_there() {
        let mut fold = RunFold::new(RunId::new(1), "controls", "", 1_000);
        let bytes: Vec<u8> = (0..=255)
            .filter(|byte| !b"\n\r\t\x08".contains(byte))
            .chain("\u{85}\u{200b}\u{202e}\u{feff}\u{fffd}".bytes())
            .collect();
        let kind = EventKind::Output { pid: Pid::new(7), stream: Stream::Stdout, bytes };
        fold.apply(&Event { t: Monotonic::ZERO, kind });
        let run = (*fold.view(Monotonic::ZERO, None)).clone();
        let mut harness = testing::view(4_000.0, 220.0, Output::default(), move |ui, output| output.ui(ui, &run, None));
        harness.run();
        for name in ["^@", "^G", "^[", "^_ !", "^?<80>", "<FF>", "<U+0085>", "<U+202E>"] {
            harness.get_by_label_contains(name);
        }
    }

    #[test]
    fn copy_is_in_reach_however_much_was_written() {
        let mut run = wrote(&"yes ".repeat(100_000), &"y\n".repeat(32 * 1024));
        (run.outputs[0].kept, run.outputs[0].dropped) = (4 << 20, u64::MAX / 2);
        let text = run.outputs[0].tail.to_string();
        let mut harness = testing::view(240.0, 220.0, Output::default(), move |ui, output| output.ui(ui, &run, None));
        harness.run();
        let copy = harness.get_by_label("Copy");
        assert!(copy.rect().right() <= 240.0, "{:?}", copy.rect());
        copy.click();
        assert!(testing::copied(&mut harness).as_deref() == Some(&*text));
    }
}
