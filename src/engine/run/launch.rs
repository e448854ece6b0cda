//! From a request to the children that the supervisor is to start.

use std::collections::{BTreeMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use serde_json::Value;

use crate::engine::run::python::PythonProgram;
use crate::engine::run::python::knobs::{OwnProgram, let_it_have_them};
use crate::engine::run::requests::{LaunchError, LaunchRequest, What};
use crate::engine::run::twins::Twins;
use crate::model::{ChildSpec, Input, Language, Monotonic, SourceView};
use crate::scenario::{self, Params, REPLAY, Scenario};

/// The parts that a run needs to begin.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) title: String,
    pub(crate) scenario: Option<&'static Scenario>,
    pub(crate) language: Language,
    pub(crate) params: BTreeMap<String, Value>,
    /// The same, for the judge of the lesson.
    pub(crate) checked: Params,
    pub(crate) stages: Vec<ChildSpec>,
    pub(crate) input: Option<Vec<u8>>,
    /// The script of a Python program of the user's.
    pub(crate) source: Option<Arc<SourceView>>,
    /// Whether a body tells what it does, from its start.
    pub(crate) is_told: bool,
    /// Sentences about what is not as it was asked for.
    pub(crate) notices: Vec<String>,
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
            let source = source_of(&stages);
            let mut notices = Vec::new();
            for stage in &mut stages {
                notices.extend(let_it_tell(stage, twins, origin)?);
            }
            name_first_lanes(&mut stages);
            for stage in stages.iter_mut().filter(|stage| stage.observe && stage.lesson_pipes) {
                let_it_have_them(stage, || Ok(twins.shim()?.join("tasklab/run_with_knobs.py").into()))?;
            }
            let (params, checked) = (BTreeMap::new(), Params::defaults(&[]));
            let (title, language, input) = (names.join(" | "), Language::Program, input.clone());
            let is_told =
                notices.is_empty() && stages.iter().any(|stage| stage.env.iter().any(|(name, _)| name == "TASKLAB_OBSERVE"));
            Ok(Plan { title, scenario: None, language, params, checked, stages, input, source, is_told, notices })
        }
        What::Scenario { id, language, params } => {
            let scenario = scenario::find(id).map_err(|error| LaunchError::Usage(error.to_string()))?;
            let checked = Params::checked(scenario.params, params).map_err(|error| LaunchError::Usage(error.to_string()))?;
            let body = match language {
                Language::Rust => ChildSpec { executable: Some(program.into()), ..ChildSpec::new(["tasklab", "__worker", id]) },
                Language::Python => {
                    let twin = twins.lay_out(scenario, &checked)?;
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
            let order = checked.text(REPLAY);
            if !order.trim().is_empty() {
                body.env.push(("TASKLAB_ORDER".into(), order.into()));
            }
            if *language == Language::Python {
                body.env.push(("TASKLAB_OBSERVE".into(), "1".into()));
                if scenario.needs_gpiozero() {
                    body.env.push(("GPIOZERO_PIN_FACTORY".into(), "tasklab".into()));
                }
            } else {
                let values = serde_json::to_string(checked.values()).unwrap_or_default();
                body.env.push(("TASKLAB_PARAMS".into(), values.into()));
            }
            body.env.push(("TASKLAB_T0".into(), origin.nanos().to_string().into()));
            body.events_file = twins.events_file().ok().map(PathBuf::into_os_string);
            let params = checked.values().clone();
            let title = scenario.title.to_owned();
            let (scenario, stages, notices) = (Some(scenario), vec![body], Vec::new());
            Ok(Plan {
                title,
                scenario,
                language: *language,
                params,
                checked,
                stages,
                input: None,
                source: None,
                is_told: true,
                notices,
            })
        }
    }
}

/// The script of a single program, if it is observed: of a pipeline's lanes nobody could tell in which of the scripts a line is.
fn source_of(stages: &[ChildSpec]) -> Option<Arc<SourceView>> {
    let [stage] = stages else { return None };
    let program = OwnProgram::of(stage).filter(|_| stage.observe)?.ok()?;
    let file = program.file().display().to_string();
    Some(Arc::new(SourceView { file, text: program.source_of(stage).into() }))
}

/// In a pipeline each observed stage calls the lane of its first thread by its script, since only one lane can be `main`.
fn name_first_lanes(stages: &mut [ChildSpec]) {
    if stages.len() < 2 {
        return;
    }
    let mut taken = HashSet::new();
    for stage in stages.iter_mut().filter(|stage| stage.lesson_pipes && stage.observe) {
        let script = stage.argv.iter().skip(1).find(|word| !word.as_bytes().starts_with(b"-"));
        let stem = script.and_then(|script| Path::new(script).file_stem()).map(|stem| stem.to_string_lossy().into_owned());
        let name = stem.unwrap_or_else(|| stage.display_name());
        let mut names = std::iter::once(name.clone()).chain((2_u32..).map(|number| format!("{name}-{number}")));
        if let Some(name) = names.find(|name| taken.insert(name.clone())) {
            stage.env.push(("TASKLAB_TASK".into(), name.into()));
        }
    }
}

/// Gives a program of the user's what it needs to tell what it does, if it is to. Returns why it will not be observed although it was to be.
fn let_it_tell(stage: &mut ChildSpec, twins: &mut Twins, origin: Monotonic) -> Result<Option<String>, LaunchError> {
    let python = if stage.observe { PythonProgram::of(stage) } else { None };
    if !stage.lesson_pipes && python.is_none() {
        return Ok(None);
    }
    let path = match (twins.python_path(stage), &python) {
        (Ok(path), _) => path,
        // Nobody has asked for it by name: the program runs without.
        (Err(error), Some(python)) if !stage.lesson_pipes => {
            return Ok(Some(format!("could not observe {}: {error}", python.name())));
        }
        (Err(error), _) => return Err(error),
    };
    stage.lesson_pipes = true;
    stage.events_file = twins.events_file().ok().map(PathBuf::into_os_string);
    stage.env.push(("PYTHONPATH".into(), path));
    stage.env.push(("TASKLAB_T0".into(), origin.nanos().to_string().into()));
    if stage.observe {
        stage.env.push(("TASKLAB_OBSERVE".into(), "1".into()));
    }
    Ok(python.as_ref().and_then(PythonProgram::unobserved))
}

/// Descriptors of a child that we have: its pidfd, three streams, two pipes of a lesson, and the other end of one.
pub(crate) const PER_STAGE: usize = 7;
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
