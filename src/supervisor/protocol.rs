//! The messages between the app and the supervisor. Both are the same binary, so the form may change freely.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use super::launch_failure::{LaunchFailure, LaunchProblem};
use super::line_request::{LineRequest, ReplyTo};
use crate::gpio::Edge;
use crate::model::{BoardView, ChildSpec, ExitStatus, Pgid, Pid, Refusal, RunId, Scope, Sid, Signal, Usage};
use crate::sys::PidFd;

/// The number of a `Signal` request. The app counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalRequestId(pub u64);

/// A message from the app.
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
        id: SignalRequestId,
        /// The process.
        pid: Pid,
        /// The signals, in order.
        signals: Vec<Signal>,
        /// Which processes besides it get them.
        scope: Scope,
    },
    /// Wait on a child that was started with [`Reaping::WhenAsked`](crate::model::Reaping), now or when it ends.
    Reap {
        /// The child.
        pid: Pid,
    },
    /// Send signals to every process of a run, and report these processes; after SIGKILL, those that are left. Answered by `Members` or
    /// `NotCounted`.
    SignalRun {
        /// The run.
        run: RunId,
        /// The signals; none to count only.
        signals: Vec<Signal>,
        /// Whether no other run is alive: then descendants without a run's mark are taken for this one's.
        is_only_run: bool,
        /// Orphans that were once seen below this run's processes: they are its own if they have no mark.
        seen: Vec<Pid>,
    },
    /// Do something with the header's lines. Answered by `Board` or `Edges`.
    Lines {
        /// Named again in the answer.
        reply_to: ReplyTo,
        /// The request.
        request: LineRequest,
    },
    /// Remove this folder at the end, when everything has ended.
    RemoveAtEnd {
        /// Its path, absolute.
        folder: OsString,
    },
    /// Count everything that is alive. Answered by `Counted`.
    CountAll,
    /// Show that the supervisor is there. Answered by `Pong`.
    Ping,
}

/// A message from the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The supervisor has started. The packet carries its pidfd. It is the first message, and comes once.
    Ready {
        /// Its PID.
        pid: Pid,
        /// Why /proc does not show its children, if it does not.
        proc_trouble: Option<String>,
    },
    /// All stages run. The packet carries, for each child in turn, its pidfd and then the pipe ends that are flagged.
    Launched {
        /// The run.
        run: RunId,
        /// First stage to last.
        children: Vec<LaunchedChild>,
    },
    /// No stage runs.
    NotLaunched {
        /// The run.
        run: RunId,
        /// The reason.
        failure: LaunchFailure,
    },
    /// A signal stopped a child.
    Stopped {
        /// The child.
        pid: Pid,
        /// The signal.
        signal: Signal,
    },
    /// A child was continued.
    Continued {
        /// The child.
        pid: Pid,
    },
    /// A child, or an adopted orphan, has ended.
    Exited {
        /// The process.
        pid: Pid,
        /// Its status.
        status: ExitStatus,
        /// Whether it has been reaped; otherwise it is a zombie.
        is_reaped: bool,
        /// The resources that it has used.
        usage: Usage,
    },
    /// A zombie was waited on, as the app had asked.
    Reaped {
        /// The process.
        pid: Pid,
    },
    /// The answer to `Signal`.
    Signaled {
        /// The request.
        id: SignalRequestId,
        /// How many processes got the signals, or why none did.
        result: Result<u32, Refusal>,
    },
    /// The processes of a run that are alive, without zombies.
    Members {
        /// The run.
        run: RunId,
        /// The processes.
        pids: Vec<Pid>,
    },
    /// The processes of a run could not be counted, which does not mean that there are none.
    NotCounted {
        /// The run.
        run: RunId,
        /// The reason.
        why: String,
    },
    /// The answer to `CountAll`.
    Counted {
        /// All processes that are alive below the supervisor, of every run, or why they could not be counted.
        result: Result<Vec<Pid>, String>,
    },
    /// A notice for a run.
    Notice {
        /// The run.
        run: RunId,
        /// The sentence.
        text: String,
    },
    /// The answer to `Ping`.
    Pong,
    /// The whole header as it is now.
    Board {
        /// Where the answer goes; `None`: this is no answer.
        reply_to: Option<ReplyTo>,
        /// All pins.
        board: BoardView,
        /// The changes since the last report, oldest first.
        edges: Vec<Edge>,
        /// Why a request was refused.
        refused: Option<String>,
    },
    /// Changes of levels, while nothing else on the header has changed.
    Edges {
        /// Where the answer goes; `None`: this is no answer.
        reply_to: Option<ReplyTo>,
        /// Oldest first; none if the request has changed nothing.
        edges: Vec<Edge>,
    },
}

impl Request {
    /// Whether the supervisor answers it, and exactly once.
    pub const fn is_answered(&self) -> bool {
        matches!(
            self,
            Self::Launch { .. } | Self::Signal { .. } | Self::SignalRun { .. } | Self::Lines { .. } | Self::CountAll | Self::Ping
        )
    }
}

impl Report {
    /// In place of the supervisor's answer to a launch, if the request could not be sent.
    pub fn not_sent(run: RunId, stages: &[ChildSpec], why: String) -> Self {
        Self::NotLaunched { run, failure: LaunchFailure::of(stages, 0, LaunchProblem::Spec(why)) }
    }

    /// Whether it is the answer to a request.
    pub const fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Launched { .. }
                | Self::NotLaunched { .. }
                | Self::Signaled { .. }
                | Self::Members { .. }
                | Self::NotCounted { .. }
                | Self::Counted { .. }
                | Self::Pong
                | Self::Board { reply_to: Some(_), .. }
                | Self::Edges { reply_to: Some(_), .. }
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
    /// Whether the capacity of its pipes was left to Task Lab.
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

/// The app's ends of a child's pipes.
#[derive(Debug)]
pub struct ChildPipes {
    /// The child.
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
