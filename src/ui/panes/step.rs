//! Step mode: who stands at a gate, and the buttons that let one of them go on. UI thread; the gates are in the body.

use egui::{Align, Layout, ScrollArea, Ui, vec2};

use crate::model::{Action, Lane, RunView, TaskSort, TaskState};
use crate::scenario::{Chapter, STEP, Scenario};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;

/// Tasks that get a button.
const MOST: usize = 40;
/// As wide as what a task is about to do, mostly.
const BUTTON: f32 = 178.0;

/// Whether the tasks of a scenario can be made to wait for each other's turn. Of a program of the user's that shows once it runs.
pub fn has_gates(scenario: Option<&Scenario>, run: Option<&RunView>) -> bool {
    match scenario {
        Some(scenario) => matches!(scenario.chapter, Chapter::Threads | Chapter::Pools),
        None => run.is_some_and(|run| !run.things.is_empty()),
    }
}

/// The operation that a task is about to do, if it stands at a gate: `acquire lock A`.
fn at_gate(lane: &Lane) -> Option<String> {
    let last = lane.words.last().filter(|last| last.state == TaskState::Waiting && !lane.has_ended())?;
    Some(last.on.strip_prefix(STEP)?.trim_start_matches(':').trim_start().to_owned())
}

fn is_over(lane: &Lane) -> bool {
    let said = lane.words.last().map(|word| word.state);
    lane.has_ended() || matches!(said, Some(TaskState::Done | TaskState::Failed | TaskState::Zombie))
}

/// Whether step mode is on, where the body has said or somebody stands at a gate.
pub fn is_on(run: &RunView) -> Option<bool> {
    let said = run.values.get(STEP).and_then(serde_json::Value::as_str).map(|word| word == "on");
    let is_waiting = run.lanes.iter().any(|lane| at_gate(lane).is_some());
    if is_waiting { Some(true) } else { said }
}

/// Draws one button for each task that waits for its turn.
pub fn ui(ui: &mut Ui, run: &RunView, actions: &mut Actions) {
    let colors = palette(ui);
    let step = |target: &str| UiAction::Act(run.id, Action::own(STEP, target));
    widgets::notice_frame(ui, colors.blue, Layout::left_to_right(Align::Center), |ui| {
        // The bar floats: a row of buttons is as high as every notice.
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::horizontal().scroll_source(widgets::scroll_source(ui)).id_salt("step").auto_shrink([false, true]).show(
            ui,
            |ui| {
                ui.horizontal(|ui| {
                    ui.label(theme::bold("Who goes next?").color(colors.text));
                    if ui.button("All go on").on_hover_text("Leaves step mode: nobody waits at a gate any more.").clicked() {
                        actions.push(UiAction::Step);
                    }
                    ui.separator();
                    // A button for everybody, always in the same place: who is on the way to the next gate cannot be let go.
                    let tasks = run.lanes.iter().enumerate().filter(|(_, lane)| lane.sort == TaskSort::Thread && !is_over(lane));
                    let size = vec2(BUTTON, ui.spacing().interact_size.y);
                    for (place, lane) in tasks.take(MOST) {
                        let gate = at_gate(lane);
                        let about = gate.as_ref().filter(|about| !about.is_empty()).map(|about| format!(": {about}"));
                        let text = foreign::line(&format!("{}{}", lane.name, about.unwrap_or_default())).into_owned();
                        let stroke = (1.5, if gate.is_some() { colors.series(place).strong } else { colors.line });
                        let button = egui::Button::new(text).stroke(stroke).truncate();
                        let button = ui.add_enabled_ui(gate.is_some(), |ui| ui.add_sized(size, button)).inner;
                        let button = button.accessible_name(format!("Let {} go on", foreign::line(&lane.name)));
                        if button.on_disabled_hover_text("It does not stand at a gate now.").clicked() {
                            actions.push(step(&lane.name));
                        }
                    }
                });
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    #[test]
    fn whoever_stands_at_a_gate_can_be_let_go_and_whoever_waits_for_a_lock_cannot() {
        let mut run = (*sample::deadlock().runs[0]).clone();
        assert_eq!(is_on(&run), None, "nobody has said");
        run.values.insert("step".to_owned(), "off".into());
        assert_eq!(is_on(&run), Some(false));
        run.lanes[1] =
            sample::told_lane(1, "worker-1", 4712, &[sample::segment(0.0, None, TaskState::Waiting, "step: acquire lock B")]);
        assert_eq!(is_on(&run), Some(true));
        let mut harness = testing::view(1300.0, 80.0, Actions::default(), move |ui, actions| super::ui(ui, &run, actions));
        harness.get_by_label("Let worker-1 go on").click();
        harness.run_steps(2);
        harness.get_by_label("Let worker-2 go on").click();
        harness.run_steps(2);
        harness.get_by_label("All go on").click();
        harness.run_steps(2);
        let actions = harness.state_mut().take();
        let [UiAction::Act(_, action), UiAction::Step] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!(action.to_string(), "step worker-1");
    }
}
