//! The requests of the views: a queue that the window works off after drawing, so that no view changes what another one reads.

use crate::engine::{CompareRequest, LaunchRequest};
use crate::model::{Action, Language, Line, Pid, RunId, Tid};

use crate::ui::ask::commands::UiCommand;
use crate::ui::ask::selection::Subject;

/// One thing that a view asks for.
#[derive(Debug, Clone)]
pub enum UiAction {
    /// As if its key had been pressed.
    Command(UiCommand),
    /// Look at a scenario or at programs.
    Show(Subject),
    /// Look at a process, or one of its threads.
    Select(Pid, Option<Tid>),
    /// Run scenarios in this language from now on.
    Speak(Language),
    /// Start something.
    Launch(Box<LaunchRequest>),
    /// Run a scenario in two or more ways.
    Compare(Box<CompareRequest>),
    /// Turn step mode of the shown scenario on or off; before a run, start it in step mode.
    Step,
    /// Tell a person something.
    Say(String),
    /// Do something to a run of the shown subject.
    Act(RunId, Action),
    /// Toggle a line of the header that no run owns.
    ToggleLine(Line),
    /// Give back a line of the header that was driven so.
    FreeLine(Line),
    /// Press the virtual button of a GPIO line, or let it go.
    PressLine(Line, bool),
    /// Save the edges of a run's GPIO lines.
    SaveEdges(RunId),
    /// Take a finished run out of the list.
    Forget(RunId),
}

/// The queue of one frame.
#[derive(Debug, Default)]
pub struct Actions(Vec<UiAction>);

impl Actions {
    /// Asks for something.
    pub fn push(&mut self, action: UiAction) {
        self.0.push(action);
    }

    /// Asks for a command.
    pub fn command(&mut self, command: UiCommand) {
        self.push(UiAction::Command(command));
    }

    /// Everything that was asked for, in order; the queue is empty then.
    pub fn take(&mut self) -> Vec<UiAction> {
        std::mem::take(&mut self.0)
    }
}
