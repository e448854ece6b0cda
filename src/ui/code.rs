//! The code of the shown scenario: the Rust body or its Python twin, as it is compiled in. UI thread; reads no file.

use egui::text::{LayoutJob, LayoutSection};
use egui::{RichText, ScrollArea, Ui};
use egui_extras::syntax_highlighting::{CodeTheme, highlight};

use super::theme::palette;
use super::widgets;
use crate::model::Language;
use crate::scenario::Scenario;

/// The lines of the code that was shown last, coloured.
#[derive(Debug, Default)]
pub struct Code {
    shown: Option<(&'static str, Language, bool)>,
    lines: Vec<LayoutJob>,
    /// Characters of the longest line.
    widest: usize,
}

const ROW: f32 = 16.0;
const SIZE: f32 = 12.0;

impl Code {
    /// Draws the code of a scenario in the language that is chosen. It opens where the lesson's own work begins.
    pub fn ui(&mut self, ui: &mut Ui, scenario: Option<&'static Scenario>, language: Language) {
        let Some(scenario) = scenario else {
            widgets::nothing_yet(ui, "A program of yours: its code is not here.");
            return;
        };
        let (text, name) = match language {
            Language::Python => (scenario.python, "py"),
            Language::Rust | Language::Program => (scenario.rust, "rs"),
        };
        if text.is_empty() {
            widgets::nothing_yet(ui, "There is no such version of this scenario.");
            return;
        }
        let key = Some((scenario.id, language, ui.visuals().dark_mode));
        let mut area = ScrollArea::both().id_salt(("code", scenario.id, name)).auto_shrink(false);
        if self.shown != key {
            self.cut(ui, text, name);
            area = area.scroll_offset(egui::vec2(0.0, first_line(text) as f32 * ROW));
            self.shown = key;
        }
        let weak = palette(ui).weak;
        let letter = SIZE * 0.603;
        let digits = self.lines.len().to_string().len();
        ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
        ui.spacing_mut().interact_size.y = ROW;
        area.show_rows(ui, ROW, self.lines.len(), |ui, range| {
            ui.set_min_width((self.widest + digits + 2) as f32 * letter);
            for index in range {
                ui.horizontal(|ui| {
                    ui.set_height(ROW);
                    let number = RichText::new(format!("{:>digits$}", index + 1)).monospace().size(SIZE).color(weak);
                    ui.add(egui::Label::new(number).selectable(false).extend());
                    ui.add(egui::Label::new(self.lines[index].clone()).extend());
                });
            }
        });
    }

    /// Colours the text and cuts it into lines, once a text and theme.
    fn cut(&mut self, ui: &Ui, text: &str, name: &str) {
        let theme = if ui.visuals().dark_mode { CodeTheme::dark(SIZE) } else { CodeTheme::light(SIZE) };
        let whole = highlight(ui.ctx(), ui.style(), &theme, text, name);
        self.lines.clear();
        self.widest = 0;
        let mut sections = whole.sections.iter().peekable();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            let bare = line.trim_end_matches('\n');
            let mut job = LayoutJob { text: bare.to_owned(), ..LayoutJob::default() };
            while let Some(section) = sections.peek() {
                let range = section.byte_range.start.0.max(start)..section.byte_range.end.0.min(start + bare.len());
                if range.start < range.end {
                    let byte_range = (range.start - start).into()..(range.end - start).into();
                    job.sections.push(LayoutSection { byte_range, leading_space: 0.0, format: section.format.clone() });
                }
                if section.byte_range.end.0 > end {
                    break;
                }
                sections.next();
            }
            self.widest = self.widest.max(bare.chars().count());
            self.lines.push(job);
            start = end;
        }
    }
}

/// The line where the lesson's own work begins: the body of a Rust scenario, the first function of a Python one.
fn first_line(text: &str) -> usize {
    let starts = |word: &str| text.lines().position(|line| line.starts_with(word));
    starts("fn run(").or_else(|| starts("def ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::testing;

    fn show(scenario: Option<&'static Scenario>, language: Language) -> egui_kittest::Harness<'static, Code> {
        testing::view(400.0, 200.0, Code::default(), move |ui, code| code.ui(ui, scenario, language))
    }

    #[test]
    fn the_code_follows_the_language_and_a_program_has_none() {
        show(Some(&testing::POOL), Language::Python).get_by_label("def work():");
        show(Some(&testing::POOL), Language::Rust).get_by_label_contains("println!");
        show(None, Language::Program).get_by_label_contains("program of yours");
    }

    #[test]
    fn every_line_keeps_its_letters_and_is_coloured_throughout() {
        let harness = show(Some(&testing::POOL), Language::Rust);
        let lines = &harness.state().lines;
        assert_eq!(lines.iter().map(|job| job.text.as_str()).collect::<Vec<_>>(), testing::POOL.rust.lines().collect::<Vec<_>>());
        for job in lines {
            let covered: usize = job.sections.iter().map(|section| section.byte_range.end.0 - section.byte_range.start.0).sum();
            assert_eq!(covered, job.text.len(), "{:?}", job.text);
        }
    }

    #[test]
    fn it_opens_where_the_work_begins() {
        assert_eq!(first_line("//! x\nuse y;\n\nfn run(stage: &Stage) {\n"), 3);
        assert_eq!(first_line("import os\ndef work():\n"), 1);
        assert_eq!(first_line("x = 1\n"), 0);
    }
}
