//! The left side's list: scenarios by chapter with a search field, and the programs that were run. UI thread; reads only.

use std::collections::HashSet;

use egui::{Align2, Key, Role, ScrollArea, Sense, Stroke, TextEdit, Ui, WidgetInfo, vec2};

use crate::model::{RunState, RunView, Snapshot};
use crate::scenario::{Chapter, Scenario, concept};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::ask::selection::Subject;
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;

/// The list's own state.
#[derive(Debug, Default)]
pub struct Library {
    query: String,
    filtered: Option<(String, Vec<&'static Scenario>)>,
    wants_focus: bool,
    /// Chapters that are closed.
    closed: HashSet<Chapter>,
    /// The subject that was shown last: a new one is brought into sight.
    shown: Option<Subject>,
}

const ROW: f32 = 23.0;
const FINGER_ROW: f32 = 34.0;
/// Program runs that are listed; older ones are still in the recording.
const PROGRAM_RUNS: usize = 12;

impl Library {
    /// Puts the cursor into the search field.
    pub const fn focus_search(&mut self) {
        self.wants_focus = true;
    }

    /// Draws the search field, and the list over the rest of the height.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        catalogue: &[&'static Scenario],
        snapshot: &Snapshot,
        subject: Subject,
        actions: &mut Actions,
    ) {
        self.search_ui(ui, catalogue, subject, actions);
        ui.add_space(4.0);
        let is_new = self.shown.replace(subject) != Some(subject);
        // The list takes the whole of its place, however much is in it: what stands below must not move.
        ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("library").auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let is_searching = !self.query.trim().is_empty();
            let found = self.filter(catalogue).to_vec();
            for chapter in Chapter::ALL {
                let scenarios: Vec<_> = found.iter().filter(|scenario| scenario.chapter == chapter).collect();
                if scenarios.is_empty() || !self.chapter_ui(ui, chapter, scenarios.len(), is_searching) {
                    continue;
                }
                for scenario in scenarios {
                    let this = Subject::Scenario(scenario.id);
                    let response = row(ui, scenario.title, scenario.id, this == subject, this.run(snapshot));
                    if is_new && this == subject && !ui.clip_rect().contains_rect(response.rect) {
                        response.scroll_to_me(Some(egui::Align::Center));
                    }
                    if response.clicked() {
                        actions.push(UiAction::Show(this));
                    }
                }
            }
            if found.is_empty() && !catalogue.is_empty() {
                widgets::nothing_yet(ui, "No scenario has that in its name, its text or its concepts.");
            }
            ui.add_space(3.0);
            ui.label(theme::caption(ui, "Mine"));
            if row(ui, "Run a program", "form", subject == Subject::Programs(None), None).clicked() {
                actions.push(UiAction::Show(Subject::Programs(None)));
            }
            for run in snapshot.runs.iter().rev().filter(|run| run.scenario.is_empty()).take(PROGRAM_RUNS) {
                let this = Subject::Programs(Some(run.id));
                let response = row(ui, &run.title, ("run", run.id), this == subject, Some(run));
                if response.clicked() {
                    actions.push(UiAction::Show(this));
                }
            }
        });
    }

    /// The field, with the keys that choose from what it has found.
    fn search_ui(&mut self, ui: &mut Ui, catalogue: &[&'static Scenario], subject: Subject, actions: &mut Actions) {
        let id = egui::Id::unique("search scenarios");
        if std::mem::take(&mut self.wants_focus) {
            // Before the field is drawn, so that what was typed right after the slash goes into it.
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        let field = ui.add(
            TextEdit::singleline(&mut self.query)
                .id(id)
                .hint_text("Search: name, word, concept   /")
                .desired_width(f32::INFINITY)
                .align(Align2::LEFT_CENTER)
                .margin(vec2(8.0, 5.0)),
        );
        let field = field.accessible_name("Search scenarios");
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if !field.has_focus() && !is_entered {
            return;
        }
        let step = ui.input(|input| i64::from(input.key_pressed(Key::ArrowDown)) - i64::from(input.key_pressed(Key::ArrowUp)));
        if step == 0 && !is_entered {
            return;
        }
        // As they stand in the list.
        let mut found = self.filter(catalogue).to_vec();
        found.sort_by_key(|scenario| scenario.chapter);
        let at = found.iter().position(|scenario| Subject::Scenario(scenario.id) == subject);
        let next = match at {
            Some(at) if is_entered => at,
            Some(at) => at.saturating_add_signed(step as isize).min(found.len() - 1),
            // A name that is typed means the lesson of that name, not one whose text has the word as well.
            None => found.iter().position(|scenario| is_called(scenario, &self.query)).unwrap_or_default(),
        };
        if let Some(scenario) = found.get(next) {
            actions.push(UiAction::Show(Subject::Scenario(scenario.id)));
        }
    }

    /// A chapter's heading, which opens and closes it. Whether it is open.
    fn chapter_ui(&mut self, ui: &mut Ui, chapter: Chapter, count: usize, is_searching: bool) -> bool {
        ui.add_space(3.0);
        let is_open = is_searching || !self.closed.contains(&chapter);
        let text = theme::caption(ui, &format!("{} {}  {count}", if is_open { "▾" } else { "▸" }, chapter.title()));
        let heading = ui.add(egui::Button::new(text).frame(false).min_size(vec2(ui.available_width(), 18.0)).truncate());
        let heading = heading.accessible_name(format!("Chapter {}: {count}", chapter.title()));
        if heading.on_hover_text("Opens or closes the chapter.").clicked() && !self.closed.remove(&chapter) {
            self.closed.insert(chapter);
        }
        is_open
    }

    /// The scenarios that match the query; looked for once a query.
    fn filter(&mut self, catalogue: &[&'static Scenario]) -> &[&'static Scenario] {
        if self.filtered.as_ref().is_none_or(|(query, _)| *query != self.query) {
            let query = self.query.trim().to_lowercase();
            let matches = |scenario: &&&'static Scenario| matches(scenario, &query);
            self.filtered = Some((self.query.clone(), catalogue.iter().filter(matches).copied().collect()));
        }
        self.filtered.as_ref().map_or(&[], |(_, found)| found)
    }
}

/// Whether all words of a query are somewhere in what a scenario is called, says and shows, or its one number is that of a concept.
fn matches(scenario: &Scenario, query: &str) -> bool {
    if let Ok(number) = query.trim_start_matches('#').parse::<u16>() {
        return scenario.concepts.contains(&number);
    }
    let texts = [scenario.title, scenario.id, scenario.chapter.title(), scenario.text];
    let concepts = scenario.concepts.iter().map(|number| concept(*number));
    let texts: Vec<String> = texts.into_iter().chain(concepts).map(str::to_lowercase).collect();
    query.split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
}

/// Whether all words of a query are in the name of a scenario.
fn is_called(scenario: &Scenario, query: &str) -> bool {
    let name = format!("{} {}", scenario.title, scenario.id).to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| name.contains(word))
}

fn row(ui: &mut Ui, title: &str, salt: impl egui::AsIdSalt, is_selected: bool, run: Option<&RunView>) -> egui::Response {
    let colors = palette(ui);
    let height = if theme::is_touch(ui) { FINGER_ROW } else { ROW };
    let (space, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let response = ui.interact(space, ui.scope_id().with(egui::IdSalt::new(salt)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_selected, foreign::line(title)));
    if is_selected || response.hovered() || response.has_focus() {
        let fill = if is_selected { colors.selected } else { colors.hovered };
        ui.painter().rect_filled(space, 4.0, fill);
    }
    if is_selected {
        let bar = egui::Rect::from_min_size(space.min, vec2(3.0, height));
        ui.painter().rect_filled(bar, 0.0, colors.blue.strong);
    }
    let name = space.shrink2(vec2(10.0, 0.0)).with_max_x(space.right() - 20.0);
    let font = if is_selected { theme::bold_font(12.5) } else { egui::FontId::proportional(12.5) };
    let is_cut = widgets::paint_text(ui, name, Align2::LEFT_CENTER, title, font, colors.text);
    let response = if is_cut { widgets::hint(response, title) } else { response };
    let center = egui::pos2(space.right() - 10.0, space.center().y);
    let words = match run.map(|run| &run.state) {
        None => {
            widgets::dot(ui, center, colors.line, false);
            return response;
        }
        Some(RunState::Finished(finished)) => {
            let color = widgets::tone_of(ui, finished).strong;
            widgets::dot(ui, center, color, false);
            if finished.reason.is_some() {
                let stroke = Stroke::new(1.0, color);
                ui.painter().line_segment([center + vec2(-2.5, 2.5), center + vec2(2.5, -2.5)], stroke);
            }
            let how = finished.reason.as_ref().map_or_else(|| finished.outcome.to_string(), ToString::to_string);
            format!("last run: {how}")
        }
        Some(_) => {
            widgets::dot(ui, center, colors.green.strong, true);
            "is running".to_owned()
        }
    };
    response.on_hover_text(words)
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::model::{By, Finished, Outcome, Reason, Signal};
    use crate::ui::{sample, testing};

    fn harness(runs: usize) -> Harness<'static, (Library, Actions)> {
        let mut snapshot = Snapshot::default();
        for id in 0..runs {
            let mut run = sample::run(id as u32 + 1, if id % 2 == 0 { "" } else { testing::FORK.id });
            run.title = format!("program {id}");
            if id % 3 == 0 {
                let reason = Some(Reason::Killed { signal: Signal::KILL, by: Some(By::You) });
                let finished = Finished { outcome: Outcome::Failed, elapsed_s: 1.0, processes_left: 0, reason };
                run.state = RunState::Finished(finished);
            }
            snapshot.runs.push(std::sync::Arc::new(run));
        }
        testing::view(230.0, 700.0, (Library::default(), Actions::default()), move |ui, (library, actions)| {
            library.ui(ui, testing::CATALOGUE, &snapshot, Subject::Programs(None), actions);
        })
    }

    #[test]
    fn every_scenario_stands_under_its_chapter_and_opens_on_a_click() {
        let mut harness = harness(0);
        harness.get_by_label("Chapter Processes: 1");
        harness.get_by_label(testing::FORK.title).click();
        harness.run();
        let actions = harness.state_mut().1.take();
        assert!(matches!(actions[..], [UiAction::Show(Subject::Scenario("fork"))]), "{actions:?}");
    }

    #[test]
    fn search_narrows_the_list_and_says_when_nothing_is_left() {
        let mut harness = harness(1);
        harness.get_by_label("Search scenarios").focus();
        harness.run();
        harness.get_by_label("Search scenarios").type_text("pool");
        harness.run();
        harness.get_by_label(testing::POOL.title);
        assert!(harness.query_by_label(testing::FORK.title).is_none());
        harness.get_by_label("Search scenarios").type_text("zzz");
        harness.run();
        harness.get_by_label_contains("No scenario has that");
    }

    #[test]
    fn a_chapter_closes_and_a_search_opens_it_again() {
        let mut harness = harness(0);
        harness.get_by_label("Chapter Processes: 1").click();
        harness.run();
        assert!(harness.query_by_label(testing::FORK.title).is_none());
        harness.get_by_label("Search scenarios").focus();
        harness.run();
        harness.get_by_label("Search scenarios").type_text("fork");
        harness.run();
        harness.get_by_label(testing::FORK.title);
    }

    #[test]
    fn a_name_comes_before_a_word_of_the_text() {
        assert!(is_called(&testing::POOL, "Pools") && is_called(&testing::POOL, "thread-pool"));
        assert!(!is_called(&testing::POOL, "workers"), "a word of its text");
    }

    #[test]
    fn words_numbers_and_concepts_are_found() {
        for (query, found) in
            [("", true), ("fork", true), ("join FORK", true), ("11", true), ("#11", true), ("12", false), ("fork barrier", false)]
        {
            assert_eq!(matches(&testing::FORK, &query.to_lowercase()), found, "{query}");
        }
        assert!(matches(&testing::POOL, "threadpoolexecutor"), "the name of its concept 90");
    }

    #[test]
    fn arrows_and_enter_choose_from_what_was_found() {
        let mut harness = harness(0);
        harness.get_by_label("Search scenarios").focus();
        harness.run();
        harness.get_by_label("Search scenarios").type_text("pool");
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        let actions = harness.state_mut().1.take();
        assert!(matches!(actions[..], [UiAction::Show(Subject::Scenario("thread-pool"))]), "{actions:?}");
    }

    #[test]
    fn what_stands_below_the_list_does_not_move_when_programs_were_run() {
        let below = |runs: usize| {
            let mut snapshot = Snapshot::default();
            for id in 0..runs {
                snapshot.runs.push(std::sync::Arc::new(sample::run(id as u32 + 1, "")));
            }
            let state = (Library::default(), Actions::default());
            let harness = testing::view(230.0, 700.0, state, move |ui, (library, actions)| {
                egui::Panel::bottom("card").exact_size(300.0).show(ui, |ui| ui.label("the form"));
                library.ui(ui, testing::CATALOGUE, &snapshot, Subject::Programs(None), actions);
            });
            harness.get_by_label("the form").rect()
        };
        assert_eq!(below(0), below(12));
    }

    #[test]
    fn two_thousand_program_runs_do_not_bury_the_list() {
        let mut harness = harness(2000);
        harness.run();
        assert_eq!(harness.query_all_by_label_contains("program ").count(), PROGRAM_RUNS);
    }
}
