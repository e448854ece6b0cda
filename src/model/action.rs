//! What a person or a script does to a run, and its form in words.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Signal;

/// Whom a signal reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Scope {
    /// The process alone.
    #[default]
    Process,
    /// Its whole process group.
    Group,
    /// It and all its descendants.
    Tree,
}

impl Scope {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Process => "",
            Self::Group => "-group",
            Self::Tree => "-tree",
        }
    }
}

/// So many characters of a target are repeated in a sentence.
const LONGEST_SHOWN: usize = 60;

/// Something that is done to a target: a process, a GPIO line, the run, or a thing that the scenario knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// SIGTERM, then SIGCONT, so that a stopped process hears it.
    Terminate(Scope),
    /// SIGKILL.
    Kill(Scope),
    /// SIGSTOP.
    Stop(Scope),
    /// SIGCONT.
    Continue(Scope),
    /// Any signal.
    Signal(Signal, Scope),
    /// Wait on (reap) a child that has ended, or as soon as it ends.
    Wait,
    /// Wait on the child of the run that ends first, or ended first and was not handed out by an earlier `wait-any`. The target is
    /// the time limit in seconds, or empty.
    WaitAny,
    /// Wait on all children of the run. The target is the time limit in seconds, or empty.
    WaitAll,
    /// Toggle an output line (`GPIO17`).
    Toggle,
    /// Press the virtual button of an input line (`GPIO26`) once.
    Press,
    /// End the whole run: terminate, wait for the grace time, kill.
    End,
    /// End all runs, and count what is left.
    StopEverything,
    /// Type a line to a child's standard input. The target is the child, then the text: `sort three words and a newline`.
    Type,
    /// Close a child's standard input, once what was typed has gone: it reads the end of the file.
    CloseInput,
    /// An action that the scenario declares; its body hears it on `TASKLAB_CONTROL`.
    Scenario(String),
}

impl Action {
    /// That it was not done to this target, and why: `could not kill worker-1: the run has ended`.
    pub fn could_not(&self, target: &str, why: &str) -> String {
        let shortened = target.char_indices().nth(LONGEST_SHOWN).map(|(end, _)| format!("{}…", &target[..end]));
        let target = shortened.as_deref().unwrap_or(target);
        let to = |scope: Scope| match scope {
            Scope::Process => target.to_owned(),
            Scope::Group => format!("the group of {target}"),
            Scope::Tree => format!("{target} and its descendants"),
        };
        let what = match self {
            Self::WaitAny => "wait on any child".to_owned(),
            Self::WaitAll => "wait on all children".to_owned(),
            Self::End => "end the run".to_owned(),
            Self::StopEverything => "stop everything".to_owned(),
            // It takes one, and was asked for without.
            _ if target.is_empty() => format!("do {:?}", self.to_string()),
            Self::Terminate(scope) => format!("terminate {}", to(*scope)),
            Self::Kill(scope) => format!("kill {}", to(*scope)),
            Self::Stop(scope) => format!("stop {}", to(*scope)),
            Self::Continue(scope) => format!("continue {}", to(*scope)),
            Self::Signal(signal, scope) => format!("send {signal} to {}", to(*scope)),
            Self::Wait => format!("wait on {target}"),
            Self::Toggle => format!("toggle {target}"),
            Self::Press => format!("press the button of {target}"),
            Self::Type => format!("type to {}", target.split(char::is_whitespace).next().unwrap_or_default()),
            Self::CloseInput => format!("close the standard input of {target}"),
            Self::Scenario(name) => format!("do {name:?} to {target}"),
        };
        format!("could not {what}: {why}")
    }

    /// The process or task that must be there for it, if it is done to one.
    pub fn needs<'a>(&self, target: &'a str) -> Option<&'a str> {
        let needed = match self {
            Self::Type => target.split(char::is_whitespace).next().unwrap_or_default(),
            Self::WaitAny | Self::WaitAll | Self::Toggle | Self::Press | Self::End | Self::StopEverything | Self::Scenario(_) => {
                ""
            }
            _ => target,
        };
        Some(needed).filter(|name| !name.is_empty())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminate(scope) => write!(f, "terminate{}", scope.suffix()),
            Self::Kill(scope) => write!(f, "kill{}", scope.suffix()),
            Self::Stop(scope) => write!(f, "stop{}", scope.suffix()),
            Self::Continue(scope) => write!(f, "continue{}", scope.suffix()),
            Self::Signal(signal, scope) => write!(f, "{signal}{}", scope.suffix()),
            Self::Wait => f.write_str("wait"),
            Self::WaitAny => f.write_str("wait-any"),
            Self::WaitAll => f.write_str("wait-all"),
            Self::Toggle => f.write_str("toggle"),
            Self::Press => f.write_str("press"),
            Self::End => f.write_str("end"),
            Self::StopEverything => f.write_str("stop-everything"),
            Self::Type => f.write_str("type"),
            Self::CloseInput => f.write_str("close-stdin"),
            Self::Scenario(name) => f.write_str(name),
        }
    }
}

impl FromStr for Action {
    type Err = std::convert::Infallible;

    /// The action of that name: `kill`, `terminate-group`, `SIGUSR1`, `wait` …; any other word is the scenario's own.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, scope) = [Scope::Group, Scope::Tree]
            .into_iter()
            .find_map(|scope| text.strip_suffix(scope.suffix()).map(|word| (word, scope)))
            .unwrap_or((text, Scope::Process));
        Ok(match word {
            "terminate" => Self::Terminate(scope),
            "kill" => Self::Kill(scope),
            "stop" => Self::Stop(scope),
            "continue" => Self::Continue(scope),
            "wait" if scope == Scope::Process => Self::Wait,
            "wait-any" => Self::WaitAny,
            "wait-all" => Self::WaitAll,
            "toggle" if scope == Scope::Process => Self::Toggle,
            "press" if scope == Scope::Process => Self::Press,
            "end" if scope == Scope::Process => Self::End,
            "stop-everything" => Self::StopEverything,
            "type" if scope == Scope::Process => Self::Type,
            "close-stdin" => Self::CloseInput,
            _ if word.starts_with("SIG") => match word.parse() {
                Ok(signal) => Self::Signal(signal, scope),
                Err(_) => Self::Scenario(text.to_owned()),
            },
            _ => Self::Scenario(text.to_owned()),
        })
    }
}

/// An action at a time of the run, as in `--do '0.5 kill worker-1'`. The time counts from the first thing that a lesson's body says,
/// and stands still while the action before waits for its target to appear; at 0 it is done before the body begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedAction {
    /// When, in the script's time.
    pub after: Duration,
    /// What is done.
    pub action: Action,
    /// To whom: a PID, the name of a process or task, a GPIO line; empty for the run itself.
    pub target: String,
    /// Whether it is of the scenario's own demo: then it is no matter if the run ends before it.
    pub is_demo: bool,
}

impl TimedAction {
    /// A line of a scenario's own demo.
    pub fn demo(line: &str) -> Result<Self, ParseActionError> {
        Ok(Self { is_demo: true, ..line.parse()? })
    }
}

/// Why a text is no timed action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not 'AFTER ACTION TARGET', such as '0.5 kill worker-1' (AFTER in seconds)")]
pub struct ParseActionError(String);

impl FromStr for TimedAction {
    type Err = ParseActionError;

    fn from_str(text: &str) -> Result<Self, ParseActionError> {
        let error = || ParseActionError(text.to_owned());
        let mut words = text.trim().splitn(3, char::is_whitespace);
        let after = words.next().unwrap_or_default();
        let seconds: f64 = after.strip_suffix('s').unwrap_or(after).parse().map_err(|_| error())?;
        let after = Duration::try_from_secs_f64(seconds).map_err(|_| error())?;
        let Ok(action) = words.next().filter(|word| !word.is_empty()).ok_or_else(error)?.parse();
        Ok(Self { after, action, target: words.next().unwrap_or_default().trim().to_owned(), is_demo: false })
    }
}

impl fmt::Display for TimedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.after.as_secs_f64(), self.action, self.target);
        f.write_str(line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read_back_from_their_words() {
        let known = "terminate kill-group stop-tree continue SIGUSR1 SIGINT-group wait wait-any wait-all toggle press end stop-everything type close-stdin send";
        for word in known.split(' ') {
            let Ok(action) = word.parse::<Action>();
            assert_eq!(action.to_string(), word);
        }
        assert_eq!("SIGNOTHING".parse(), Ok(Action::Scenario("SIGNOTHING".to_owned())));
    }

    #[test]
    fn a_refusal_is_a_sentence_that_names_whom_and_why() {
        for (action, target, says) in [
            ("kill", "worker-1", "could not kill worker-1: why"),
            ("stop-group", "sort", "could not stop the group of sort: why"),
            ("SIGUSR1-tree", "sort", "could not send SIGUSR1 to sort and its descendants: why"),
            ("type", "sort three words", "could not type to sort: why"),
            ("end", "", "could not end the run: why"),
            ("send", "", "could not do \"send\": why"),
            ("release", "lock A", "could not do \"release\" to lock A: why"),
            ("wait", "", "could not do \"wait\": why"),
            ("kill", "é".repeat(80).as_str(), format!("could not kill {}…: why", "é".repeat(60)).as_str()),
        ] {
            let Ok(action) = action.parse::<Action>();
            assert_eq!(action.could_not(target, "why"), says);
        }
        assert_eq!((Action::Type.needs("sort a b"), Action::Wait.needs("child-1")), (Some("sort"), Some("child-1")));
        assert_eq!((Action::Toggle.needs("GPIO17"), Action::Scenario("go".to_owned()).needs("lock A")), (None, None));
    }

    #[test]
    fn a_timed_action_needs_a_time_and_an_action() {
        let timed: TimedAction = "0.5 kill worker 1".parse().expect("valid");
        assert_eq!(
            (timed.after.as_millis(), timed.action, timed.target.as_str()),
            (500, Action::Kill(Scope::Process), "worker 1")
        );
        assert_eq!("2s end".parse::<TimedAction>().expect("valid").target, "");
        for text in ["", "kill 4711", "-1 kill x", "nan kill x", "1", "1e300 kill x"] {
            assert!(text.parse::<TimedAction>().is_err(), "{text}");
        }
    }
}
