//! Why a run has not passed: in one place, for the log, the window and the command line.

use std::fmt;

use super::Signal;

/// Why a run has not passed. Shown, it completes "it was …" or stands after a colon: `killed by SIGSEGV`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It was ended on request.
    Ended(By),
    /// Its time limit has passed.
    TimedOut,
    /// A signal killed the process that counts: the body of a lesson, or the last program of a pipeline.
    Killed {
        /// Which signal.
        signal: Signal,
        /// The origin of the action that sent it; `None` where it came from another program.
        by: Option<By>,
    },
    /// That process ended with this status.
    Exited(i32),
    /// The status of that process is not known.
    Unknown,
    /// Nothing of it was started.
    NotStarted,
    /// Facts did not hold.
    Facts {
        /// Their ids.
        ids: Vec<String>,
        /// Actions on processes of the lesson before that, such as `SIGKILL to worker-1 from you`; may be empty.
        after: String,
    },
    /// A lesson came to its end and told no fact.
    NoFact,
}

/// The origin of an action on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The user.
    You,
    /// The run's script.
    Script,
    /// The run's time limit.
    Timeout,
    /// The body of the lesson.
    Lesson,
    /// Task Lab itself, or any other origin.
    TaskLab,
}

impl By {
    /// Its word on an event line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::You => "user",
            Self::Script => "script",
            Self::Timeout => "timeout",
            Self::Lesson => "lesson",
            Self::TaskLab => "engine",
        }
    }

    /// The origin with this word.
    pub fn from_word(word: &str) -> Self {
        match word {
            "user" => Self::You,
            "script" => Self::Script,
            "timeout" => Self::Timeout,
            "lesson" => Self::Lesson,
            _ => Self::TaskLab,
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::You => "you",
            Self::Script => "the script",
            Self::Lesson => "the lesson",
            Self::Timeout | Self::TaskLab => "Task Lab",
        })
    }
}

impl Reason {
    /// Whether it was asked for, and so is no failure.
    pub const fn is_wanted(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::Killed { by: Some(_), .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(by) => write!(f, "ended by {by}"),
            Self::TimedOut => f.write_str("ended at its time limit"),
            Self::Killed { signal, by: Some(by) } => write!(f, "killed by {signal} from {by}"),
            Self::Killed { signal, by: None } => write!(f, "killed by {signal}"),
            Self::Exited(code) => write!(f, "exit status {code}"),
            Self::Unknown => f.write_str("nobody knows how it ended"),
            Self::NotStarted => f.write_str("it could not be started"),
            Self::Facts { ids, after } => {
                let plural = if ids.len() == 1 { "" } else { "s" };
                write!(f, "fact{plural} {} did not hold{}", ids.join(", "), in_brackets(after))
            }
            Self::NoFact => f.write_str("it told no fact"),
        }
    }
}

fn in_brackets(after: &str) -> String {
    if after.is_empty() { String::new() } else { format!(" ({after})") }
}
