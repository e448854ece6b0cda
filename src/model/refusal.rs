//! Why an action was not done. The prose is made here, once, where somebody is to read it.

use std::io;

use serde::{Deserialize, Serialize};

use super::Pid;

/// Why an action was not done. Each message completes "could not kill worker-1: …".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Nothing of the run is left.
    #[error("the run has ended")]
    RunOver,
    /// An action waited for its target until the run ended.
    #[error("nothing was called that before the run ended")]
    NeverThere,
    /// No process has this PID or name.
    #[error("no process or task of this run is called that")]
    NoSuchProcess,
    /// The process is history.
    #[error("it has ended, and its parent has waited on it; nobody is there")]
    Reaped,
    /// The process has ended since somebody has seen it.
    #[error("it has ended")]
    Ended,
    /// It descends from nobody of ours.
    #[error("it has ended, or Task Lab has not started it")]
    NotOurs,
    /// It runs as another user (EPERM).
    #[error("not permitted; it runs as another user (sudo?)")]
    OtherUser,
    /// A signal to the group would reach Task Lab.
    #[error("Task Lab itself is in it; signal the tree instead")]
    OurOwnGroup,
    /// The kernel refuses to send a signal, for another reason.
    #[error("{}", io::Error::from_raw_os_error(*errno))]
    Kernel {
        /// Its error number.
        errno: i32,
    },
    /// Nobody can see which processes there are.
    #[error("/proc cannot be read: {0}")]
    NoProc(String),
    /// The supervisor was lost before it could say.
    #[error("the supervisor was lost")]
    SupervisorLost,
    /// Only a parent can wait, and this one cannot be asked; `None` where it is not known.
    #[error("only its parent can, and that is {}, which takes no requests", parent.map_or_else(|| "gone".to_owned(), |pid| pid.to_string()))]
    OnlyItsParent {
        /// The parent.
        parent: Option<Pid>,
    },
    /// The process has not read the text that was typed before.
    #[error("it has left too much unread, or its input is being closed")]
    InputFull,
    /// Nobody can type to it.
    #[error("its standard input is no pipe or terminal of ours, or is closed")]
    NoInput,
    /// The run has no body that takes actions.
    #[error("nobody in this run listens to actions")]
    NobodyListens,
    /// The body has not read its earlier actions.
    #[error("the body has left too many actions unread")]
    BodyBehind,
    /// The body had ended when it was to be asked.
    #[error("it comes too late, the body has ended")]
    BodyEnded,
    /// The body has ended, and has not read that it was asked.
    #[error("it came too late, the body has ended")]
    Unread,
    /// In the words of a lesson's body or of a recording.
    #[error("{0}")]
    Said(String),
}
