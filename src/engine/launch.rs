//! From a request to the children that the supervisor is to start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::{LaunchRequest, What};
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
    /// A program runs as itself.
    #[error("a scenario runs as rust or as python")]
    Language,
}

/// What a run needs to begin.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) title: String,
    pub(super) scenario: Option<&'static Scenario>,
    pub(super) language: Language,
    pub(super) params: BTreeMap<String, Value>,
    pub(super) stages: Vec<ChildSpec>,
    pub(super) input: Option<Vec<u8>>,
}

/// Where the Python twins and their shim lie while this engine runs: a private folder, removed with it.
#[derive(Debug, Default)]
pub(super) struct Twins(Option<PathBuf>);

impl Twins {
    /// The path of a twin, written on its first use.
    fn lay_out(&mut self, scenario: &Scenario) -> Result<PathBuf, LaunchError> {
        let folder = self.folder()?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|error| LaunchError::Twin { path: path.clone(), error }).map(|()| path)
        };
        for (name, text) in scenario::PYTHON_SHIM {
            write(name, text)?;
        }
        write(&format!("{}.py", scenario.id), scenario.python)
    }

    /// Where a program's Python finds `import tasklab`, before what its own PYTHONPATH names. The shim lies in a folder of its own: a
    /// twin beside it may have the name of one of Python's modules.
    fn python_path(&mut self, program: &ChildSpec) -> Result<OsString, LaunchError> {
        let folder = self.folder()?.join("import");
        let failed = |path: &Path| {
            let path = path.to_owned();
            |error| LaunchError::Twin { path, error }
        };
        std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
        for (name, text) in scenario::PYTHON_SHIM {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(failed(&path))?;
        }
        let own = program.env.iter().rev().find(|(name, _)| name == "PYTHONPATH").map(|(_, value)| value.clone());
        let inherited = || std::env::var_os("PYTHONPATH").filter(|_| !program.clear_env);
        let mut all = folder.into_os_string();
        if let Some(own) = own.or_else(inherited).filter(|path| !path.is_empty()) {
            all.push(":");
            all.push(own);
        }
        Ok(all)
    }

    fn folder(&mut self) -> Result<PathBuf, LaunchError> {
        // Another engine of this process has another one.
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        if let Some(folder) = &self.0 {
            return Ok(folder.clone());
        }
        let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
        let base = base.unwrap_or_else(std::env::temp_dir);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = base.join(format!("tasklab-{}-{number}", std::process::id()));
        // A folder of that name can only be a dead Task Lab's; nobody else's is taken, since making it must succeed.
        let _ = std::fs::remove_dir_all(&folder);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| LaunchError::Twin { path: folder.clone(), error })?;
        self.0 = Some(folder.clone());
        Ok(folder)
    }
}

impl Drop for Twins {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Turns a request into children. `origin` is the zero of the run's clock, on `CLOCK_MONOTONIC`.
pub(super) fn plan(request: &LaunchRequest, program: &Path, twins: &mut Twins, origin: Monotonic) -> Result<Plan, LaunchError> {
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
                Language::Rust => {
                    ChildSpec { executable: Some(program.to_owned()), ..ChildSpec::new(["tasklab", "__worker", id]) }
                }
                Language::Python => {
                    let twin = twins.lay_out(scenario)?;
                    ChildSpec {
                        env: vec![("PYTHONUNBUFFERED".into(), "1".into()), ("PYTHONDONTWRITEBYTECODE".into(), "1".into())],
                        ..ChildSpec::new(["python3".into(), twin.into_os_string()])
                    }
                }
                Language::Program => return Err(LaunchError::Language),
            };
            let mut body = ChildSpec { name: id.clone(), lesson_pipes: true, ..body };
            let values = serde_json::to_string(params.values()).unwrap_or_default();
            body.env.push(("TASKLAB_PARAMS".into(), values.into()));
            body.env.push(("TASKLAB_T0".into(), origin.nanos().to_string().into()));
            let params = params.values().clone();
            let title = scenario.title.to_owned();
            Ok(Plan { title, scenario: Some(scenario), language: *language, params, stages: vec![body], input: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_engines_lay_their_twins_out_apart_and_each_removes_its_own() {
        let scenario = scenario::CATALOGUE[0];
        let (mut first, mut second) = (Twins::default(), Twins::default());
        let mine = first.lay_out(scenario).expect("written");
        let other = second.lay_out(scenario).expect("written");
        assert_ne!(mine, other);
        drop(second);
        assert!(mine.exists() && !other.exists());
        assert_eq!(first.lay_out(scenario).expect("written again"), mine, "one folder for all of an engine's");
        drop(first);
        assert!(!mine.parent().expect("a folder").exists());
    }
}
