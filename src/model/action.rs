//! The actions of a person or a script on a run, and their form in words. The words are read once, where they come in.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::time::{ParseSecondsError, seconds};
use super::{Line, ParseLineError, Pid, Signal};

/// The reach of a signal.
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

/// A process of a run, as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProcessRef {
    /// By its PID.
    Pid(Pid),
    /// By its name, or by that of a task that is a process or lives in one. The engine finds it in the run.
    Name(String),
}

impl From<Pid> for ProcessRef {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl From<&str> for ProcessRef {
    /// A number is a PID; any other text is a name.
    fn from(text: &str) -> Self {
        let number = text.parse().ok().filter(|number: &i32| number.to_string() == text);
        number.map_or_else(|| Self::Name(text.to_owned()), |number| Self::Pid(Pid::new(number)))
    }
}

impl fmt::Display for ProcessRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => pid.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Characters of a target that are repeated in a sentence.
const LONGEST_SHOWN: usize = 60;

/// A signal to a process, under the name of its action. `Display` writes that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// SIGTERM, then SIGCONT, so that a stopped process acts on it.
    Terminate,
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
    /// Any signal.
    Signal(Signal),
}

impl Sent {
    /// It is sent to this process alone.
    pub fn to(self, process: impl Into<ProcessRef>) -> Action {
        Action::Send(self, process.into(), Scope::Process)
    }

    /// The signal that counts.
    pub const fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::TERM,
            Self::Kill => Signal::KILL,
            Self::Stop => Signal::STOP,
            Self::Continue => Signal::CONT,
            Self::Signal(signal) => signal,
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "terminate" => Self::Terminate,
            "kill" => Self::Kill,
            "stop" => Self::Stop,
            "continue" => Self::Continue,
            _ if word.starts_with("SIG") => Self::Signal(word.parse().ok()?),
            _ => return None,
        })
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminate => f.write_str("terminate"),
            Self::Kill => f.write_str("kill"),
            Self::Stop => f.write_str("stop"),
            Self::Continue => f.write_str("continue"),
            Self::Signal(signal) => signal.fmt(f),
        }
    }
}

/// Something that is done to a run: to a process, to a GPIO line, to all of it, or to a thing that its scenario knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send a signal.
    Send(Sent, ProcessRef, Scope),
    /// Wait on (reap) a child that has ended, or as soon as it ends.
    Wait(ProcessRef),
    /// Wait on the child of the run that ends first, or ended first and was not given by an earlier `wait-any`; at most this long.
    WaitAny(Option<Duration>),
    /// Wait on all children of the run, at most this long.
    WaitAll(Option<Duration>),
    /// Toggle an output line.
    Toggle(Line),
    /// Press the virtual button of an input line once.
    Press(Line),
    /// End the whole run: terminate, wait for the grace time, kill.
    End,
    /// End all runs, and count what is left.
    StopEverything,
    /// Type a line to a child's standard input.
    Type(ProcessRef, String),
    /// Close a child's standard input, once what was typed has gone: it reads the end of the file.
    CloseInput(ProcessRef),
    /// An action that the scenario declares, in the scenario's own words; its body reads it from `TASKLAB_CONTROL`.
    Own {
        /// Its name.
        name: String,
        /// Its target; may be empty.
        target: String,
    },
}

/// What may be done with the things of a program, by their kinds, and with its tasks.
const ON_THINGS: &[(&str, &[&str])] = &[
    ("event", &["set", "clear"]),
    ("barrier", &["reset", "abort"]),
    ("lock", &["hold", "release"]),
    ("semaphore", &["acquire", "release"]),
    ("condition", &["notify", "notify_all"]),
    ("queue", &["put"]),
    ("timer", &["cancel"]),
];
/// What may be done with a task of a program.
pub const ON_TASKS: [&str; 2] = ["another", "go-on"];

/// The names of all actions on things and tasks of a program, step mode's among them.
pub fn actions_on_programs() -> impl Iterator<Item = &'static str> {
    ON_THINGS.iter().flat_map(|(_, actions)| actions.iter().copied()).chain(ON_TASKS).chain(["step"])
}

/// What may be done with a thing: `set` and `clear` with `event go`.
pub fn actions_on(thing: &str) -> &'static [&'static str] {
    let kind = thing.split(' ').next().unwrap_or_default();
    ON_THINGS.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, actions)| actions)
}

impl Action {
    /// The thing that it acts on, with what may stand behind: `queue belt a letter`.
    pub fn thing(&self) -> Option<&str> {
        let Self::Own { name, target } = self else { return None };
        actions_on(target).contains(&name.as_str()).then_some(target.as_str())
    }

    /// The task of a program that it acts on.
    pub fn task(&self) -> Option<&str> {
        let Self::Own { name, target } = self else { return None };
        ON_TASKS.contains(&name.as_str()).then_some(target.as_str())
    }

    /// The name of [`Action::Wait`].
    pub const WAIT: &str = "wait";

    /// An action of a scenario's own.
    pub fn own(name: impl Into<String>, target: impl Into<String>) -> Self {
        Self::Own { name: name.into(), target: target.into() }
    }

    /// The action of this name, done to this target. Words that are no action of Task Lab's are a scenario's own.
    pub fn from_words(word: &str, target: &str) -> Self {
        Self::read(word, target).unwrap_or_else(|_| Self::own(word, target))
    }

    /// The same; what cannot be done to such a target is an error.
    fn read(word: &str, target: &str) -> Result<Self, TargetError> {
        let (verb, scope) = [Scope::Group, Scope::Tree]
            .into_iter()
            .find_map(|scope| word.strip_suffix(scope.suffix()).map(|verb| (verb, scope)))
            .unwrap_or((word, Scope::Process));
        let process = || match target {
            "" => Err(TargetError::Missing("sort")),
            _ => Ok(ProcessRef::from(target)),
        };
        let line = || if target.is_empty() { Err(TargetError::Missing("GPIO17")) } else { Ok(target.parse()?) };
        let limit = || if target.is_empty() { Ok(None) } else { seconds(target).map(Some) };
        let nothing = |action| if target.is_empty() { Ok(action) } else { Err(TargetError::NotTaken) };
        if let Some(sent) = Sent::from_word(verb) {
            return Ok(Self::Send(sent, process()?, scope));
        }
        Ok(match word {
            Self::WAIT => Self::Wait(process()?),
            "wait-any" => Self::WaitAny(limit()?),
            "wait-all" => Self::WaitAll(limit()?),
            "toggle" => Self::Toggle(line()?),
            "press" => Self::Press(line()?),
            "end" => nothing(Self::End)?,
            "stop-everything" => nothing(Self::StopEverything)?,
            "type" => match target.split_once(char::is_whitespace) {
                Some((name, text)) => Self::Type(name.into(), text.to_owned()),
                None => Self::Type(process()?, String::new()),
            },
            "close-stdin" => Self::CloseInput(process()?),
            _ => Self::own(word, target),
        })
    }

    /// Its name: `kill`, `terminate-group`, `SIGUSR1`, `wait` …
    pub fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Send(sent, _, scope) => format!("{sent}{}", scope.suffix()).into(),
            Self::Wait(_) => Self::WAIT.into(),
            Self::WaitAny(_) => "wait-any".into(),
            Self::WaitAll(_) => "wait-all".into(),
            Self::Toggle(_) => "toggle".into(),
            Self::Press(_) => "press".into(),
            Self::End => "end".into(),
            Self::StopEverything => "stop-everything".into(),
            Self::Type(..) => "type".into(),
            Self::CloseInput(_) => "close-stdin".into(),
            Self::Own { name, .. } => name.into(),
        }
    }

    /// Its target, in words: a process, a line, a time limit, a process and the text that is typed; empty for the run itself.
    pub fn target(&self) -> Cow<'_, str> {
        match self {
            Self::Send(_, process, _) | Self::Wait(process) | Self::CloseInput(process) => process.to_string().into(),
            Self::Type(process, text) if text.is_empty() => process.to_string().into(),
            Self::Type(process, text) => format!("{process} {text}").into(),
            Self::WaitAny(Some(limit)) | Self::WaitAll(Some(limit)) => limit.as_secs_f64().to_string().into(),
            Self::Toggle(line) | Self::Press(line) => line.to_string().into(),
            Self::WaitAny(None) | Self::WaitAll(None) | Self::End | Self::StopEverything => "".into(),
            Self::Own { target, .. } => target.into(),
        }
    }

    /// The process that must be there for it, if it is done to one.
    pub const fn process(&self) -> Option<&ProcessRef> {
        match self {
            Self::Send(_, process, _) | Self::Wait(process) | Self::Type(process, _) | Self::CloseInput(process) => Some(process),
            _ => None,
        }
    }

    /// The texts in it that somebody else has chosen.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let (first, second) = match self {
            Self::Send(_, ProcessRef::Name(name), _)
            | Self::Wait(ProcessRef::Name(name))
            | Self::CloseInput(ProcessRef::Name(name)) => (Some(name), None),
            Self::Type(ProcessRef::Name(name), text) => (Some(name), Some(text)),
            Self::Type(_, text) => (None, Some(text)),
            Self::Own { name, target } => (Some(name), Some(target)),
            _ => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The sentence that says why it was not done: `could not kill worker-1: the run has ended`.
    pub fn could_not(&self, why: &dyn fmt::Display) -> String {
        // The text that is typed may be private.
        let target = if let Self::Type(process, _) = self { process.to_string().into() } else { self.target() };
        let shortened = target.char_indices().nth(LONGEST_SHOWN).map(|(end, _)| format!("{}…", &target[..end]));
        let target = shortened.as_deref().unwrap_or(&target);
        let to = |scope: Scope| match scope {
            Scope::Process => target.to_owned(),
            Scope::Group => format!("the group of {target}"),
            Scope::Tree => format!("{target} and its descendants"),
        };
        let what = match self {
            Self::Send(Sent::Signal(signal), _, scope) => format!("send {signal} to {}", to(*scope)),
            Self::Send(sent, _, scope) => format!("{sent} {}", to(*scope)),
            Self::Wait(_) => format!("wait on {target}"),
            Self::WaitAny(_) => "wait on any child".to_owned(),
            Self::WaitAll(_) => "wait on all children".to_owned(),
            Self::Toggle(_) => format!("toggle {target}"),
            Self::Press(_) => format!("press the button of {target}"),
            Self::End => "end the run".to_owned(),
            Self::StopEverything => "stop everything".to_owned(),
            Self::Type(..) => format!("type to {target}"),
            Self::CloseInput(_) => format!("close the standard input of {target}"),
            Self::Own { name, target } if target.is_empty() => format!("do {name:?}"),
            Self::Own { name, .. } => format!("do {name:?} to {target}"),
        };
        format!("could not {what}: {why}")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target();
        write!(f, "{}{}{target}", self.word(), if target.is_empty() { "" } else { " " })
    }
}

/// An action at a time of the run, as in `--do '0.5 kill worker-1'`. The time counts from the first thing that a lesson's body says,
/// and stands still while the action before waits for its target to appear; at 0 it is done before the body begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedAction {
    /// When, in the script's time.
    pub after: Duration,
    /// The action.
    pub action: Action,
    /// Whether it belongs to the scenario's own demo. The run may end before such an action.
    pub is_demo: bool,
}

impl TimedAction {
    /// A line of a scenario's own demo.
    pub fn demo(line: &str) -> Result<Self, ParseActionError> {
        Ok(Self { is_demo: true, ..line.parse()? })
    }
}

/// Why an action cannot be done to such a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum TargetError {
    #[error("it needs a target, such as {0}")]
    Missing(&'static str),
    #[error("it takes no target")]
    NotTaken,
    #[error(transparent)]
    Line(#[from] ParseLineError),
    #[error(transparent)]
    Limit(#[from] ParseSecondsError),
}

/// Why a text is no timed action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseActionError {
    /// It has no time, or no action.
    #[error("{0:?} is not 'AFTER ACTION TARGET', such as '0.5 kill worker-1' (AFTER in seconds)")]
    NotTimed(String),
    /// The action must be done to something.
    #[error("{action} needs a target, such as '{} {action} {example}'", after.as_secs_f64())]
    NoTarget {
        /// When it was to be done.
        after: Duration,
        /// Its name.
        action: String,
        /// A target that would do.
        example: &'static str,
    },
    /// The action is done to the run as a whole.
    #[error("{0} takes no target")]
    TargetNotTaken(String),
    /// The action is done to a line, and this is none.
    #[error("the line of {action}: {error}")]
    Line {
        /// Its name.
        action: String,
        /// Why.
        error: ParseLineError,
    },
    /// The action takes a time limit, and this is none.
    #[error("the time limit of {action}: {error}")]
    Limit {
        /// Its name.
        action: String,
        /// Why.
        error: ParseSecondsError,
    },
}

impl FromStr for TimedAction {
    type Err = ParseActionError;

    fn from_str(text: &str) -> Result<Self, ParseActionError> {
        let error = || ParseActionError::NotTimed(text.to_owned());
        let mut words = text.trim().splitn(3, char::is_whitespace);
        let after = seconds(words.next().unwrap_or_default()).map_err(|_| error())?;
        let word = words.next().filter(|word| !word.is_empty()).ok_or_else(error)?;
        let action = Action::read(word, words.next().unwrap_or_default().trim()).map_err(|error| {
            let action = word.to_owned();
            match error {
                TargetError::Missing(example) => ParseActionError::NoTarget { after, action, example },
                TargetError::NotTaken => ParseActionError::TargetNotTaken(action),
                TargetError::Line(error) => ParseActionError::Line { action, error },
                TargetError::Limit(error) => ParseActionError::Limit { action, error },
            }
        })?;
        Ok(Self { after, action, is_demo: false })
    }
}

impl fmt::Display for TimedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.after.as_secs_f64(), self.action)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_process() -> impl Strategy<Value = ProcessRef> {
        prop_oneof![(1..i32::MAX).prop_map(|pid| Pid::new(pid).into()), "[a-z][a-zA-Z0-9_.-]{0,20}".prop_map(ProcessRef::Name)]
    }

    fn any_scope() -> impl Strategy<Value = Scope> {
        prop_oneof![Just(Scope::Process), Just(Scope::Group), Just(Scope::Tree)]
    }

    fn any_sent() -> impl Strategy<Value = Sent> {
        let named = [Sent::Terminate, Sent::Kill, Sent::Stop, Sent::Continue];
        prop::sample::select(named.into_iter().chain(Signal::standard().map(Sent::Signal)).collect::<Vec<_>>())
    }

    fn any_line() -> impl Strategy<Value = Line> {
        prop::sample::select(Line::all().collect::<Vec<_>>())
    }

    fn any_limit() -> impl Strategy<Value = Option<Duration>> {
        prop::option::of((0..100_000_u64).prop_map(Duration::from_millis))
    }

    fn any_action() -> impl Strategy<Value = Action> {
        prop_oneof![
            (any_sent(), any_process(), any_scope()).prop_map(|(sent, process, scope)| Action::Send(sent, process, scope)),
            any_process().prop_map(Action::Wait),
            any_limit().prop_map(Action::WaitAny),
            any_limit().prop_map(Action::WaitAll),
            any_line().prop_map(Action::Toggle),
            any_line().prop_map(Action::Press),
            Just(Action::End),
            Just(Action::StopEverything),
            (any_process(), "([a-z]( *[a-z]){0,9})?").prop_map(|(process, text)| Action::Type(process, text)),
            any_process().prop_map(Action::CloseInput),
            ("own-[a-z]{0,9}", "([a-zA-Z0-9]( *[a-z]){0,9})?").prop_map(|(name, target)| Action::own(name, target)),
        ]
    }

    proptest! {
        #[test]
        fn any_action_is_read_back_from_its_words(action in any_action(), after in 0..100_000_u64, is_demo: bool) {
            prop_assert_eq!(Action::from_words(&action.word(), &action.target()), action.clone());
            let timed = TimedAction { after: Duration::from_millis(after), action, is_demo };
            let read: TimedAction = timed.to_string().parse().map_err(|error| TestCaseError::fail(format!("{timed}: {error}")))?;
            prop_assert_eq!(TimedAction { is_demo, ..read }, timed);
        }

        #[test]
        fn any_words_are_an_action_with_the_same_words(word in "[a-z]{1,9}(-group|-tree)?", target in "[a-z ]{0,9}") {
            let action = Action::from_words(&word, &target);
            prop_assert_eq!((action.word().into_owned(), action.target().into_owned()), (word, target));
        }
    }

    #[test]
    fn actions_have_their_words() {
        let known = "terminate x|kill-group x|stop-tree x|continue x|SIGUSR1 x|SIGINT-group 4711|wait x|wait-any|wait-all 0.5|\
                     toggle GPIO17|press GPIO26|end|stop-everything|type x two words|close-stdin x";
        for words in known.split('|') {
            let timed: TimedAction = format!("1 {words}").parse().expect(words);
            assert_eq!(timed.action.to_string(), words);
            assert!(!matches!(timed.action, Action::Own { .. }), "{words}");
        }
        for words in ["SIGNOTHING x", "send", "wait-any-group", "end-tree", "type-group x", "signal-group a"] {
            let timed: TimedAction = format!("1 {words}").parse().expect(words);
            assert!(matches!(timed.action, Action::Own { .. }) && timed.action.to_string() == words, "{words}");
        }
    }

    #[test]
    fn a_refusal_is_a_sentence_that_names_the_target_and_the_reason() {
        for (word, target, says) in [
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
            assert_eq!(Action::from_words(word, target).could_not(&"why"), says);
        }
        let process = |word, target| Action::from_words(word, target).process().map(ToString::to_string);
        assert_eq!((process("type", "sort a b"), process("wait", "4711")), (Some("sort".into()), Some("4711".into())));
        assert_eq!((process("toggle", "GPIO17"), process("go", "lock A")), (None, None));
    }

    #[test]
    fn a_timed_action_needs_a_time_an_action_and_its_target() {
        let timed: TimedAction = "0.5 kill worker 1".parse().expect("valid");
        assert_eq!(timed.after.as_millis(), 500);
        assert_eq!(timed.action, Sent::Kill.to("worker 1"));
        assert_eq!("2s end".parse::<TimedAction>().expect("valid").action, Action::End);
        for text in ["", "kill 4711", "-1 kill x", "nan kill x", "1", "1e300 kill x"] {
            assert!(matches!(text.parse::<TimedAction>(), Err(ParseActionError::NotTimed(_))), "{text}");
        }
        for (text, says) in [
            ("1.5 kill", "kill needs a target, such as '1.5 kill sort'"),
            ("1 press", "press needs a target, such as '1 press GPIO17'"),
            ("1 end now", "end takes no target"),
            ("1 wait-all sort", "the time limit of wait-all: it must be a number of seconds"),
            ("1 wait-any -1", "the time limit of wait-any: it must be a number of seconds from 0 to 1e19"),
            ("1 toggle GPIO99", "the line of toggle: GPIO99 is not on the 40-pin header: its lines are GPIO2 to GPIO27"),
        ] {
            assert_eq!(text.parse::<TimedAction>().expect_err(text).to_string(), says);
        }
    }
}
