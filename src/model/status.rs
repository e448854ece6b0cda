//! The state of a process, and how it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Signal;

/// How a process ended, decoded from `waitid(2)`'s `si_code` and `si_status`, or by wait(2)'s own macros, never by shifting
/// bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// It called `exit` with this status, 0 to 255.
    Exited(i32),
    /// A signal ended it.
    Signaled {
        /// The signal.
        signal: Signal,
        /// Whether a core dump was written.
        core_dumped: bool,
    },
    /// Another process has waited on it, so its status is lost. Never shown as success.
    Unknown,
}

impl ExitStatus {
    /// Whether it is `exit(0)`.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }

    /// The status that a shell shows: the exit status, or 128 + signal number; 125 when unknown.
    pub fn shell_code(self) -> i32 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled { signal, .. } => 128 + signal.number(),
            Self::Unknown => 125,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited {code}"),
            Self::Signaled { signal, core_dumped: false } => write!(f, "killed by {signal}"),
            Self::Signaled { signal, core_dumped: true } => write!(f, "killed by {signal} (core dumped)"),
            Self::Unknown => f.write_str("ended, status unknown"),
        }
    }
}

/// The state letter of /proc/PID/stat, by the kernel's words for it (`proc_pid_stat(5)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// R: on a core, or ready for one.
    Running,
    /// S: waits for something and can be interrupted.
    Sleeping,
    /// D: waits in the kernel and cannot be interrupted, not even by SIGKILL.
    DiskSleep,
    /// T: stopped by a signal.
    Stopped,
    /// t: stopped by a debugger.
    TracingStop,
    /// Z: ended, and its parent has not waited on it.
    Zombie,
    /// X: gone.
    Dead,
    /// I: an idle kernel thread.
    Idle,
    /// P: parked.
    Parked,
    /// It was started, and its state was not read from the kernel yet.
    Starting,
    /// A letter that this program does not know.
    Unknown(u8),
}

impl ProcessState {
    /// The state for a letter of /proc.
    pub fn from_letter(letter: u8) -> Self {
        match letter {
            b'R' => Self::Running,
            b'S' => Self::Sleeping,
            b'D' => Self::DiskSleep,
            b'T' => Self::Stopped,
            b't' => Self::TracingStop,
            b'Z' => Self::Zombie,
            b'X' | b'x' => Self::Dead,
            b'I' => Self::Idle,
            b'P' => Self::Parked,
            other => Self::Unknown(other),
        }
    }

    /// The word that the window and event lines use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::DiskSleep => "disk-sleep",
            Self::Stopped => "stopped",
            Self::TracingStop => "tracing-stop",
            Self::Zombie => "zombie",
            Self::Dead => "dead",
            Self::Idle => "idle",
            Self::Parked => "parked",
            Self::Starting => "starting",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The state for a word of an event line.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Running,
            Self::Sleeping,
            Self::DiskSleep,
            Self::Stopped,
            Self::TracingStop,
            Self::Zombie,
            Self::Dead,
            Self::Idle,
            Self::Parked,
            Self::Starting,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_words_agree() {
        for letter in *b"RSDTtZXIP" {
            let state = ProcessState::from_letter(letter);
            assert_eq!(ProcessState::from_word(state.word()), Some(state));
        }
        assert_eq!(ProcessState::from_letter(b'?'), ProcessState::Unknown(b'?'));
    }

    #[test]
    fn shell_codes_follow_the_shell() {
        assert_eq!(ExitStatus::Exited(3).shell_code(), 3);
        assert_eq!(ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false }.shell_code(), 137);
        assert!(!ExitStatus::Unknown.is_success());
    }
}
