//! The selection: a scenario or programs, a process or one of its threads.

use crate::model::{Pid, RunId, RunView, Snapshot, Tid};
use crate::scenario::Scenario;

/// The selected process, and its selected thread.
pub type Selection = Option<(Pid, Option<Tid>)>;

/// The subject of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A scenario, by its id, and its newest run.
    Scenario(&'static str),
    /// Programs of the user's: one run of them, or the form to start one.
    Programs(Option<RunId>),
}

impl Subject {
    /// The run that is shown for it.
    pub fn run(self, snapshot: &Snapshot) -> Option<&RunView> {
        let is_shown = |run: &RunView| match self {
            Self::Scenario(id) => run.scenario == id,
            Self::Programs(Some(id)) => run.id == id,
            Self::Programs(None) => false,
        };
        snapshot.runs.iter().rev().map(std::convert::AsRef::as_ref).find(|run| is_shown(run))
    }

    /// Its scenario in a catalogue.
    pub fn scenario(self, catalogue: &[&'static Scenario]) -> Option<&'static Scenario> {
        match self {
            Self::Scenario(id) => catalogue.iter().copied().find(|scenario| scenario.id == id),
            Self::Programs(_) => None,
        }
    }
}

/// The id of the widget that has the focus while the keyboard is in the process table.
pub fn table_focus() -> egui::Id {
    egui::Id::unique("process table")
}
