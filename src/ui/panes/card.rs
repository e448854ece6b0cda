//! The selected scenario's card: text and parameters. UI thread; holds what a person set.

use std::collections::{BTreeMap, HashMap};

use egui::text::LayoutJob;
use egui::{CollapsingHeader, ComboBox, FontFamily, FontId, RichText, Slider, TextEdit, TextFormat, Ui};
use pulldown_cmark::{Event as Markdown, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::engine::{LaunchRequest, What};
use crate::model::{Language, StopPlan};
use crate::scenario::{ParamKind, ParamSpec, Scenario, concept};
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;

/// The values that a person set, by scenario.
#[derive(Debug, Default)]
pub struct Card {
    params: HashMap<&'static str, BTreeMap<String, Value>>,
}

impl Card {
    /// A request to run a scenario with what was set.
    pub fn launch(&self, scenario: &Scenario, language: Language) -> LaunchRequest {
        LaunchRequest {
            what: What::Scenario { id: scenario.id.to_owned(), language, params: self.params(scenario) },
            script: Vec::new(),
            timeout: None,
            stop: StopPlan::default(),
        }
    }

    /// Draws the card.
    pub fn ui(&mut self, ui: &mut Ui, scenario: &'static Scenario) {
        ui.label(theme::bold(scenario.title).size(14.0));
        CollapsingHeader::new(theme::caption(ui, "What to look for"))
            .id_salt((scenario.id, "text"))
            .default_open(true)
            .show_unindented(ui, |ui| {
                markdown(ui, scenario.intro());
            });
        if !scenario.params.is_empty() {
            ui.add_space(4.0);
            ui.label(theme::caption(ui, "Settings"));
            let values = self.params.entry(scenario.id).or_default();
            for spec in scenario.params {
                param_ui(ui, spec, values);
            }
        }
    }

    /// Draws what belongs under the settings: what the scenario shows by name, and what books say.
    pub fn foot_ui(ui: &mut Ui, scenario: &'static Scenario) {
        ui.add_space(4.0);
        CollapsingHeader::new(theme::caption(ui, "Concepts")).id_salt((scenario.id, "concepts")).show_unindented(ui, |ui| {
            for number in scenario.concepts {
                ui.label(RichText::new(format!("{number} · {}", concept(*number))).small());
            }
        });
        if !scenario.notes.is_empty() {
            CollapsingHeader::new(theme::caption(ui, "The book says")).id_salt((scenario.id, "notes")).show_unindented(
                ui,
                |ui| {
                    for note in scenario.notes {
                        markdown(ui, note.book);
                        ui.label(
                            RichText::new("What this machine shows stands under Facts after a run.")
                                .small()
                                .color(palette(ui).weak),
                        );
                    }
                },
            );
        }
        ui.add_space(8.0);
    }

    /// The parameters that were set for a scenario, where they are not the defaults.
    pub fn params(&self, scenario: &Scenario) -> BTreeMap<String, Value> {
        self.params.get(scenario.id).cloned().unwrap_or_default()
    }
}

/// A value as a person writes it: texts without quotes, lists without brackets.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Array(values) => foreign::value(&values.iter().map(plain).collect::<Vec<_>>().join(", ")).into_owned(),
        Value::String(text) => foreign::value(text).into_owned(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            if number.abs() >= 100.0 { format!("{number:.0}") } else { format!("{number:.3}") }
        }
        other => foreign::value(&other.to_string()).into_owned(),
    }
}

fn param_ui(ui: &mut Ui, spec: &ParamSpec, values: &mut BTreeMap<String, Value>) {
    let default = spec.default();
    let mut value = values.get(spec.name).unwrap_or(&default).clone();
    let before = value.clone();
    let about = format!("{}: {}", spec.meaning, spec.range());
    ui.horizontal(|ui| {
        ui.label(theme::bold(spec.name).size(12.0)).on_hover_text(&about);
        if value != default {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let reset = ui.small_button("↺").on_hover_text(format!("Back to {}", plain(&default)));
                if reset.accessible_name(format!("Reset {}", spec.name)).clicked() {
                    value = default.clone();
                }
            });
        }
    });
    let suffix = if spec.unit.is_empty() { String::new() } else { format!(" {}", spec.unit) };
    // The slider leaves room for the longest value beside it.
    let longest = if let ParamKind::Count { max, .. } = spec.kind { max.to_string() } else { "00.000".to_owned() };
    let beside = widgets::button_width(ui, longest + &suffix).max(60.0);
    ui.spacing_mut().slider_width = (ui.available_width() - beside - 4.0).max(60.0);
    match spec.kind {
        ParamKind::Count { min, max, .. } => {
            let mut number = value.as_u64().unwrap_or(min);
            let slider = Slider::new(&mut number, min..=max).suffix(suffix).logarithmic(max / min.max(1) >= 1000);
            if ui.add(slider).accessible_name(spec.name).on_hover_text(&about).changed() {
                value = number.into();
            }
        }
        ParamKind::Seconds { min, max, .. } => {
            let mut number = value.as_f64().unwrap_or(min);
            let slider = Slider::new(&mut number, min..=max).suffix(suffix).logarithmic(max / min.max(1e-3) >= 1000.0);
            if ui.add(slider.max_decimals(3)).accessible_name(spec.name).on_hover_text(&about).changed() {
                value = number.into();
            }
        }
        ParamKind::Flag { .. } => {
            let mut is_set = value.as_bool().unwrap_or_default();
            if ui.checkbox(&mut is_set, "yes").accessible_name(spec.name).on_hover_text(&about).changed() {
                value = is_set.into();
            }
        }
        ParamKind::Choice { choices } => {
            let chosen = value.as_str().unwrap_or_default().to_owned();
            let shown =
                ComboBox::from_id_salt(spec.name).selected_text(&chosen).width(ui.available_width() - 12.0).show_ui(ui, |ui| {
                    for choice in choices {
                        if ui.selectable_label(chosen == *choice, *choice).clicked() {
                            value = (*choice).into();
                        }
                    }
                });
            shown.response.accessible_name(spec.name).on_hover_text(&about);
        }
        ParamKind::Text { max_chars, .. } => {
            let mut text = value.as_str().unwrap_or_default().to_owned();
            let field = ui.add(TextEdit::singleline(&mut text).char_limit(max_chars).desired_width(f32::INFINITY));
            if field.accessible_name(spec.name).on_hover_text(&about).changed() {
                value = text.into();
            }
        }
    }
    ui.label(RichText::new(short_about(spec, &default)).small().color(palette(ui).weak));
    if value != before {
        if value == default {
            values.remove(spec.name);
        } else {
            values.insert(spec.name.to_owned(), value);
        }
    }
}

/// `threads in the pool; 1 to 64, 4 at first`.
fn short_about(spec: &ParamSpec, default: &Value) -> String {
    let default = plain(default);
    match spec.kind {
        ParamKind::Count { min, max, .. } => format!("{}; {min} to {max}, {default} at first", spec.meaning),
        ParamKind::Seconds { min, max, default } => format!("{}; {min} to {max} s, {default} s at first", spec.meaning),
        ParamKind::Flag { default } => format!("{}; {} at first", spec.meaning, if default { "yes" } else { "no" }),
        ParamKind::Choice { .. } | ParamKind::Text { .. } => format!("{}; {default} at first", spec.meaning),
    }
}

/// A text in Markdown as one label for each paragraph: bold, italic and code; everything else as its words.
pub(super) fn markdown(ui: &mut Ui, text: &str) {
    for paragraph in paragraphs(palette(ui), text) {
        ui.label(paragraph);
    }
}

fn paragraphs(colors: &theme::Palette, text: &str) -> Vec<LayoutJob> {
    let code = TextFormat { background: colors.well, ..TextFormat::simple(FontId::monospace(11.5), colors.blue.ink) };
    let (mut jobs, mut job, mut bold, mut italic) = (Vec::new(), LayoutJob::default(), 0, 0);
    for event in Parser::new(text) {
        let (text, is_code) = match &event {
            Markdown::Start(Tag::Strong) => {
                bold += 1;
                continue;
            }
            Markdown::End(TagEnd::Strong) => {
                bold -= 1;
                continue;
            }
            Markdown::Start(Tag::Emphasis) => {
                italic += 1;
                continue;
            }
            Markdown::End(TagEnd::Emphasis) => {
                italic -= 1;
                continue;
            }
            Markdown::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock) => {
                jobs.push(std::mem::take(&mut job));
                continue;
            }
            Markdown::SoftBreak | Markdown::HardBreak => (" ", false),
            Markdown::Code(code) => (code.as_ref(), true),
            Markdown::Text(text) | Markdown::Html(text) | Markdown::InlineHtml(text) => (text.as_ref(), false),
            _ => continue,
        };
        let format = if is_code {
            code.clone()
        } else {
            let font = if bold > 0 { theme::bold_font(12.0) } else { FontId::new(12.0, FontFamily::Proportional) };
            TextFormat { italics: italic > 0, ..TextFormat::simple(font, colors.text) }
        };
        job.append(text, 0.0, format);
    }
    jobs.push(job);
    jobs.retain(|job| !job.text.is_empty());
    jobs
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::ui::testing;

    fn harness() -> Harness<'static, Card> {
        testing::view(230.0, 900.0, Card::default(), |ui, card| card.ui(ui, &testing::POOL))
    }

    #[test]
    fn values_are_written_as_a_person_writes_them() {
        for (value, text) in [
            (serde_json::json!(["b", "a"]), "b, a"),
            (serde_json::json!(1.25), "1.250"),
            (serde_json::json!(1234.5), "1234"),
            (serde_json::json!(7), "7"),
            (serde_json::json!(true), "true"),
        ] {
            assert_eq!(plain(&value), text);
        }
    }

    #[test]
    fn a_text_is_bold_italic_and_code_where_its_marks_say_so() {
        let colors = theme::palette_of(&egui::Visuals::dark());
        let jobs = paragraphs(colors, "Press *Send*, **twice**:\n`2 * 3`.\n\nThen a * b.\n\n- an item");
        let texts: Vec<&str> = jobs.iter().map(|job| job.text.as_str()).collect();
        assert_eq!(texts, ["Press Send, twice: 2 * 3.", "Then a * b.", "an item"]);
        let of = |word: &str| {
            let at = jobs[0].text.find(word).expect(word);
            &jobs[0]
                .sections
                .iter()
                .find(|section| (section.byte_range.start.0..section.byte_range.end.0).contains(&at))
                .expect("a section")
                .format
        };
        assert!(of("Send").italics && !of("twice").italics && !of("Press").italics);
        assert_eq!((&of("twice").font_id, &of("2 *").font_id), (&theme::bold_font(12.0), &FontId::monospace(11.5)));
    }

    fn params(card: &Card) -> BTreeMap<String, Value> {
        let What::Scenario { params, .. } = card.launch(&testing::POOL, Language::Rust).what else { unreachable!() };
        params
    }

    #[test]
    fn what_is_set_goes_into_the_request_and_the_default_does_not() {
        let mut harness = harness();
        harness.run();
        assert_eq!(params(harness.state()), BTreeMap::new());
        harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, "verify").click();
        harness.run();
        assert_eq!(params(harness.state()), BTreeMap::from([("verify".to_owned(), Value::from(false))]));
        harness.get_by_label("Reset verify").click();
        harness.run();
        assert_eq!(params(harness.state()), BTreeMap::new());
    }
}
