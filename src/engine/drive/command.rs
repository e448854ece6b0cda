//! Commands of the window and the command line to the engine.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::engine::comparison::compare::CompareRequest;
use crate::engine::run::requests::LaunchRequest;
use crate::model::{Action, Line, RunId};
use crate::supervisor::LineRequest;

/// A request to the engine. The next snapshots show its result.
#[derive(Debug, Clone)]
pub enum Command {
    /// Start a run.
    Launch(Box<LaunchRequest>),
    /// Run a scenario in two or more ways, one after the other, and compare their costs.
    Compare(Box<CompareRequest>),
    /// Do something to a process, line or task of a run.
    Act {
        /// The run.
        run: RunId,
        /// The action with its target.
        action: Action,
    },
    /// Pass on the input from a descriptor to the first program of a run, as if it were typed.
    Feed {
        /// The run.
        run: RunId,
        /// The descriptor; reads do not wait.
        from: Arc<OwnedFd>,
        /// Whether the program's input ends where this ends.
        ends: bool,
    },
    /// Toggle a GPIO line that belongs to no run.
    ToggleLine(Line),
    /// Give back a GPIO line that was toggled so.
    FreeLine(Line),
    /// Do something else with the header's lines.
    Lines {
        /// The sender's number for it, which the one `EngineEvent::Board` that answers it has again.
        request_number: Option<u64>,
        /// The request for the header.
        request: LineRequest,
    },
    /// End all runs, by their stop plans.
    StopEverything,
    /// Write a run's recording and its processes into files. A notice says where, or why not.
    Save(RunId),
    /// Write the edges of a run's GPIO lines into files, likewise.
    SaveEdges(RunId),
    /// Forget a finished run.
    Forget(RunId),
}
