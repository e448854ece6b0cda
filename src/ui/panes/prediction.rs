//! The scenario's question: what a person guesses before and while it runs, and what came out beside that. UI thread; holds the guesses.

use std::collections::HashMap;

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Button, FontId, Layout, Ui};
use serde_json::Value;

use crate::model::{Fact, RunState, RunView};
use crate::scenario::{ParamSpec, Prediction, Scenario};
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::card::plain;

/// The guesses, by scenario.
#[derive(Debug, Default)]
pub struct Predictions(HashMap<&'static str, usize>);

impl Predictions {
    /// The choice that was guessed for a scenario.
    pub fn of(&self, scenario: &Scenario) -> Option<usize> {
        self.0.get(scenario.id).copied()
    }

    /// Draws the answers under each other, for where there is room.
    pub fn choices_ui(&mut self, ui: &mut Ui, scenario: &'static Scenario) {
        let chosen = self.of(scenario);
        for (index, choice) in scenario.prediction.choices.iter().enumerate() {
            if ui.radio(chosen == Some(index), *choice).clicked() {
                self.0.insert(scenario.id, index);
            }
        }
    }

    /// Draws the question beside a run: to be answered while it goes on, and answered when it has shown the answer.
    pub fn strip_ui(&mut self, ui: &mut Ui, scenario: &'static Scenario, run: &RunView) {
        let prediction = &scenario.prediction;
        let colors = palette(ui);
        let guess = self.of(scenario).and_then(|index| prediction.choices.get(index)).copied();
        if let Some(fact) = run.facts.iter().find(|fact| fact.id == prediction.fact) {
            let is_asked = |spec: &ParamSpec| run.params.get(spec.name).is_none_or(|value| *value == spec.default());
            let is_changed = !scenario.params.iter().all(is_asked);
            let (verdict, tone) = verdict(prediction, guess, fact, is_changed);
            let tone = match tone {
                Verdict::Right => colors.green,
                Verdict::Wrong => colors.orange,
                Verdict::Open => colors.blue,
            };
            widgets::notice_frame(ui, tone, Layout::left_to_right(Align::Center), |ui| said_ui(ui, prediction.ask, &verdict));
            return;
        }
        if let Some(guess) = guess {
            let is_over = matches!(run.state, RunState::Finished(_));
            let text = format!("Your guess: {guess}.{}", if is_over { " The run ended before it showed." } else { "" });
            widgets::notice_frame(ui, colors.blue, Layout::right_to_left(Align::Center), |ui| {
                if !is_over && ui.button("Guess again").clicked() {
                    self.0.remove(scenario.id);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| said_ui(ui, prediction.ask, &text));
            });
            return;
        }
        let mut guessed = None;
        let mut offer = |ui: &mut Ui, (index, choice): (usize, &str)| {
            let button = Button::new(choice).wrap_mode(egui::TextWrapMode::Extend);
            let button = ui.add(button).on_hover_text("What do you think? Guess before it shows.");
            if button.accessible_name(format!("Guess: {choice}")).clicked() {
                guessed = Some(index);
                ui.close();
            }
        };
        let choices = || prediction.choices.iter().copied().enumerate();
        // A long question and its answers do not stand on one line: then they stand under each other, one click away.
        let needed: f32 = choices().map(|(_, choice)| widgets::button_width(ui, choice)).sum();
        let asked = ui.painter().layout_no_wrap(format!("? {}", prediction.ask), theme::bold_font(12.0), colors.text).size().x;
        let left = ui.available_width() - needed;
        // Two lines, of which each loses the rest of a word.
        let has_room = needed < ui.available_width() * 0.55 && asked < 1.7 * (left - 40.0);
        widgets::notice(ui, &format!("? {}", prediction.ask), colors.blue, |ui| {
            if has_room {
                choices().collect::<Vec<_>>().into_iter().rev().for_each(|choice| offer(ui, choice));
                return;
            }
            let width = ui.ctx().content_rect().width() - 24.0;
            let menu = egui::Popup::menu(&ui.button("Guess ▾").accessible_name("Guess")).width(420.0_f32.min(width));
            menu.show(|ui| {
                ui.vertical(|ui| ui.label(theme::bold(prediction.ask)));
                choices().for_each(|choice| offer(ui, choice));
            });
        });
        if let Some(index) = guessed {
            self.0.insert(scenario.id, index);
        }
    }
}

/// The guess or the outcome, and the question below it where there is room.
fn said_ui(ui: &mut Ui, ask: &str, text: &str) {
    let colors = palette(ui);
    let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(theme::bold_font(12.0), colors.text));
    job.append(&format!("\n{ask}"), 0.0, TextFormat::simple(FontId::proportional(10.5), colors.weak));
    widgets::notice_text(ui, job).on_hover_text(ask);
}

/// Whether a guess was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Right,
    Wrong,
    /// Nothing was guessed, or the run did not show what it should.
    Open,
}

/// The outcome beside the guess. The question is about the settings at first: a run with others (`is_changed`) does not answer it.
fn verdict(prediction: &Prediction, guess: Option<&str>, fact: &Fact, is_changed: bool) -> (String, Verdict) {
    let measured = plain(&fact.observed);
    let answer = prediction.choices.get(prediction.answer).copied().unwrap_or_default();
    match guess {
        _ if !fact.holds => {
            let guessed = guess.map_or_else(String::new, |guess| format!(" You predicted: {guess}."));
            (
                format!("This run showed something else: {} was expected, {measured} measured.{guessed}", plain(&fact.expected)),
                Verdict::Open,
            )
        }
        _ if is_changed => {
            let guessed = guess.map_or_else(String::new, |guess| format!(" · You predicted: {guess}"));
            (format!("With the settings at first it is: {answer} · Measured with yours: {measured}{guessed}"), Verdict::Open)
        }
        Some(guess) if guess == answer => (format!("✔ You predicted it: {answer} · Measured: {measured}"), Verdict::Right),
        Some(guess) => (format!("✖ You predicted: {guess} · It is: {answer} · Measured: {measured}"), Verdict::Wrong),
        None => (format!("It is: {answer} · Measured: {measured} · You predicted nothing"), Verdict::Open),
    }
}

/// The prediction beside the measurement.
pub fn compare(predicted: Option<&str>, observed: &Value) -> String {
    let measured = plain(observed);
    match predicted {
        Some(predicted) => format!("You predicted: {predicted} · Measured: {measured}"),
        None => format!("Measured: {measured} · You predicted nothing"),
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::ui::{sample, testing};

    fn show(run: RunView) -> Harness<'static, Predictions> {
        testing::view(780.0, 200.0, Predictions::default(), move |ui, predictions| {
            predictions.strip_ui(ui, &testing::POOL, &run);
        })
    }

    fn measured(holds: bool) -> RunView {
        let mut run = sample::run(1, "thread-pool");
        run.facts.push(Fact {
            id: testing::POOL.prediction.fact.to_owned(),
            claim: "c".to_owned(),
            expected: 4.into(),
            observed: if holds { 4 } else { 3 }.into(),
            holds,
        });
        run
    }

    #[test]
    fn the_question_is_answered_beside_the_run_and_the_guess_can_be_taken_back() {
        let mut harness = show(sample::run(1, "thread-pool"));
        harness.get_by_label_contains(testing::POOL.prediction.ask);
        harness.get_by_label("Guess: All").click();
        harness.run();
        assert_eq!(harness.state().of(&testing::POOL), Some(2));
        harness.get_by_label_contains("Your guess: All");
        harness.get_by_label("Guess again").click();
        harness.run();
        assert_eq!(harness.state().of(&testing::POOL), None);
        harness.get_by_label("Guess: All");
    }

    #[test]
    fn the_guess_stands_beside_what_was_measured_and_a_run_that_shows_something_else_says_so() {
        show(measured(true)).get_by_label_contains("You predicted nothing");
        let prediction = &testing::POOL.prediction;
        let said =
            |holds: bool, index: usize| verdict(prediction, Some(prediction.choices[index]), &measured(holds).facts[0], false);
        assert_eq!(said(true, 1).1, Verdict::Right);
        let (text, wrong) = said(true, 0);
        assert!(wrong == Verdict::Wrong && text.contains("You predicted: One") && text.contains("It is: As many"), "{text}");
        let (text, open) = said(false, 1);
        assert!(open == Verdict::Open && text.contains("4 was expected, 3 measured"), "{text}");
        let mut run = measured(true);
        run.params.insert(testing::POOL.params[0].name.to_owned(), 16.into());
        show(run).get_by_label_contains("With the settings at first it is");
    }
}
