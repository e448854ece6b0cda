//! What the children wrote: standard output and standard error apart, with what was kept and dropped. UI thread.

use std::sync::Arc;

use egui::{RichText, Ui};

use super::theme::{self, palette};
use super::widgets;
use crate::model::{OutputView, Pid, RunView, Stream};

/// The stream that is looked at, cut into lines.
#[derive(Debug, Default)]
pub struct Output {
    chosen: Option<(Pid, Stream)>,
    cut: Option<Arc<str>>,
    /// Where each line of `cut` begins and ends.
    lines: Vec<(u32, u32)>,
}

const ROW: f32 = 16.0;
/// Streams that get a button each; the rest are reached by selecting their process.
const BUTTONS: usize = 12;

impl Output {
    /// Draws the streams' buttons and the text of one of them.
    pub fn ui(&mut self, ui: &mut Ui, run: &RunView, selected: Option<Pid>) {
        if run.outputs.is_empty() {
            widgets::nothing_yet(ui, "Nothing was written yet.");
            return;
        }
        // What was chosen, else what the selected process wrote, else what anybody wrote.
        let wrote = |output: &&OutputView| !output.tail.is_empty();
        let of_selected = |output: &&OutputView| selected == Some(output.pid);
        let outputs = || run.outputs.iter();
        let chosen = outputs().find(|output| self.chosen == Some((output.pid, output.stream)));
        let first = || outputs().filter(of_selected).find(wrote).or_else(|| outputs().find(wrote)).or(run.outputs.first());
        let Some(output) = chosen.or_else(first) else { return };
        ui.horizontal_wrapped(|ui| {
            for other in outputs().filter(of_selected).chain(outputs().filter(|output| !of_selected(output))).take(BUTTONS) {
                let text = format!("{} {} {}", other.name, other.pid, other.stream);
                let color = if wrote(&other) { ink(ui, other.stream) } else { palette(ui).weak };
                let is_shown = std::ptr::eq(other, output);
                if ui.selectable_label(is_shown, RichText::new(text).size(11.0).color(color)).clicked() {
                    self.chosen = Some((other.pid, other.stream));
                }
            }
        });
        ui.horizontal(|ui| {
            let color = ink(ui, output.stream);
            ui.label(theme::bold(output.stream.word()).size(11.0).color(color));
            ui.label(RichText::new(counts(output)).size(11.0).color(palette(ui).weak));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button("Copy").on_hover_text("Copies the text that is kept here.").clicked() {
                    ui.copy_text(output.tail.to_string());
                }
            });
        });
        self.cut(&output.tail);
        let color = if output.stream == Stream::Stderr { ink(ui, Stream::Stderr) } else { palette(ui).text };
        widgets::visible_rows(ui, "output", ROW, self.lines.len(), true, |ui, index| {
            let (from, to) = self.lines[index];
            let line = &output.tail[from as usize..to as usize];
            ui.add(egui::Label::new(RichText::new(line).monospace().size(11.5).color(color)).truncate());
        });
    }

    /// Finds the lines of a text, once a text.
    fn cut(&mut self, text: &Arc<str>) {
        if self.cut.as_ref().is_some_and(|cut| Arc::ptr_eq(cut, text)) {
            return;
        }
        self.lines.clear();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end_matches('\n');
            self.lines.push((start, start + bare.len() as u32));
            start += line.len() as u32;
        }
        self.cut = Some(Arc::clone(text));
    }
}

fn ink(ui: &Ui, stream: Stream) -> egui::Color32 {
    match stream {
        Stream::Stdout => palette(ui).blue.ink,
        Stream::Stderr => palette(ui).vermilion.ink,
    }
}

fn counts(output: &OutputView) -> String {
    let end = if output.is_closed { "closed" } else { "open" };
    if output.dropped == 0 {
        format!("{} bytes, all kept · {end}", output.kept)
    } else {
        format!("{} bytes: {} kept, {} dropped · {end}", output.kept + output.dropped, output.kept, output.dropped)
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
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
}
