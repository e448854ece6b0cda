//! The things of a program of the user's, and what can be done with each while it runs: one menu for each thing. UI thread.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Button, Popup, PopupCloseBehavior, Response, TextEdit, Ui, vec2};

use crate::model::{Action, Lane, RunId, RunState, RunView, TaskState, actions_on};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::foreign;
use crate::ui::look::theme;
use crate::ui::look::widgets::button_width;

/// Things and sleepers with a button each; more could not be found again.
const MOST: usize = 16;

/// The items that were typed for queues, and the tasks of a run that have slept: each keeps the place of its button.
#[derive(Debug, Default)]
pub struct Things {
    typed: HashMap<String, String>,
    slept: (Option<RunId>, Vec<Arc<str>>),
}

impl Things {
    /// Draws a button for each thing that the program has made, and for each task that sleeps.
    pub fn ui(&mut self, ui: &mut Ui, run: &RunView, actions: &mut Actions) {
        let slept = self.slept(run);
        if matches!(run.state, RunState::Finished(_)) || run.things.is_empty() && slept.is_empty() {
            return;
        }
        ui.label(theme::caption(ui, "In this program"));
        ui.horizontal_wrapped(|ui| {
            let mut act = |word: &str, target: &str| actions.push(UiAction::Act(run.id, Action::own(word, target)));
            for thing in run.things.iter().take(MOST) {
                let shown = foreign::word(thing);
                let button = ui.button(format!("{shown} ▾")).on_hover_text("What can be done with it while the program runs.");
                let button = button.accessible_name(shown.as_ref());
                let menu = Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).width(180.0);
                menu.show(|ui| self.menu_ui(ui, thing, &mut act));
            }
            for task in slept {
                let text = format!("Let {} go on", foreign::word(&task));
                let lane = sleepers(run).find(|lane| lane.name == task);
                let left = lane.and_then(|lane| lane.seconds_left(run.elapsed));
                let button = ui.add_enabled_ui(lane.is_some(), |ui| timed_button(ui, &text, left)).inner;
                let button = button.on_hover_text("Ends its sleep now: go-on").on_disabled_hover_text("It does not sleep now.");
                if button.clicked() {
                    act("go-on", &task);
                }
            }
        });
        ui.add_space(4.0);
    }

    /// The tasks that have slept, in their places. Where there are too many, one that sleeps takes the place of one that does not.
    fn slept(&mut self, run: &RunView) -> Vec<Arc<str>> {
        let (of, slept) = &mut self.slept;
        if of.replace(run.id) != Some(run.id) {
            slept.clear();
        }
        let asleep: Vec<&Arc<str>> = sleepers(run).map(|lane| &lane.name).take(MOST).collect();
        for task in &asleep {
            if slept.contains(task) {
                continue;
            }
            match slept.iter().position(|known| !asleep.contains(&known)) {
                Some(place) if slept.len() >= MOST => slept[place] = Arc::clone(task),
                _ => slept.push(Arc::clone(task)),
            }
        }
        slept.clone()
    }

    fn menu_ui(&mut self, ui: &mut Ui, thing: &str, act: &mut dyn FnMut(&str, &str)) {
        for action in actions_on(thing) {
            if *action == "put" {
                let typed = self.typed.entry(thing.to_owned()).or_default();
                ui.horizontal(|ui| {
                    let field = ui.add(TextEdit::singleline(typed).hint_text("an item").desired_width(100.0));
                    let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                    field.accessible_name(format!("Item for {}", foreign::word(thing)));
                    if (ui.button("put").clicked() || is_entered) && !typed.trim().is_empty() {
                        act(action, &format!("{thing} {}", typed.trim()));
                        ui.close();
                    }
                });
            } else if ui.button(*action).clicked() {
                act(action, thing);
                ui.close();
            }
        }
    }
}

/// A button with the seconds after which what it does happens by itself. It has room for three digits, so that nothing moves as it counts down.
pub(super) fn timed_button(ui: &mut Ui, text: &str, left: Option<u64>) -> Response {
    let with = |left: &str| format!("{text} · {left} s");
    let shown = left.map_or_else(|| text.to_owned(), |left| with(&left.to_string()));
    let button = Button::new(shown).min_size(vec2(button_width(ui, with("000")), 0.0));
    ui.add(button).accessible_name(text)
}

/// Tasks whose sleep a person can end.
pub(super) fn sleepers(run: &RunView) -> impl Iterator<Item = &Lane> {
    let is_asleep = |state: TaskState, note: &str| state == TaskState::Sleeping && note == "sleep()";
    run.lanes.iter().map(|lane| &**lane).filter(move |lane| lane.words.last().is_some_and(|word| is_asleep(word.state, &word.on)))
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    #[test]
    fn each_thing_has_a_menu_of_its_own_actions_and_an_item_is_typed() {
        let mut run = sample::run(1, "");
        run.state = RunState::Running;
        run.things = vec!["event go".to_owned(), "queue belt".to_owned()];
        let state = (Things::default(), Actions::default());
        let mut harness = testing::view(260.0, 400.0, state, move |ui, (things, actions)| things.ui(ui, &run, actions));
        harness.get_by_label("event go").click();
        harness.run_steps(3);
        harness.get_by_label("clear").click();
        harness.run_steps(3);
        harness.get_by_label("queue belt").click();
        harness.run_steps(3);
        harness.get_by_label("Item for queue belt").focus();
        harness.run_steps(1);
        harness.get_by_label("Item for queue belt").type_text("a letter");
        harness.run_steps(2);
        harness.get_by_label("put").click();
        harness.run_steps(2);
        let actions = harness.state_mut().1.take();
        let words = actions.iter().map(|action| match action {
            UiAction::Act(_, action) => action.to_string(),
            other => panic!("{other:?}"),
        });
        assert_eq!(words.collect::<Vec<_>>(), ["clear event go", "put queue belt a letter"]);
        assert!(harness.query_by_label("reset").is_none());
    }

    #[test]
    fn a_sleep_that_can_be_ended_says_when_it_ends_by_itself_in_a_button_that_does_not_grow() {
        let view = |left: Option<f64>| {
            let mut run = sample::run(1, "");
            (run.state, run.elapsed) = (RunState::Running, crate::model::Monotonic::from_secs(1.0));
            let mut lane =
                (*sample::told_lane(0, "main", 4711, &[sample::segment(0.5, None, TaskState::Sleeping, "sleep()")])).clone();
            lane.until = left.map(|left| crate::model::Monotonic::from_secs(1.0 + left));
            run.lanes = vec![lane.into()];
            let state = (Things::default(), Actions::default());
            let harness = testing::view(260.0, 400.0, state, move |ui, (things, actions)| things.ui(ui, &run, actions));
            let shapes = harness.output().shapes.iter().map(|clipped| &clipped.shape);
            let texts =
                shapes.filter_map(|shape| if let egui::Shape::Text(text) = shape { Some(text.galley.text()) } else { None });
            let shown = texts.filter(|text| text.starts_with("Let main")).collect::<String>();
            (shown, harness.get_by_label("Let main go on").rect().width())
        };
        let [none, short, long] = [None, Some(6.5), Some(120.0)].map(view);
        assert_eq!([&none.0, &short.0, &long.0], ["Let main go on", "Let main go on · 7 s", "Let main go on · 120 s"]);
        let widths = [none.1, short.1, long.1];
        assert!(widths.iter().all(|width| (width - widths[0]).abs() < 0.01), "{widths:?}");
    }

    #[test]
    fn a_task_that_goes_on_leaves_every_button_in_its_place() {
        let lane = |id, name: &str, state| sample::told_lane(id, name, 4711, &[sample::segment(0.5, None, state, "sleep()")]);
        let mut run = sample::run(1, "");
        run.state = RunState::Running;
        run.lanes = vec![lane(0, "cook", TaskState::Sleeping), lane(1, "waiter", TaskState::Sleeping)];
        let state = (Things::default(), Actions::default(), run);
        let mut harness = testing::view(260.0, 400.0, state, |ui, (things, actions, run)| things.ui(ui, run, actions));
        let place = |harness: &egui_kittest::Harness<'_, _>| harness.get_by_label("Let waiter go on").rect();
        let before = place(&harness);
        harness.state_mut().2.lanes[0] = lane(0, "cook", TaskState::Running);
        harness.run_steps(3);
        assert_eq!(place(&harness), before);
        harness.get_by_label("Let cook go on").click();
        harness.run_steps(3);
        assert!(harness.state_mut().1.take().is_empty(), "it does not sleep");
    }

    #[test]
    fn a_run_that_is_over_has_nothing_to_act_on() {
        let mut run = (*sample::snapshot(1).runs[0]).clone();
        run.things = vec!["event go".to_owned()];
        run.state = RunState::Finished(crate::model::Finished {
            outcome: crate::model::Outcome::Passed,
            elapsed_s: 1.0,
            processes_left: 0,
            reason: None,
        });
        let state = (Things::default(), Actions::default());
        let harness = testing::view(260.0, 400.0, state, move |ui, (things, actions)| things.ui(ui, &run, actions));
        assert!(harness.query_by_label_contains("event go").is_none());
    }
}
