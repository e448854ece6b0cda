//! From a request to the children that the supervisor is to start.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::engine::drive::command::{LaunchRequest, What};
use crate::engine::run::twins::Twins;
use crate::model::{ChildSpec, Input, Language, Monotonic};
use crate::scenario::{self, Params, Scenario};

/// Why a request cannot be launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No such scenario, or a parameter that does not fit.
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
    /// Nowhere is there room for them.
    #[error("could not make a folder for Python code: {0}; set TMPDIR to a folder that you may write to")]
    NoFolder(String),
    /// A program runs as itself.
    #[error("a scenario runs as rust or as python")]
    Language,
}

/// What a run needs to begin.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) title: String,
    pub(crate) scenario: Option<&'static Scenario>,
    pub(crate) language: Language,
    pub(crate) params: BTreeMap<String, Value>,
    pub(crate) stages: Vec<ChildSpec>,
    pub(crate) input: Option<Vec<u8>>,
}

/// Turns a request into children. `origin` is the zero of the run's clock, on `CLOCK_MONOTONIC`.
pub(crate) fn plan(request: &LaunchRequest, program: &Path, twins: &mut Twins, origin: Monotonic) -> Result<Plan, LaunchError> {
    match &request.what {
        What::Programs { stages, input } => {
            let names: Vec<String> = stages.iter().map(ChildSpec::display_name).collect();
            let mut stages = stages.clone();
            if let (Some(first), Some(_)) = (stages.first_mut(), input) {
                first.stdin = Input::Pipe;
            }
            let clock = origin.nanos().to_string();
            for stage in stages.iter_mut().filter(|stage| stage.lesson_pipes) {
                let path = twins.python_path(stage)?;
                stage.env.push(("PYTHONPATH".into(), path));
                stage.env.push(("TASKLAB_T0".into(), clock.clone().into()));
            }
            let params = BTreeMap::new();
            let input = input.clone();
            Ok(Plan { title: names.join(" | "), scenario: None, language: Language::Program, params, stages, input })
        }
        What::Scenario { id, language, params } => {
            let scenario = scenario::find(id).map_err(|error| LaunchError::Usage(error.to_string()))?;
            let params = Params::checked(scenario.params, params).map_err(|error| LaunchError::Usage(error.to_string()))?;
            let body = match language {
                Language::Rust => ChildSpec { executable: Some(program.into()), ..ChildSpec::new(["tasklab", "__worker", id]) },
                Language::Python => {
                    let twin = twins.lay_out(scenario)?;
                    ChildSpec {
                        clear_env: true,
                        env: twins.environment()?,
                        ..ChildSpec::new(["python3".into(), twin.into_os_string()])
                    }
                }
                Language::Program => return Err(LaunchError::Language),
            };
            let mut body = ChildSpec { name: id.clone(), lesson_pipes: true, ..body };
            // What a lesson that is killed leaves behind goes with ours.
            if let Ok(folder) = twins.folder() {
                body.env.push(("TMPDIR".into(), folder.into()));
            }
            let values = serde_json::to_string(params.values()).unwrap_or_default();
            body.env.push(("TASKLAB_PARAMS".into(), values.into()));
            body.env.push(("TASKLAB_T0".into(), origin.nanos().to_string().into()));
            let params = params.values().clone();
            let title = scenario.title.to_owned();
            Ok(Plan { title, scenario: Some(scenario), language: *language, params, stages: vec![body], input: None })
        }
    }
}
