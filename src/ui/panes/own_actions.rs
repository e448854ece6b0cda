//! The shown scenario's own actions, besides signals, and the target of each. UI thread; sends
//! nothing itself.

use std::collections::HashMap;

use egui::{Popup, PopupCloseBehavior, RichText, TextEdit, Ui};

use crate::model::{Action, Lane, RunState, RunView, TaskState};
use crate::scenario::{ActionSpec, STEP, Scenario};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::panes::things::{sleepers, timed_button};

/// Targets that are offered.
const MOST: usize = 24;

/// The target that was typed for each action.
#[derive(Debug, Default)]
pub struct OwnActions {
    typed: HashMap<(&'static str, &'static str), String>,
}

impl OwnActions {
    /// Draws one button for each action, always in the same place. They work while the scenario runs.
    pub fn ui(&mut self, ui: &mut Ui, run: Option<&RunView>, scenario: Option<&'static Scenario>, actions: &mut Actions) {
        // To wait on one child there is a button for the selected one, and step mode has its own.
        let is_own = |action: &&ActionSpec| action.name != Action::WAIT && action.name != STEP;
        let Some(scenario) = scenario.filter(|scenario| scenario.actions.iter().any(|action| is_own(&action))) else { return };
        ui.label(theme::caption(ui, "In this scenario"));
        let why_not = if run.is_some() { "The run is over. Start it again to do this." } else { "Start it to do this." };
        let run = run.filter(|run| !matches!(run.state, RunState::Finished(_)));
        ui.add_enabled_ui(run.is_some(), |ui| {
            ui.horizontal_wrapped(|ui| {
                for action in scenario.actions.iter().filter(is_own) {
                    let mut act = |target: &str| {
                        actions.push(match run {
                            Some(run) => UiAction::Act(run.id, action.done_to(target)),
                            // It went on when the menu opened.
                            None => UiAction::Say(format!("Not done: {}. {why_not}", action.label())),
                        });
                    };
                    let targets = takes_target(scenario, action);
                    let text = if targets { format!("{} ▾", action.label()) } else { action.label() };
                    let button = if action.name == "go-on" {
                        timed_button(
                            ui,
                            &text,
                            run.and_then(|run| {
                                sleepers(run).find(|lane| &*lane.name == action.target)?.seconds_left(run.elapsed)
                            }),
                        )
                    } else {
                        ui.button(text)
                    };
                    let button = button.on_hover_text(action.meaning);
                    let button = button.on_disabled_hover_text(format!("{why_not}\n{}", action.meaning));
                    let button = button.accessible_name(action.label());
                    if targets {
                        let typed = self.typed.entry((scenario.id, action.name)).or_default();
                        let menu = Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).width(220.0);
                        menu.show(|ui| menu_ui(ui, &offers(scenario, action, run), action, typed, &mut act));
                    } else if button.clicked() {
                        act(if action.is_fixed { action.target } else { "" });
                    }
                }
            });
        });
        ui.add_space(4.0);
    }
}

/// The targets to choose from, a field for any other, and none at all.
fn menu_ui(ui: &mut Ui, offers: &[String], action: &ActionSpec, typed: &mut String, act: &mut dyn FnMut(&str)) {
    ui.label(RichText::new(action.meaning).small().color(palette(ui).weak));
    for offer in offers {
        if ui.button(foreign::word(offer)).clicked() {
            act(offer);
            ui.close();
        }
    }
    ui.horizontal(|ui| {
        let field = ui.add(TextEdit::singleline(typed).hint_text("or type it").desired_width(120.0));
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        field.accessible_name(format!("Target of {}", action.label()));
        if ui.button("Do it").clicked() || is_entered {
            act(typed.trim());
            ui.close();
        }
    });
}

/// Whether an action is done to something: its meaning or the demo script says so.
fn takes_target(scenario: &Scenario, action: &ActionSpec) -> bool {
    if action.is_fixed {
        return false;
    }
    action.meaning.contains("target") || action.meaning.contains(" named") || script_targets(scenario, action).next().is_some()
}

/// The target of this action in the demo script.
fn script_targets<'a>(scenario: &'a Scenario, action: &'a ActionSpec) -> impl Iterator<Item = String> + 'a {
    scenario.script.iter().filter_map(move |line| {
        let mut words = line.splitn(3, ' ').skip(1);
        let target = (words.next()? == action.name).then(|| words.next()).flatten()?;
        Some(target.to_owned())
    })
}

/// The demo script's own targets, the words that the meaning offers, and the tasks that are there.
fn offers(scenario: &Scenario, action: &ActionSpec, run: Option<&RunView>) -> Vec<String> {
    let mut offers: Vec<String> = script_targets(scenario, action).chain(alternatives(action.meaning)).collect();
    if action.meaning.contains(" named") {
        let lanes = run.map_or(&[][..], |run| &run.lanes);
        let tasks = lanes.iter().filter(|lane| &*lane.name != "main" && !is_over(lane));
        offers.extend(tasks.map(|lane| lane.name.to_string()));
    }
    let mut seen = std::collections::HashSet::new();
    offers.retain(|offer| seen.insert(offer.clone()));
    offers.truncate(MOST);
    offers
}

fn is_over(lane: &Lane) -> bool {
    lane.has_ended() || matches!(lane.words.last().map(|word| word.state), Some(TaskState::Done | TaskState::Failed))
}

/// The words between which a sentence leaves the choice: `polite, slow or deaf`.
fn alternatives(meaning: &str) -> Vec<String> {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let words: Vec<&str> = meaning.split(' ').collect();
    let Some(at) = words.iter().position(|word| *word == "or") else { return Vec::new() };
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_owned();
    let (Some(before), Some(after)) = (at.checked_sub(1).map(|before| words[before]), words.get(at + 1)) else {
        return Vec::new();
    };
    // After a comma another clause begins, not another word.
    if before.ends_with(',') || !is_word(before.trim_start_matches('(')) || !is_word(&bare(after)) {
        return Vec::new();
    }
    let mut found = vec![bare(after), bare(before)];
    let earlier = words[..at - 1].iter().rev().map_while(|word| word.strip_suffix(',')).filter(|word| is_word(word));
    found.extend(earlier.map(str::to_owned));
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    #[test]
    fn a_sentence_offers_its_words_and_no_clauses() {
        for (meaning, words) in [
            ("SIGTERM to the target: polite, slow or deaf", &["polite", "slow", "deaf"][..]),
            ("target fork, spawn or forkserver: one more process", &["fork", "spawn", "forkserver"]),
            ("takes the lock that is named (screen or prices) from whoever holds it", &["screen", "prices"]),
            ("target yes or no: whether the orphans are adopted", &["yes", "no"]),
            ("takes back the timer that is named, or the last one", &[]),
            ("one more item", &[]),
            ("or", &[]),
        ] {
            assert_eq!(alternatives(meaning), words, "{meaning}");
        }
    }

    #[test]
    fn an_action_without_a_target_is_a_button_and_one_with_a_target_asks_for_it() {
        let run = (*sample::deadlock().runs[0]).clone();
        let state = (OwnActions::default(), Actions::default());
        let mut harness = testing::view(260.0, 500.0, state, move |ui, (own, actions)| {
            own.ui(ui, Some(&run), Some(&testing::POOL), actions);
        });
        let acted = |harness: &mut egui_kittest::Harness<'_, (OwnActions, Actions)>| {
            let actions = harness.state_mut().1.take();
            let words = actions.iter().map(|action| match action {
                UiAction::Act(_, action) => action.to_string(),
                other => panic!("{other:?}"),
            });
            words.collect::<Vec<_>>()
        };
        harness.get_by_label("One more job").click();
        harness.run_steps(2);
        assert_eq!(acted(&mut harness), ["more"]);
        harness.get_by_label("Give it").click();
        harness.run_steps(3);
        harness.get_by_label("worker-2").click();
        harness.run_steps(3);
        assert_eq!(acted(&mut harness), ["give worker-2"]);
        harness.get_by_label("Give it").click();
        harness.run_steps(3);
        harness.get_by_label("Target of Give it").focus();
        harness.run_steps(1);
        harness.get_by_label("Target of Give it").type_text("somebody else");
        harness.run_steps(2);
        harness.get_by_label("Do it").click();
        harness.run_steps(2);
        assert_eq!(acted(&mut harness), ["give somebody else"]);
        assert!(harness.query_by_label("Step").is_none(), "that has its own button");
    }
}
