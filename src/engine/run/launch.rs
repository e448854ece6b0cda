//! From a request to the children that the supervisor is to start.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use serde_json::Value;

use crate::engine::run::requests::{LaunchError, LaunchRequest, What};
use crate::engine::run::twins::Twins;
use crate::model::{ChildSpec, Input, Language, Monotonic};
use crate::scenario::{self, Params, Scenario};

/// The parts that a run needs to begin.
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
            // Files that a killed lesson leaves behind are removed with ours.
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

/// Descriptors of a child that come to us: its pidfd, three streams, two pipes of a lesson.
pub(crate) const PER_STAGE: usize = 6;
/// Descriptors that are left for looking at /proc and for a new supervisor.
const KEPT_FREE: usize = 16;

/// Whether there is room for the descriptors of a launch, besides those that are `awaited` already. Without room, the report of the
/// launch would arrive without its descriptors, and all runs would be lost.
pub(crate) fn has_room(awaited: usize, request: &LaunchRequest) -> Result<(), String> {
    let stages = if let What::Programs { stages, .. } = &request.what { stages.len() } else { 1 };
    let wanted = stages * PER_STAGE + awaited + KEPT_FREE;
    let (Some(limit), Ok(open)) = (getrlimit(Resource::Nofile).current, open_descriptors()) else { return Ok(()) };
    if open + wanted as u64 <= limit {
        return Ok(());
    }
    Err(format!(
        "{open} of {limit} files are open, and it needs {wanted} more; end other runs, or raise the limit (ulimit -n) before"
    ))
}

/// How many descriptors this process has open. From Linux 6.2 on it is the size of the folder.
fn open_descriptors() -> std::io::Result<u64> {
    let size = std::fs::metadata("/proc/self/fd")?.len();
    if size > 0 { Ok(size) } else { Ok(std::fs::read_dir("/proc/self/fd")?.count() as u64) }
}
