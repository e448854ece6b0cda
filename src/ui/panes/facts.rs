//! The claims of the lesson and the measurements of this run, with the prediction and the book's word beside them. UI thread.

use egui::{Align2, FontId, Rect, RichText, Role, ScrollArea, Ui, pos2, vec2};

use crate::model::{Fact, RunView};
use crate::scenario::Scenario;
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::card;
use crate::ui::panes::prediction;

const ROW: f32 = 38.0;
/// So many facts are shown whole; of more, a line each, and only those that are in sight.
const MOST_WHOLE: usize = 60;

/// Draws facts, then values, prediction and notes.
pub fn ui(ui: &mut Ui, run: Option<&RunView>, scenario: Option<&'static Scenario>, prediction: Option<usize>) {
    let facts = run.map_or(&[][..], |run| &run.facts);
    let so_far = run.map_or(&[][..], |run| &run.so_far);
    let extras = extras(run, scenario, prediction);
    if facts.is_empty() && so_far.is_empty() && extras.is_empty() {
        widgets::nothing_yet(ui, "No fact has been checked yet.");
        return;
    }
    if facts.len() <= MOST_WHOLE {
        ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("facts").auto_shrink(false).show(ui, |ui| {
            for fact in facts {
                whole_fact(ui, fact);
            }
            for fact in so_far {
                fact_so_far(ui, fact);
            }
            if let Some(explanation) = scenario.filter(|_| !facts.is_empty()).and_then(Scenario::explanation) {
                ui.add_space(2.0);
                ui.label(theme::bold("Why").size(11.0).color(palette(ui).blue.ink));
                card::markdown(ui, explanation);
            }
            for extra in &extras {
                whole_extra(ui, extra);
            }
        });
        return;
    }
    widgets::visible_rows(ui, "facts", ROW, facts.len() + extras.len(), false, |ui, index| match facts.get(index) {
        Some(fact) => fact_row(ui, fact, index),
        None => extra_row(ui, &extras[index - facts.len()], index),
    });
}

/// Draws facts and values in a narrow place, where there is no room for anything else.
pub fn brief_ui(ui: &mut Ui, run: &RunView) {
    if run.facts.is_empty() && run.so_far.is_empty() && run.values.is_empty() {
        widgets::nothing_yet(ui, "No fact has been checked yet.");
        return;
    }
    ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("brief facts").auto_shrink(false).show(ui, |ui| {
        let colors = palette(ui);
        for fact in run.facts.iter().take(MOST_WHOLE) {
            whole_fact(ui, fact);
        }
        for fact in run.so_far.iter().take(MOST_WHOLE) {
            fact_so_far(ui, fact);
        }
        ui.spacing_mut().item_spacing.y = 2.0;
        for (name, value) in run.values.iter().take(MOST_WHOLE) {
            let mut job = egui::text::LayoutJob::default();
            let font = FontId::proportional(11.5);
            job.append(&format!("{}  ", foreign::line(name)), 0.0, egui::TextFormat::simple(font, colors.weak));
            job.append(&foreign::line(&card::plain(value)), 0.0, egui::TextFormat::simple(theme::bold_font(11.5), colors.text));
            ui.add(egui::Label::new(job).truncate());
        }
    });
}

/// The beginning of a note that cannot be shown here, such as how another system does it.
const ELSEWHERE: &str = "Not on this machine";

/// A fact with as many lines as it needs.
fn whole_fact(ui: &mut Ui, fact: &Fact) {
    let colors = palette(ui);
    let (sign, tone, word) = if fact.holds { ("✔", colors.green, "holds") } else { ("✖", colors.vermilion, "does not hold") };
    let detail = format!("expected {} · observed {} · {word}", card::plain(&fact.expected), card::plain(&fact.observed));
    ui.horizontal_top(|ui| {
        ui.add_sized(vec2(14.0, 16.0), egui::Label::new(theme::bold(sign).size(13.0).color(tone.ink)));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let claim = ui.add(egui::Label::new(RichText::new(foreign::page(&fact.claim)).size(12.0)).wrap());
            let words = format!("{word}: {}, {detail}", fact.claim);
            claim.widget_info(|| egui::WidgetInfo::labeled(Role::Label, true, foreign::paragraph(&words)));
            ui.add(egui::Label::new(RichText::new(foreign::page(&detail)).size(11.0).color(tone.ink)).wrap());
        });
    });
}

/// A fact of a run that goes on: nothing is decided yet.
fn fact_so_far(ui: &mut Ui, fact: &Fact) {
    let colors = palette(ui);
    let detail = format!("so far {}", card::plain(&fact.observed));
    ui.horizontal_top(|ui| {
        ui.add_sized(vec2(14.0, 16.0), egui::Label::new(theme::bold("…").size(13.0).color(colors.weak)));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let claim = ui.add(egui::Label::new(RichText::new(foreign::page(&fact.claim)).size(12.0)).wrap());
            let words = foreign::paragraph(&format!("{detail}: {}", fact.claim)).into_owned();
            claim.widget_info(|| egui::WidgetInfo::labeled(Role::Label, true, &words));
            ui.add(egui::Label::new(RichText::new(foreign::page(&detail)).size(11.0).color(colors.weak)).wrap());
        });
    });
}

fn whole_extra(ui: &mut Ui, (title, text): &Extra) {
    let colors = palette(ui);
    ui.add_space(2.0);
    ui.label(theme::bold(*title).size(11.0).color(colors.blue.ink));
    let label = ui.add(egui::Label::new(RichText::new(foreign::page(text)).size(12.0)).wrap());
    label.widget_info(|| egui::WidgetInfo::labeled(Role::Label, true, format!("{title}: {}", foreign::paragraph(text))));
}

/// A line that is no fact: its heading and its text.
type Extra = (&'static str, String);

fn extras(run: Option<&RunView>, scenario: Option<&'static Scenario>, prediction: Option<usize>) -> Vec<Extra> {
    let mut extras = Vec::new();
    if let Some(scenario) = scenario {
        if let Some(run) = run
            && let Some(fact) = run.facts.iter().find(|fact| fact.id == scenario.prediction.fact)
        {
            let predicted = prediction.and_then(|index| scenario.prediction.choices.get(index)).copied();
            extras.push(("Prediction", prediction::compare(predicted, &fact.observed)));
        }
        for note in scenario.notes {
            extras.push(("The book says", note.book.to_owned()));
            let shows = measured(note.shows, run);
            let start = shows.get(..ELSEWHERE.len()).unwrap_or_default();
            extras.push(if start.eq_ignore_ascii_case(ELSEWHERE) {
                (ELSEWHERE, shows[ELSEWHERE.len()..].trim_start_matches([':', '.', ' ']).to_owned())
            } else {
                ("Your machine shows", shows)
            });
        }
    }
    if let Some(run) = run.filter(|run| !run.values.is_empty()) {
        let values: Vec<_> = run.values.iter().map(|(name, value)| format!("{name} = {}", card::plain(value))).collect();
        extras.push(("Values", values.join(" · ")));
    }
    extras
}

/// Puts the measured values and facts in the place of their names in braces.
fn measured(text: &str, run: Option<&RunView>) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        shown.push_str(before);
        let fact = |run: &RunView| run.facts.iter().find(|fact| fact.id == name).map(|fact| fact.observed.clone());
        let value = run.and_then(|run| run.values.get(name).cloned().or_else(|| fact(run)));
        let value = value.as_ref();
        shown.push_str(&value.map_or_else(|| "(not measured yet)".to_owned(), card::plain));
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn fact_row(ui: &mut Ui, fact: &Fact, index: usize) {
    let colors = palette(ui);
    let (sign, tone) = if fact.holds { ("✔", colors.green) } else { ("✖", colors.vermilion) };
    let rect = ui.max_rect();
    let column = |from: f32, to: f32, top: f32| {
        Rect::from_min_max(pos2(rect.left() + from, rect.top() + top), pos2(rect.left() + to, rect.top() + top + 18.0))
    };
    widgets::paint_text(ui, column(0.0, 18.0, 0.0), Align2::LEFT_CENTER, sign, theme::bold_font(13.0), tone.ink);
    let width = rect.width();
    let is_cut = widgets::paint_text(
        ui,
        column(20.0, width, 0.0),
        Align2::LEFT_CENTER,
        &fact.claim,
        FontId::proportional(12.0),
        colors.text,
    );
    let word = if fact.holds { "holds" } else { "does not hold" };
    let detail = format!("expected {} · observed {} · {word}", card::plain(&fact.expected), card::plain(&fact.observed));
    let is_detail_cut = widgets::paint_text(
        ui,
        column(20.0, width, 17.0),
        Align2::LEFT_CENTER,
        detail.as_str(),
        FontId::proportional(11.0),
        tone.ink,
    );
    let words = format!("{word}: {}, {detail}", fact.claim);
    let response = widgets::describe(ui, rect, ("fact", index), Role::Label, &words);
    if is_cut || is_detail_cut {
        widgets::hint(response, &words);
    }
}

fn extra_row(ui: &mut Ui, (title, text): &Extra, index: usize) {
    let colors = palette(ui);
    let rect = ui.max_rect();
    let top = Rect::from_min_size(rect.min, vec2(rect.width(), 18.0));
    widgets::paint_text(ui, top, Align2::LEFT_CENTER, *title, theme::bold_font(11.0), colors.blue.ink);
    let below = top.translate(vec2(0.0, 17.0));
    widgets::paint_text(ui, below, Align2::LEFT_CENTER, text.as_str(), FontId::proportional(12.0), colors.text);
    widgets::hint(widgets::describe(ui, rect, ("extra", index), Role::Label, &format!("{title}: {text}")), text);
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::ui::{sample, testing};

    fn show(run: Option<RunView>, prediction: Option<usize>) -> Harness<'static, ()> {
        testing::view(460.0, 220.0, (), move |ui, ()| super::ui(ui, run.as_ref(), Some(&testing::POOL), prediction))
    }

    #[test]
    fn a_fact_that_does_not_hold_is_told_apart_in_words() {
        let harness = show(Some((*sample::snapshot(3).runs[0]).clone()), None);
        harness.get_by_label_contains("does not hold: claim 1");
        harness.get_by_label_contains("holds: claim 2");
    }

    #[test]
    fn a_claim_of_a_run_that_goes_on_is_not_decided() {
        let mut run = (*sample::snapshot(3).runs[0]).clone();
        run.so_far = std::mem::take(&mut run.facts);
        let harness = show(Some(run), None);
        harness.get_by_label_contains("so far 1: claim 1");
        assert!(harness.query_by_label_contains("hold").is_none());
    }

    #[test]
    fn two_thousand_facts_are_not_all_drawn_and_none_says_so() {
        let harness = show(Some((*sample::snapshot(2000).runs[0]).clone()), None);
        assert!(harness.query_all_by_label_contains("claim ").count() < 20);
        let nothing = testing::view(460.0, 220.0, (), |ui, ()| super::ui(ui, None, None, None));
        nothing.get_by_label("No fact has been checked yet.");
        show(None, None).get_by_label("Your machine shows: It took (not measured yet) s here.");
    }

    #[test]
    fn notes_show_what_was_measured_and_say_when_it_was_not() {
        let mut run = sample::run(1, "thread-pool");
        assert_eq!(measured("It took {elapsed} s here.", Some(&run)), "It took (not measured yet) s here.");
        run.values.insert("elapsed".to_owned(), 1.25.into());
        assert_eq!(measured("It took {elapsed} s here.", Some(&run)), "It took 1.250 s here.");
        show(Some(run), None).get_by_label("Your machine shows: It took 1.250 s here.");
    }
}
