//! What the window and the command line ask of the engine.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::engine::comparison::compare::CompareRequest;
use crate::model::{Action, ChildSpec, Group, Language, Line, RunId, StopPlan, TimedAction};
use crate::supervisor::LineRequest;

/// A request to the engine. What comes of it is seen in the next snapshots.
#[derive(Debug, Clone)]
pub enum Command {
    /// Start a run.
    Launch(Box<LaunchRequest>),
    /// Run a scenario in two or more ways, one after the other, and say what each took.
    Compare(Box<CompareRequest>),
    /// Do something to a process, line or task of a run.
    Act {
        /// Which run.
        run: RunId,
        /// What, and to what.
        action: Action,
    },
    /// Pass on what comes from a descriptor to the first program of a run, as if it were typed.
    Feed {
        /// Which run.
        run: RunId,
        /// Reads without waiting.
        from: Arc<OwnedFd>,
        /// Whether the program's input ends where this ends.
        ends: bool,
    },
    /// Toggle a GPIO line that belongs to no run.
    ToggleLine(Line),
    /// Give back a GPIO line that was driven so.
    FreeLine(Line),
    /// Do something else with the header's lines.
    Lines {
        /// The sender's number for it, which the one `EngineEvent::Board` that answers it has again.
        ask: Option<u64>,
        /// What.
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

/// What to start, and how.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// What.
    pub what: What,
    /// Actions at times of the run, besides those of the user.
    pub script: Vec<TimedAction>,
    /// After this long the run is ended, and its outcome is `timed-out`.
    pub timeout: Option<Duration>,
    /// How it is ended.
    pub stop: StopPlan,
}

impl LaunchRequest {
    /// Whether its children start in our own process group, so that a terminal sends them what it sends us.
    pub fn shares_our_group(&self) -> bool {
        let What::Programs { stages, .. } = &self.what else { return false };
        stages.iter().any(|stage| stage.group == Group::Inherited && !stage.new_session && stage.terminal.is_none())
    }
}

/// What a run is made of.
#[derive(Debug, Clone)]
pub enum What {
    /// A scenario of the catalogue.
    Scenario {
        /// Its id.
        id: String,
        /// Which body.
        language: Language,
        /// Values in place of the defaults; checked against the scenario's specs.
        params: BTreeMap<String, Value>,
    },
    /// Programs of the user's: one, or the stages of a pipeline.
    Programs {
        /// The stages, first to last.
        stages: Vec<ChildSpec>,
        /// Text for the first stage's standard input, which is closed after it; in place of the spec's.
        input: Option<Vec<u8>>,
    },
}
