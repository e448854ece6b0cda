//! What the app and the supervisor say to each other. Both are the same binary, so the form may change freely.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use super::header::LineRequest;
use crate::gpio::Edge;
use crate::model::{BoardView, ChildSpec, ExitStatus, Pgid, Pid, Refusal, RunId, Scope, Sid, Signal, Usage};
use crate::sys::{PidFd, SpawnError, advice_on_clone};

/// What the app asks for.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Start these stages, connected by pipes; all or none. Answered by `Launched` or `NotLaunched`.
    Launch {
        /// The run that they belong to.
        run: RunId,
        /// First to last.
        stages: Vec<ChildSpec>,
    },
    /// Send signals, one after the other, to a process that descends from the supervisor. Answered by `Signaled`.
    Signal {
        /// Named again in the answer.
        ask: u64,
        /// To whom.
        pid: Pid,
        /// Which.
        signals: Vec<Signal>,
        /// Who besides it.
        scope: Scope,
    },
    /// Wait on a child that was started with [`Reaping::WhenAsked`](crate::model::Reaping), now or when it ends.
    Reap {
        /// Which.
        pid: Pid,
    },
    /// Send signals to every process of a run, and say which there are; after SIGKILL, which are left. Answered by `Members`.
    SignalRun {
        /// Which run.
        run: RunId,
        /// Which signals; none to count only.
        signals: Vec<Signal>,
        /// Whether no other run is alive: then descendants that hide where they come from are taken for this one's.
        is_only_run: bool,
        /// Orphans that were once seen below this run's processes, for those that hide where they come from.
        seen: Vec<Pid>,
    },
    /// Do something with the header's lines. Answered by `Board` or `Edges`.
    Lines {
        /// Named again in the answer; 0 by those who do not wait for it.
        ask: u64,
        /// What.
        request: LineRequest,
    },
    /// Remove this folder at the end, when everything has ended.
    RemoveAtEnd {
        /// Its path, absolute.
        folder: OsString,
    },
    /// Count everything that is alive. Answered by `Counted`.
    CountAll,
    /// Say `Here`.
    AreYouThere,
}

/// What the supervisor tells.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The supervisor is there. The packet carries its pidfd. Said once, first of all.
    Ready {
        /// Its PID.
        pid: Pid,
        /// Why /proc cannot tell of its children, if it cannot.
        trouble: Option<String>,
    },
    /// All stages run. The packet carries, for each child in turn, its pidfd and then the pipe ends that are flagged.
    Launched {
        /// The run.
        run: RunId,
        /// First stage to last.
        children: Vec<LaunchedChild>,
    },
    /// Nothing runs.
    NotLaunched {
        /// The run.
        run: RunId,
        /// Why.
        failure: LaunchFailure,
    },
    /// A signal stopped a child.
    Stopped {
        /// Which child.
        pid: Pid,
        /// Which signal.
        signal: Signal,
    },
    /// A child goes on.
    Continued {
        /// Which child.
        pid: Pid,
    },
    /// A child, or an adopted orphan, has ended.
    Exited {
        /// Which.
        pid: Pid,
        /// How.
        status: ExitStatus,
        /// Whether it has been reaped, too; otherwise it is a zombie.
        is_reaped: bool,
        /// What it has used.
        usage: Usage,
    },
    /// A zombie was waited on, as asked.
    Reaped {
        /// Which.
        pid: Pid,
    },
    /// What came of a `Signal` request.
    Signaled {
        /// Which request.
        ask: u64,
        /// How many processes got the signals, or why none did.
        result: Result<u32, Refusal>,
    },
    /// The processes of a run that are alive, zombies left out.
    Members {
        /// The run.
        run: RunId,
        /// Which.
        pids: Vec<Pid>,
    },
    /// The processes of a run could not be counted, which does not mean that there are none.
    NotCounted {
        /// The run.
        run: RunId,
        /// Why.
        why: String,
    },
    /// Everything that is alive below the supervisor, of whatever run, or why it could not be counted.
    Counted {
        /// Which.
        result: Result<Vec<Pid>, String>,
    },
    /// Something that a run should know of.
    Note {
        /// The run.
        run: RunId,
        /// A sentence.
        text: String,
    },
    /// It is there, and answers.
    Here,
    /// The header as it is now, and what went wrong, if something did.
    Board {
        /// Which request this answers; `None` where nobody has asked.
        ask: Option<u64>,
        /// All pins.
        board: BoardView,
        /// What changed since the last report.
        edges: Vec<Edge>,
        /// Why a request was refused.
        refused: Option<String>,
    },
    /// Lines that changed their level, while nothing else did on the header.
    Edges {
        /// Which request this answers; `None` where nobody has asked.
        ask: Option<u64>,
        /// Oldest first; none where a request has changed nothing.
        edges: Vec<Edge>,
    },
}

impl Request {
    /// Whether exactly one answer is owed for it.
    pub const fn is_answered(&self) -> bool {
        matches!(
            self,
            Self::Launch { .. }
                | Self::Signal { .. }
                | Self::SignalRun { .. }
                | Self::Lines { .. }
                | Self::CountAll
                | Self::AreYouThere
        )
    }
}

impl Report {
    /// In place of the answer to a launch that the supervisor could not be asked for.
    pub fn not_asked(run: RunId, stages: &[ChildSpec], why: String) -> Self {
        let program = stages.first().map(ChildSpec::display_name).unwrap_or_default();
        let failure = LaunchFailure { stage: 0, stages: stages.len(), program, problem: LaunchProblem::Spec(why) };
        Self::NotLaunched { run, failure }
    }

    /// Whether it is the one answer to a request.
    pub const fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Launched { .. }
                | Self::NotLaunched { .. }
                | Self::Signaled { .. }
                | Self::Members { .. }
                | Self::NotCounted { .. }
                | Self::Counted { .. }
                | Self::Here
                | Self::Board { ask: Some(_), .. }
                | Self::Edges { ask: Some(_), .. }
        )
    }
}

/// A child that was started.
#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each descriptor that may come along")]
pub struct LaunchedChild {
    /// Its PID.
    pub pid: Pid,
    /// Its group.
    pub pgid: Pgid,
    /// Its session.
    pub sid: Sid,
    /// Its name.
    pub name: String,
    /// Its argument list, as text.
    pub argv: Vec<String>,
    /// Whether the capacity of its pipes was left to us.
    pub may_grow: bool,
    /// Whether its streams are a terminal: the end of its input is a character then.
    pub has_terminal: bool,
    /// Whether the writing end of its standard input comes along.
    pub has_stdin: bool,
    /// Whether the reading end of its standard output comes along.
    pub has_stdout: bool,
    /// Whether the reading end of its standard error comes along.
    pub has_stderr: bool,
    /// Whether the reading end of its events and the writing end of its control pipe come along.
    pub has_lesson_pipes: bool,
}

/// Our ends of a child's pipes.
#[derive(Debug)]
pub struct ChildPipes {
    /// The child itself.
    pub pidfd: PidFd,
    /// Writes to its standard input.
    pub stdin: Option<OwnedFd>,
    /// Reads its standard output.
    pub stdout: Option<OwnedFd>,
    /// Reads its standard error.
    pub stderr: Option<OwnedFd>,
    /// Reads its event lines.
    pub events: Option<OwnedFd>,
    /// Writes its actions.
    pub control: Option<OwnedFd>,
}

/// Why a launch failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("could not start {program}{}: {problem}", stage_words(*stage, *stages))]
pub struct LaunchFailure {
    /// Which stage, from 0.
    pub stage: usize,
    /// Of how many.
    pub stages: usize,
    /// Its program.
    pub program: String,
    /// What went wrong.
    pub problem: LaunchProblem,
}

fn stage_words(stage: usize, stages: usize) -> String {
    if stages > 1 { format!(" (stage {} of {stages})", stage + 1) } else { String::new() }
}

/// What helps where the kernel's word does not tell.
fn advice(error: SpawnError, path: &str) -> &'static str {
    match (error.stage, error.errno) {
        (crate::sys::SpawnStage::Clone, libc::EAGAIN) => advice_on_clone(&std::io::Error::from_raw_os_error(error.errno)),
        (crate::sys::SpawnStage::Exec, libc::ENOENT) if path.starts_with("/proc/self/") => {
            "; nothing works without /proc: `mount -t proc proc /proc` as root brings it back"
        }
        (crate::sys::SpawnStage::Clone, libc::EMFILE | libc::ENFILE) => {
            "; the limit on open files is reached (ulimit -n): end some children, or raise it before starting Task Lab"
        }
        (crate::sys::SpawnStage::Exec, libc::E2BIG) => "; arguments and environment are too large (ulimit -s, a quarter of it)",
        _ => "",
    }
}

/// What went wrong with one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LaunchProblem {
    /// The spec itself.
    #[error("{0}")]
    Spec(String),
    /// The machine has no room for one more.
    #[error("{0}")]
    NoRoom(String),
    /// A step of starting it; `path` is what the step was about.
    #[error("could not {}{}{path}: {}{}", error.stage, if path.is_empty() { "" } else { " " }, std::io::Error::from_raw_os_error(error.errno), advice(*error, path))]
    Spawn {
        /// Which step and why.
        error: SpawnError,
        /// The program, the folder or the limit; or nothing.
        path: String,
    },
    /// A file for one of its streams.
    #[error("could not open {path}: {}", std::io::Error::from_raw_os_error(*errno))]
    Open {
        /// Which.
        path: String,
        /// Why.
        errno: i32,
    },
    /// A pipe or a descriptor.
    #[error("could not {what}: {}", std::io::Error::from_raw_os_error(*errno))]
    Descriptor {
        /// What was tried.
        what: String,
        /// Why.
        errno: i32,
    },
}

impl LaunchFailure {
    /// The status that a shell would give: 127 not found, 126 found but not executable, 125 anything else.
    pub fn shell_code(&self) -> i32 {
        match &self.problem {
            LaunchProblem::Spawn { error, .. } if error.stage == crate::sys::SpawnStage::Exec => {
                if matches!(error.errno, libc::ENOENT | libc::ENOTDIR) { 127 } else { 126 }
            }
            _ => 125,
        }
    }
}
