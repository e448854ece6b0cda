//! The specification of a child, and of its end: a `Popen` call as data.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::LAST_CORE;
use super::{GroupLimits, Pgid, Resource, ResourceLimit, Signal, WindowSize};

/// Where a child's standard input comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Ours.
    Inherit,
    /// `/dev/null`.
    #[default]
    Null,
    /// A pipe whose other end the engine gets.
    Pipe,
    /// A file, opened for reading. (Paths are `OsString`s here: serde writes a `PathBuf` as text, and fails where it is none.)
    File(OsString),
}

impl Input {
    const fn file(&self) -> Option<&OsString> {
        if let Self::File(path) = self { Some(path) } else { None }
    }
}

/// Where a child's output stream goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputTo {
    /// Ours.
    Inherit,
    /// `/dev/null`.
    Null,
    /// A pipe whose other end the engine gets.
    #[default]
    Pipe,
    /// A file, created or emptied.
    File(OsString),
    /// A file, created or written on at its end.
    Append(OsString),
    /// Where standard output goes (for standard error only).
    Stdout,
    /// Where standard error goes (for standard output only).
    Stderr,
}

impl OutputTo {
    const fn file(&self) -> Option<&OsString> {
        if let Self::File(path) | Self::Append(path) = self { Some(path) } else { None }
    }
}

/// The process group that a child starts in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// A new one, which it leads. The stages of a pipeline share the first stage's.
    #[default]
    Own,
    /// Ours: for a child that reads from our terminal, which stops readers of any other group.
    Inherited,
    /// An existing one.
    Join(Pgid),
}

/// When the supervisor waits on a child that has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reaping {
    /// At once.
    #[default]
    AtOnce,
    /// When asked to: until then the child stays a zombie, and its status is read all the same.
    WhenAsked,
}

/// Everything that is needed to start one child.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an argument of Popen's, or a word to the engine")]
pub struct ChildSpec {
    /// The name in the tree; the program's base name when empty.
    pub name: String,
    /// The argument list; the first one is the program unless `executable` is given.
    pub argv: Vec<OsString>,
    /// The file to execute instead of `argv[0]`.
    pub executable: Option<OsString>,
    /// The working directory; ours when absent.
    pub cwd: Option<OsString>,
    /// Whether to start from an empty environment instead of ours.
    pub clear_env: bool,
    /// Variables to set, after that.
    pub env: Vec<(OsString, OsString)>,
    /// Standard input.
    pub stdin: Input,
    /// Standard output.
    pub stdout: OutputTo,
    /// Standard error.
    pub stderr: OutputTo,
    /// Process group.
    pub group: Group,
    /// Whether it starts a session (`setsid`), which makes it a group leader too.
    pub new_session: bool,
    /// Added to the niceness, -20 to 19.
    pub nice: Option<i32>,
    /// File mode creation mask, 0 to 0o777.
    pub umask: Option<u32>,
    /// Descriptors of ours, besides 0 to 2, that stay open under their numbers.
    pub keep_fds: Vec<i32>,
    /// Capacity asked for its pipes, in bytes (`F_SETPIPE_SZ`).
    pub pipe_size: Option<u32>,
    /// When it is waited on.
    pub reaping: Reaping,
    /// Whether it gets `TASKLAB_EVENTS` and `TASKLAB_CONTROL`; the engine lets its Python `import tasklab` then. Opt-in, as
    /// these are two descriptors more than 0, 1 and 2.
    pub lesson_pipes: bool,
    /// Whether Task Lab's observer runs in it if Python executes it. The engine finds that out, and gives it lesson pipes then; a child that
    /// has them anyway is observed whatever it is, for the Pythons that it starts.
    pub observe: bool,
    /// Where its events pipe gets a name, as a FIFO that is made for it. `TASKLAB_EVENTS_FILE` says it, so that processes that did not
    /// inherit the descriptor can open the same pipe. Where no FIFO can be made, the pipe has no name.
    pub events_file: Option<OsString>,
    /// Resource limits (`setrlimit`); all others are ours.
    pub limits: Vec<ResourceLimit>,
    /// The cores that it may run on; ours when empty.
    pub affinity: Vec<u16>,
    /// The signal that the kernel sends it if the supervisor dies; SIGKILL when absent.
    pub death_signal: Option<Signal>,
    /// A pseudo-terminal of this size as its controlling terminal, in a session of its own. `Pipe` then means this terminal, and its
    /// output is read as standard output. For a single program.
    pub terminal: Option<WindowSize>,
    /// The limits of its run; in a pipeline those of the first stage hold for all.
    pub group_limits: GroupLimits,
}

/// A mistake in a spec, found before anything is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum InvalidSpec {
    /// No argument at all.
    #[error("there is no program to run: the argument list is empty")]
    NoProgram,
    /// A NUL byte where the kernel would end the text.
    #[error("a NUL byte in {0}; the kernel would cut it there")]
    Nul(String),
    /// A variable's name is empty or has `=` in it.
    #[error("{0:?} cannot be the name of an environment variable: it is empty or contains '='")]
    EnvName(OsString),
    /// Standard output cannot be sent to itself.
    #[error("standard output cannot go where standard output goes; use a pipe, null, a file or inherit")]
    StdoutToStdout,
    /// Out of the kernel's range.
    #[error("niceness {0} is out of range: -20 to 19")]
    Nice(i32),
    /// Not a file mode.
    #[error("umask {0:o} is out of range: 0 to 777")]
    Umask(u32),
    /// Neither stream has a place of its own.
    #[error("standard output and standard error cannot each go where the other one goes, nor standard error to itself")]
    InCircle,
    /// No terminal can be of that size.
    #[error("a terminal needs at least one column and one row")]
    Window,
    /// The kernel allows no such pair.
    #[error("the soft limit of {0} is above its hard limit")]
    SoftAboveHard(Resource),
    /// There is no such core.
    #[error("core {0} is out of range: 0 to {LAST_CORE}")]
    Core(u16),
    /// A terminal belongs to a session, and groups do not reach from one session into another.
    #[error("a program with a terminal of its own starts a session, so it cannot join a process group")]
    TerminalAndGroup,
}

impl ChildSpec {
    /// A child that runs `argv`, its output captured, without input.
    pub fn new<A: Into<OsString>>(argv: impl IntoIterator<Item = A>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The name for the tree.
    pub fn display_name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let program = self.argv.first().cloned().unwrap_or_default();
        Path::new(&program).file_name().unwrap_or(&program).to_string_lossy().into_owned()
    }

    /// Finds the mistakes that can be found before anything is started.
    pub fn validate(&self) -> Result<(), InvalidSpec> {
        if self.argv.is_empty() || (self.argv[0].is_empty() && self.executable.is_none()) {
            return Err(InvalidSpec::NoProgram);
        }
        let has_nul = |text: &std::ffi::OsStr| text.as_bytes().contains(&0);
        if let Some(index) = self.argv.iter().position(|argument| has_nul(argument)) {
            return Err(InvalidSpec::Nul(format!("argument {index} {}", self.argv[index].display())));
        }
        let paths = [&self.executable, &self.cwd, &self.events_file].map(Option::as_ref);
        let paths = paths.into_iter().chain([self.stdin.file(), self.stdout.file(), self.stderr.file()]);
        for path in paths.flatten() {
            if has_nul(path) {
                return Err(InvalidSpec::Nul(format!("path {}", path.display())));
            }
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return Err(InvalidSpec::EnvName(name.clone()));
            }
            if has_nul(name) || has_nul(value) {
                return Err(InvalidSpec::Nul(format!("environment variable {}", name.display())));
            }
        }
        if self.stdout == OutputTo::Stdout {
            return Err(InvalidSpec::StdoutToStdout);
        }
        if self.stderr == OutputTo::Stderr || (self.stdout == OutputTo::Stderr && self.stderr == OutputTo::Stdout) {
            return Err(InvalidSpec::InCircle);
        }
        if let Some(limit) = self.limits.iter().find(|limit| !limit.is_possible()) {
            return Err(InvalidSpec::SoftAboveHard(limit.resource));
        }
        if let Some(core) = self.affinity.iter().find(|core| **core > LAST_CORE) {
            return Err(InvalidSpec::Core(*core));
        }
        if self.terminal.is_some_and(|size| size.columns == 0 || size.rows == 0) {
            return Err(InvalidSpec::Window);
        }
        if self.terminal.is_some() && matches!(self.group, Group::Join(_)) {
            return Err(InvalidSpec::TerminalAndGroup);
        }
        if let Some(nice) = self.nice.filter(|nice| !(-20..=19).contains(nice)) {
            return Err(InvalidSpec::Nice(nice));
        }
        if let Some(umask) = self.umask.filter(|umask| *umask > 0o777) {
            return Err(InvalidSpec::Umask(umask));
        }
        Ok(())
    }
}

/// How to end a run: a signal, a time of grace, then another signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopPlan {
    /// The first signal. SIGCONT follows, so that a stopped process acts on it.
    pub signal: Signal,
    /// The time of grace.
    pub grace: Duration,
    /// The second signal.
    pub then: Signal,
}

impl Default for StopPlan {
    /// SIGTERM, two seconds, SIGKILL.
    fn default() -> Self {
        Self { signal: Signal::TERM, grace: Duration::from_secs(2), then: Signal::KILL }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    /// Covers: F37, fact 22.
    #[test]
    fn what_the_kernel_would_cut_or_confuse_is_refused_by_name() {
        let spec = || ChildSpec::new(["true"]);
        let with_env = |name: &str, value: &str| ChildSpec { env: vec![(name.into(), value.into())], ..spec() };
        assert_eq!(spec().validate(), Ok(()));
        assert_eq!(with_env("FRUIT", "a=b").validate(), Ok(()));
        assert_eq!(ChildSpec::new(Vec::<OsString>::new()).validate(), Err(InvalidSpec::NoProgram));
        assert_eq!(with_env("A=B", "c").validate(), Err(InvalidSpec::EnvName("A=B".into())));
        assert!(matches!(with_env("A", "b\0c").validate(), Err(InvalidSpec::Nul(_))));
        assert!(matches!(ChildSpec::new([OsString::from_vec(vec![b'a', 0])]).validate(), Err(InvalidSpec::Nul(_))));
        assert_eq!(ChildSpec { nice: Some(20), ..spec() }.validate(), Err(InvalidSpec::Nice(20)));
        assert_eq!(ChildSpec { umask: Some(0o1000), ..spec() }.validate(), Err(InvalidSpec::Umask(0o1000)));
        assert_eq!(ChildSpec { stdout: OutputTo::Stdout, ..spec() }.validate(), Err(InvalidSpec::StdoutToStdout));
        let circle = ChildSpec { stdout: OutputTo::Stderr, stderr: OutputTo::Stdout, ..spec() };
        assert_eq!(circle.validate(), Err(InvalidSpec::InCircle));
        assert_eq!(ChildSpec { stderr: OutputTo::Stderr, ..spec() }.validate(), Err(InvalidSpec::InCircle));
        let file = ChildSpec { stderr: OutputTo::Append("a\0b".into()), ..spec() };
        assert!(matches!(file.validate(), Err(InvalidSpec::Nul(_))));
        assert_eq!(ChildSpec { affinity: vec![1024], ..spec() }.validate(), Err(InvalidSpec::Core(1024)));
        let window = Some(WindowSize { columns: 0, rows: 24 });
        assert_eq!(ChildSpec { terminal: window, ..spec() }.validate(), Err(InvalidSpec::Window));
        let joined = ChildSpec { terminal: Some(WindowSize::default()), group: Group::Join(Pgid::new(7)), ..spec() };
        assert_eq!(joined.validate(), Err(InvalidSpec::TerminalAndGroup));
    }

    /// Covers: fact 35.
    #[test]
    fn bytes_that_are_not_utf8_pass_unchanged() {
        let bytes = || OsString::from_vec(vec![b'/', 0xff]);
        let spec = ChildSpec {
            env: vec![(bytes(), bytes())],
            executable: Some(bytes()),
            cwd: Some(bytes()),
            stdin: Input::File(bytes()),
            stdout: OutputTo::File(bytes()),
            stderr: OutputTo::Append(bytes()),
            events_file: Some(bytes()),
            ..ChildSpec::new([bytes()])
        };
        let back: ChildSpec = serde_json::from_str(&serde_json::to_string(&spec).expect("writes")).expect("reads");
        assert_eq!(back, spec);
    }
}
