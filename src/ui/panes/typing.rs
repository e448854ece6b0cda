//! A line for a program that reads what is typed: shown where its standard input is a pipe or terminal of ours. UI thread; sends nothing
//! itself.

use std::collections::HashMap;

use egui::{Align, Key, Layout, TextEdit, Ui};

use crate::engine::{LaunchRequest, What};
use crate::model::{Action, Input, Pid, ProcessRow, RunId, RunState, RunView};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::theme;

/// Which runs can be typed to, and what stands in the field.
#[derive(Debug, Default)]
pub struct Typing {
    /// Whether the program that was launched last can be.
    is_awaited: bool,
    /// Whether the input is still open, by run.
    runs: HashMap<RunId, bool>,
    text: String,
}

impl Typing {
    /// A program was asked for.
    pub fn launched(&mut self, request: &LaunchRequest) {
        let What::Programs { stages, input } = &request.what else { return };
        self.is_awaited = input.is_none() && stages.first().is_some_and(|first| first.stdin == Input::Pipe);
    }

    /// Its run is there.
    pub fn arrived(&mut self, run: RunId) {
        if std::mem::take(&mut self.is_awaited) {
            self.runs.insert(run, true);
        }
    }

    /// The program that is typed to: the first of a run, as long as it lives.
    fn reader(&self, run: &RunView) -> Option<Pid> {
        let is_over = matches!(run.state, RunState::Finished(_));
        let first = run.processes.first().filter(|first| first.status.is_none() && !is_over)?;
        self.runs.get(&run.id).map(|_| first.pid)
    }

    /// Draws the field, if the process is one that reads from us.
    pub fn ui(&mut self, ui: &mut Ui, run: &RunView, process: &ProcessRow, actions: &mut Actions) {
        let Some(pid) = self.reader(run).filter(|reader| *reader == process.pid) else { return };
        let Some(is_open) = self.runs.get_mut(&run.id) else { return };
        ui.add_space(2.0);
        ui.label(theme::caption(ui, "Its standard input"));
        ui.add_enabled_ui(*is_open, |ui| {
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let closed = "The input is closed: it reads the end of the file.";
                    let close = ui.button("Close").accessible_name("Close its input");
                    let close = close.on_hover_text("It reads the end of the file then, as with Ctrl+D in a terminal.");
                    let is_closed = close.on_disabled_hover_text(closed).clicked();
                    let send = ui.button("Send").accessible_name("Send the line").on_hover_text("Writes the line and a newline.");
                    let mut is_sent = send.on_disabled_hover_text(closed).clicked();
                    let width = ui.available_width();
                    let field = ui.add(TextEdit::singleline(&mut self.text).hint_text("a line").desired_width(width));
                    is_sent |= field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                    let field = field.accessible_name("Line for its input");
                    if is_sent {
                        actions.push(UiAction::Act(run.id, Action::Type(pid.into(), std::mem::take(&mut self.text))));
                        field.request_focus();
                    }
                    if is_closed {
                        *is_open = false;
                        actions.push(UiAction::Act(run.id, Action::CloseInput(pid.into())));
                    }
                })
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::model::{ChildSpec, StopPlan};
    use crate::ui::{sample, testing};

    fn launched(stdin: Input, input: Option<Vec<u8>>) -> Typing {
        let stages = vec![ChildSpec { stdin, ..ChildSpec::new(["cat"]) }];
        let mut typing = Typing::default();
        typing.launched(&LaunchRequest {
            what: What::Programs { stages, input },
            script: Vec::new(),
            timeout: None,
            stop: StopPlan::default(),
        });
        typing.arrived(RunId::new(1));
        typing
    }

    #[test]
    fn only_a_program_whose_input_is_an_open_pipe_can_be_typed_to() {
        let mut run = (*sample::deadlock().runs[0]).clone();
        assert_eq!(launched(Input::Pipe, None).reader(&run).map(Pid::number), Some(4711));
        assert_eq!(launched(Input::Null, None).reader(&run), None);
        assert_eq!(launched(Input::Pipe, Some(b"text".to_vec())).reader(&run), None, "the end of the file follows the text");
        run.processes.remove(0);
        assert_eq!(launched(Input::Pipe, None).reader(&run), None, "it has ended");
    }

    #[test]
    fn a_line_is_sent_and_the_input_is_closed_once() {
        let run = (*sample::deadlock().runs[0]).clone();
        let state = (launched(Input::Pipe, None), Actions::default());
        let mut harness = testing::view(230.0, 100.0, state, move |ui, (typing, actions)| {
            typing.ui(ui, &run, &run.processes[0], actions);
        });
        harness.get_by_label("Line for its input").focus();
        harness.run();
        harness.get_by_label("Line for its input").type_text("two words");
        harness.run();
        for button in ["Send the line", "Close its input", "Close its input"] {
            harness.get_by_label(button).click();
            harness.run_steps(3);
        }
        let actions = harness.state_mut().1.take();
        let words: Vec<String> = actions
            .iter()
            .map(|action| match action {
                UiAction::Act(_, action) => action.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(words, ["type 4711 two words", "close-stdin 4711"]);
    }
}
