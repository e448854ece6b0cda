//! The same work in two or more ways: what is chosen on the card, and the numbers side by side. UI thread; starts nothing itself.

use std::collections::{BTreeMap, HashMap};

use egui::{Align2, CollapsingHeader, ComboBox, FontId, Rect, RichText, Role, ScrollArea, Ui, pos2, vec2};
use serde_json::Value;

use crate::engine::{CompareRequest, CompareRow, LANGUAGE, compare_rows, noise};
use crate::model::{Comparison, Language, Progress, TimedAction};
use crate::scenario::{ParamKind, ParamSpec, Scenario};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::card::plain;

/// More than this many do not fit beside each other.
const MOST: usize = 4;
const REPEATS: [u32; 3] = [1, 3, 5];
const ROW: f32 = 30.0;

/// The choices, by scenario.
#[derive(Debug, Default)]
pub struct Compare {
    choices: HashMap<&'static str, Choice>,
}

#[derive(Debug, Clone)]
struct Choice {
    name: String,
    values: Vec<String>,
    repeat: u32,
}

impl Compare {
    /// Draws what can be chosen, and the button.
    pub fn chooser(
        &mut self,
        ui: &mut Ui,
        scenario: &'static Scenario,
        (base, language): (&BTreeMap<String, Value>, Language),
        comparison: Option<&Comparison>,
        actions: &mut Actions,
    ) {
        let names = names(scenario);
        let Some(first) = names.first() else { return };
        let choice = self.choices.entry(scenario.id).or_insert_with(|| Choice::of(scenario, first, base));
        ui.add_space(4.0);
        CollapsingHeader::new(theme::caption(ui, "Compare two ways")).id_salt((scenario.id, "compare")).show_unindented(
            ui,
            |ui| {
                ui.label("The same run with different values of one thing, one after the other; then what each took.");
                let before = choice.name.clone();
                let shown = ComboBox::from_id_salt((scenario.id, "what differs"))
                    .selected_text(&choice.name)
                    .width(ui.available_width() - 12.0)
                    .show_ui(ui, |ui| {
                        for name in &names {
                            ui.selectable_value(&mut choice.name, (*name).to_owned(), *name);
                        }
                    });
                shown.response.accessible_name("What differs");
                if choice.name != before {
                    *choice = Choice { repeat: choice.repeat, ..Choice::of(scenario, &choice.name, base) };
                }
                ui.horizontal_wrapped(|ui| {
                    for value in candidates(scenario, &choice.name, base) {
                        let is_chosen = choice.values.contains(&value);
                        let response = ui.add(egui::Button::selectable(is_chosen, &value).min_size(vec2(34.0, 0.0)));
                        if response.accessible_name(format!("Compare {value}")).clicked() {
                            choice.toggle(value);
                        }
                    }
                });
                ui.horizontal(|ui| {
                    ui.label(RichText::new("each").color(palette(ui).weak));
                    for repeat in REPEATS {
                        let text = if repeat == 1 { "once".to_owned() } else { format!("{repeat} ×") };
                        if ui.selectable_label(choice.repeat == repeat, text).on_hover_text(noise(repeat)).clicked() {
                            choice.repeat = repeat;
                        }
                    }
                });
                let is_running = comparison.is_some_and(is_running);
                let is_enough = choice.values.len() >= 2;
                let button = ui.add_enabled_ui(is_enough && !is_running, |ui| {
                    let size = vec2(ui.available_width(), 26.0);
                    ui.horizontal(|ui| widgets::tinted_button(ui, "Compare", palette(ui).blue, palette(ui).text, size)).inner
                });
                let button = button.inner.accessible_name("Compare");
                let why = if is_running { "A comparison is going on." } else { "Choose two to four values." };
                if button.on_disabled_hover_text(why).clicked() {
                    actions.push(ask(scenario, base, language, choice));
                }
            },
        );
    }
}

/// The request of the button, or why there is none.
fn ask(scenario: &'static Scenario, base: &BTreeMap<String, Value>, language: Language, choice: &Choice) -> UiAction {
    let script: Vec<_> = scenario.script.iter().filter_map(|line| TimedAction::demo(line).ok()).collect();
    let values: Vec<&str> = choice.values.iter().map(String::as_str).collect();
    match CompareRequest::new(scenario, base, language, (&choice.name, &values), &script, choice.repeat) {
        Ok(request) => UiAction::Compare(Box::new(request)),
        Err(error) => UiAction::Say(format!("Not compared: {error}.")),
    }
}

impl Choice {
    fn of(scenario: &Scenario, name: &str, base: &BTreeMap<String, Value>) -> Self {
        let mut values = candidates(scenario, name, base);
        // Of numbers the first and the largest in reach say most; of words the first two.
        if scenario.params.iter().any(|spec| spec.name == name && is_number(spec)) && values.len() > 2 {
            values = vec![values[0].clone(), values[values.len() - 1].clone()];
        }
        values.truncate(2);
        Self { name: name.to_owned(), values, repeat: 1 }
    }

    fn toggle(&mut self, value: String) {
        if let Some(index) = self.values.iter().position(|known| *known == value) {
            self.values.remove(index);
        } else if self.values.len() < MOST {
            self.values.push(value);
        }
    }
}

/// The parameters that can differ: words first, then yes or no, then numbers, then the language.
fn names(scenario: &'static Scenario) -> Vec<&'static str> {
    let rank = |spec: &ParamSpec| match spec.kind {
        ParamKind::Choice { .. } => 0,
        ParamKind::Flag { .. } => 1,
        ParamKind::Count { .. } => 2,
        ParamKind::Seconds { .. } => 3,
        ParamKind::Text { .. } => 4,
    };
    let mut specs: Vec<&'static ParamSpec> = scenario.params.iter().filter(|spec| rank(spec) < 4).collect();
    specs.sort_by_key(|spec| rank(spec));
    specs.into_iter().map(|spec| spec.name).chain([LANGUAGE]).collect()
}

const fn is_number(spec: &ParamSpec) -> bool {
    matches!(spec.kind, ParamKind::Count { .. } | ParamKind::Seconds { .. })
}

/// Values to choose from, without typing: all words, or numbers around the one that is set.
fn candidates(scenario: &Scenario, name: &str, base: &BTreeMap<String, Value>) -> Vec<String> {
    let Some(spec) = scenario.params.iter().find(|spec| spec.name == name) else {
        return vec!["rust".to_owned(), "python".to_owned()];
    };
    let set = base.get(name).cloned().unwrap_or_else(|| spec.default());
    match spec.kind {
        ParamKind::Choice { choices } => choices.iter().map(|choice| (*choice).to_owned()).collect(),
        ParamKind::Flag { .. } => vec!["false".to_owned(), "true".to_owned()],
        ParamKind::Count { min, max, .. } => {
            let set = set.as_u64().unwrap_or(min);
            let mut values: Vec<u64> = [min, 1, set / 4, set / 2, set, set.saturating_mul(2), set.saturating_mul(4)]
                .map(|value| value.clamp(min, max))
                .into();
            values.sort_unstable();
            values.dedup();
            values.iter().map(u64::to_string).collect()
        }
        ParamKind::Seconds { min, max, .. } => {
            let set = set.as_f64().unwrap_or(min);
            let mut values: Vec<f64> = [0.25, 0.5, 1.0, 2.0, 4.0].map(|factor| (set * factor).clamp(min, max)).into();
            values.sort_by(f64::total_cmp);
            values.dedup();
            values.iter().map(|value| plain(&Value::from(*value))).collect()
        }
        ParamKind::Text { .. } => Vec::new(),
    }
}

fn is_running(comparison: &Comparison) -> bool {
    matches!(comparison.progress, Progress::Running { .. })
}

/// Draws the numbers side by side, the verdict first.
pub fn ui(ui: &mut Ui, comparison: Option<&Comparison>) {
    let colors = palette(ui);
    let Some(comparison) = comparison else {
        widgets::nothing_yet(
            ui,
            "Nothing was compared yet. On the scenario's card, under “Compare two ways”, choose what differs.",
        );
        return;
    };
    let (text, ink) = match &comparison.progress {
        Progress::Running { variant, round } => {
            let label = comparison.variants.get(*variant).map_or("", |variant| variant.label.as_str());
            (format!("{label} is running, {} of {} …", round + 1, comparison.repeat), colors.blue.ink)
        }
        Progress::Done => (comparison.verdict.clone(), colors.text),
        Progress::Stopped(why) => (format!("No verdict: {why}."), colors.orange.ink),
    };
    ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("comparison").auto_shrink(false).show(ui, |ui| {
        ui.add(egui::Label::new(theme::bold(foreign::paragraph(&text)).size(12.5).color(ink)).wrap());
        if comparison.progress == Progress::Done && !comparison.verdict.contains("noise") {
            ui.label(RichText::new(format!("How noise is judged: {}.", noise(comparison.repeat))).small().color(colors.weak));
        }
        ui.add_space(2.0);
        heading(ui, comparison);
        for (index, row) in compare_rows(comparison).iter().enumerate() {
            row_ui(ui, comparison, row, index);
        }
    });
}

/// The places of the columns: the first for the measure's name, then one a variant.
fn columns(rect: Rect, count: usize) -> impl Fn(usize) -> Rect {
    let first = (rect.width() * 0.3).clamp(96.0, 150.0);
    let width = (rect.width() - first) / count.max(1) as f32;
    move |column| {
        let left = if column == 0 { rect.left() } else { rect.left() + first + width * (column - 1) as f32 };
        let right = if column == 0 { rect.left() + first } else { left + width };
        Rect::from_min_max(pos2(left, rect.top()), pos2(right - 10.0, rect.bottom()))
    }
}

fn heading(ui: &mut Ui, comparison: &Comparison) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), egui::Sense::hover());
    let at = columns(rect, comparison.variants.len());
    for (index, variant) in comparison.variants.iter().enumerate() {
        let ink = palette(ui).series(index).ink;
        widgets::paint_text(ui, at(index + 1), Align2::LEFT_CENTER, &variant.label, theme::bold_font(11.5), ink);
    }
}

fn row_ui(ui: &mut Ui, comparison: &Comparison, row: &CompareRow, index: usize) {
    let colors = palette(ui);
    let most = row.amounts.iter().flatten().copied().fold(0.0, f64::max);
    let has_bars = most > 0.0;
    let height = if has_bars { ROW } else { 18.0 };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), egui::Sense::hover());
    let at = columns(rect, comparison.variants.len());
    let line = |cell: Rect| cell.with_max_y(cell.top() + 17.0);
    widgets::paint_text(ui, line(at(0)), Align2::LEFT_CENTER, row.what.trim_start(), FontId::proportional(11.5), colors.weak);
    let mut words = format!("{}:", row.what.trim());
    for (column, (variant, text)) in comparison.variants.iter().zip(&row.texts).enumerate() {
        let cell = at(column + 1);
        widgets::paint_text(ui, line(cell), Align2::LEFT_CENTER, text, FontId::proportional(12.0), colors.text);
        words = format!("{words} {} {text},", variant.label);
        if let Some(amount) = row.amounts.get(column).copied().flatten().filter(|amount| has_bars && *amount >= 0.0) {
            let bar = Rect::from_min_size(pos2(cell.left(), cell.top() + 19.0), vec2(cell.width(), 5.0));
            ui.painter().rect_filled(bar, 2.0, colors.well);
            let filled = bar.with_max_x(bar.left() + bar.width() * (amount / most) as f32);
            ui.painter().rect_filled(filled, 2.0, colors.series(column).strong);
        }
    }
    let response = widgets::describe(ui, rect, ("compared", index), Role::Label, words.trim_end_matches(','));
    if !row.meaning.is_empty() {
        response.on_hover_text(row.meaning);
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    type State = (Compare, Actions);

    fn chooser() -> egui_kittest::Harness<'static, State> {
        let mut harness = testing::view(240.0, 400.0, State::default(), |ui, (compare, actions)| {
            compare.chooser(ui, &testing::POOL, (&BTreeMap::new(), Language::Rust), None, actions);
        });
        harness.get_by_label_contains("COMPARE TWO WAYS").click();
        harness.run_steps(12);
        harness
    }

    #[test]
    fn a_word_and_two_values_are_chosen_from_the_start_and_the_button_asks_for_them() {
        let mut harness = chooser();
        harness.get_by_label("Compare").click();
        harness.run_steps(2);
        let actions = harness.state_mut().1.take();
        let [UiAction::Compare(request)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!(request.labels().collect::<Vec<_>>(), ["hash", "count words"]);
    }

    #[test]
    fn one_value_is_not_enough() {
        let mut harness = chooser();
        harness.get_by_label("Compare hash").click();
        harness.run_steps(2);
        harness.get_by_label("Compare").click();
        harness.run_steps(2);
        assert!(harness.state_mut().1.take().is_empty());
    }

    #[test]
    fn numbers_around_what_is_set_are_offered_within_the_range() {
        let of = |name: &str, base: &[(&str, Value)]| {
            let base = base.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            candidates(&testing::POOL, name, &base)
        };
        assert_eq!(of("workers", &[]), ["1", "2", "4", "8", "16"]);
        assert_eq!(of("workers", &[("workers", 64.into())]), ["1", "16", "32", "64"]);
        assert_eq!(of("verify", &[]), ["false", "true"]);
        assert_eq!(of(LANGUAGE, &[]), ["rust", "python"]);
        assert_eq!(Choice::of(&testing::POOL, "workers", &BTreeMap::new()).values, ["1", "16"]);
    }

    #[test]
    fn the_numbers_stand_side_by_side_under_the_verdict() {
        let comparison = sample::comparison();
        let harness = testing::view(460.0, 600.0, (), move |ui, ()| super::ui(ui, Some(&comparison)));
        harness.get_by_label_contains("1.9 × faster");
        harness.get_by_label("elapsed: threads 1.90 s, processes 1.00 s");
        harness.get_by_label("cores used: threads 1.02, processes 1.98");
        testing::view(460.0, 300.0, (), |ui, ()| super::ui(ui, None)).get_by_label_contains("Nothing was compared yet");
    }
}
