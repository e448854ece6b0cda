//! The code of the shown scenario: the Rust body or its Python twin, as it is compiled in. UI thread; reads no file.

use std::fmt::Write as _;

use egui::{RichText, ScrollArea, Ui};
use egui_extras::syntax_highlighting::{CodeTheme, highlight};

use super::theme::palette;
use super::widgets;
use crate::model::Language;
use crate::scenario::Scenario;

/// Draws the code of a scenario in the language that is chosen.
pub fn ui(ui: &mut Ui, scenario: Option<&'static Scenario>, language: Language) {
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
    let weak = palette(ui).weak;
    ScrollArea::both().id_salt(("code", scenario.id, name)).auto_shrink(false).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            let lines = text.lines().count();
            let width = lines.to_string().len();
            let mut numbers = String::with_capacity(lines * (width + 1));
            for line in 1..=lines {
                let _ = writeln!(numbers, "{line:>width$}");
            }
            ui.add(
                egui::Label::new(RichText::new(numbers.trim_end_matches('\n')).monospace().color(weak))
                    .selectable(false)
                    .extend(),
            );
            let theme = if ui.visuals().dark_mode { CodeTheme::dark(12.0) } else { CodeTheme::light(12.0) };
            let job = highlight(ui.ctx(), ui.style(), &theme, text.trim_end_matches('\n'), name);
            ui.add(egui::Label::new(job).selectable(true).extend());
        });
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use crate::model::Language;
    use crate::ui::testing;

    #[test]
    fn the_code_follows_the_language_and_a_program_has_none() {
        let shown = |language| testing::view(400.0, 200.0, (), move |ui, ()| super::ui(ui, Some(&testing::POOL), language));
        shown(Language::Python).get_by_label_contains("import threading");
        shown(Language::Rust).get_by_label_contains("println!");
        testing::view(400.0, 200.0, (), |ui, ()| super::ui(ui, None, Language::Program))
            .get_by_label_contains("program of yours");
    }
}
