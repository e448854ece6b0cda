//! Why a launch failed, in words that say what helps.

use std::io;

use serde::{Deserialize, Serialize};

use crate::model::ChildSpec;
use crate::sys::{PrepareError, SpawnError, SpawnStep, advice_on_clone};

/// Why a launch failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("could not start {program}{}: {problem}", stage_words(*stage, *stages))]
pub struct LaunchFailure {
    /// The stage that failed, from 0.
    pub stage: usize,
    /// The number of stages.
    pub stages: usize,
    /// The program of the stage.
    pub program: String,
    /// The reason.
    pub problem: LaunchProblem,
}

fn stage_words(stage: usize, stages: usize) -> String {
    if stages > 1 { format!(" (stage {} of {stages})", stage + 1) } else { String::new() }
}

/// A remedy, for errors whose own words name none.
fn advice(error: SpawnError, path: &str) -> &'static str {
    match (error.step, error.errno) {
        (SpawnStep::Clone, libc::EAGAIN) => advice_on_clone(&io::Error::from_raw_os_error(error.errno)),
        (SpawnStep::Exec, libc::ENOENT) if path.starts_with("/proc/self/") => {
            "; nothing works without /proc: `mount -t proc proc /proc` as root brings it back"
        }
        (SpawnStep::Clone, libc::EMFILE | libc::ENFILE) => {
            "; the limit on open files is reached (ulimit -n): end some children, or raise it before starting Task Lab"
        }
        (SpawnStep::Exec, libc::E2BIG) => "; arguments and environment are too large (ulimit -s, a quarter of it)",
        _ => "",
    }
}

/// Why one stage could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LaunchProblem {
    /// The request cannot be carried out as it is.
    #[error("{0}")]
    Spec(String),
    /// The machine cannot take one more, or cannot set its limits.
    #[error("{0}")]
    NoCapacity(String),
    /// It could not be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A step of starting it failed.
    #[error("could not {}{}{path}: {}{}", error.step, if path.is_empty() { "" } else { " " }, io::Error::from_raw_os_error(error.errno), advice(*error, path))]
    Spawn {
        /// The step and its error.
        error: SpawnError,
        /// The program, the folder or the limit that the step needed; empty for other steps.
        path: String,
    },
}

impl LaunchFailure {
    /// The failure of one stage of these.
    pub(super) fn of(stages: &[ChildSpec], stage: usize, problem: LaunchProblem) -> Self {
        let program = stages.get(stage).map(ChildSpec::display_name).unwrap_or_default();
        Self { stage, stages: stages.len(), program, problem }
    }

    /// The exit status that a shell would give: 127 not found, 126 found but not executable, 125 anything else.
    pub fn shell_code(&self) -> i32 {
        match &self.problem {
            LaunchProblem::Spawn { error, .. } if error.step == SpawnStep::Exec => {
                if matches!(error.errno, libc::ENOENT | libc::ENOTDIR) { 127 } else { 126 }
            }
            _ => 125,
        }
    }
}

impl LaunchProblem {
    /// A step of starting this child failed.
    pub(super) fn spawn(error: SpawnError, spec: &ChildSpec) -> Self {
        Self::Spawn { error, path: subject(error, spec) }
    }
}

/// The object of the failed step: the folder, the program, the limit.
fn subject(error: SpawnError, spec: &ChildSpec) -> String {
    match (error.step, &spec.cwd, &spec.executable) {
        (SpawnStep::Cwd, Some(cwd), _) => cwd.display().to_string(),
        (SpawnStep::Exec, _, Some(executable)) => executable.display().to_string(),
        (SpawnStep::Exec, _, None) => spec.argv[0].display().to_string(),
        (SpawnStep::Limit, ..) => spec.limits.iter().map(|limit| limit.resource.to_string()).collect::<Vec<_>>().join(", "),
        (SpawnStep::Affinity, ..) => format!("{:?}", spec.affinity),
        (SpawnStep::Nice, ..) => format!("by {}", spec.nice.unwrap_or_default()),
        _ => String::new(),
    }
}
