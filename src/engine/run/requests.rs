//! Requests for a run: its launch, and actions on it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::model::{Action, By, ChildSpec, Group, Language, Monotonic, StopPlan, TimedAction};

/// A run to start.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// The scenario or the programs.
    pub what: What,
    /// Actions at times of the run, besides those of the user.
    pub script: Vec<TimedAction>,
    /// After this long the run is ended, and its outcome is `timed-out`.
    pub timeout: Option<Duration>,
    /// The plan for its end.
    pub stop: StopPlan,
}

impl LaunchRequest {
    /// Whether its children start in our own process group, so that a terminal sends them the same signals as us.
    pub fn shares_our_group(&self) -> bool {
        let What::Programs { stages, .. } = &self.what else { return false };
        stages.iter().any(|stage| stage.group == Group::Inherited && !stage.new_session && stage.terminal.is_none())
    }
}

/// The work of a run.
#[derive(Debug, Clone)]
pub enum What {
    /// A scenario of the catalogue.
    Scenario {
        /// Its id.
        id: String,
        /// The language of the body.
        language: Language,
        /// Values in place of the defaults; checked against the scenario's specs.
        params: BTreeMap<String, Value>,
    },
    /// The user's programs: one, or the stages of a pipeline.
    Programs {
        /// The stages, first to last.
        stages: Vec<ChildSpec>,
        /// Text for the first stage's standard input, which is closed after it; in place of the spec's.
        input: Option<Vec<u8>>,
    },
}

/// Why a request cannot be launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such scenario, or a parameter does not fit.
    #[error("{0}")]
    Usage(String),
    /// A Python twin or the shim could not be laid out.
    #[error("could not write Python code to {path}: {error}")]
    Twin {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// No folder can be made for Python code.
    #[error("could not make a folder for Python code: {0}; set TMPDIR to a folder that you may write to")]
    NoFolder(String),
    /// `Language::Program` is no language of a scenario.
    #[error("a scenario runs as rust or as python")]
    Language,
}

/// An action on a run, with the person or script that asks for it.
#[derive(Debug, Clone)]
pub(crate) struct ActionRequest {
    pub(crate) action: Action,
    pub(crate) by: By,
    /// Whether it belongs to the scenario's own demo: then it may come too late.
    pub(crate) is_demo: bool,
    pub(crate) at: Monotonic,
}
