//! The command line of `tasklab exec`. Pure.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, ValueHint};

use crate::cli::parse;
use crate::model::{Input, OutputTo, ParseLimitError, ResourceLimit, Signal, WindowSize, parse_bytes, parse_cores};

/// Runs a command or a pipeline under the supervisor; nothing of it outlives the command.
///
/// Exit status: the last stage's own; 128 + n if signal n ended it; 124 the time limit passed; 126 a program that cannot be
/// executed; 127 one that is not there; 125 any other failure of Task Lab's own.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Arguments {
    /// The working directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) cwd: Option<OsString>,
    /// Sets a variable.
    #[arg(long, value_name = "K=V")]
    pub(super) env: Vec<OsString>,
    /// Starts from an empty environment; what is observed, or has --events, gets `PYTHONPATH`, `TASKLAB_CONTROL`, `TASKLAB_EVENTS`,
    /// `TASKLAB_EVENTS_FILE`, `TASKLAB_OBSERVE` and `TASKLAB_T0` all the same.
    #[arg(long)]
    pub(super) clear_env: bool,
    /// The first stage's input: a text, @FILE, null, inherit, or pipe. Into a pipe '--do "T type NAME TEXT"' types, until
    /// '--do "T close-stdin NAME"' closes it.
    #[arg(long, value_name = "TEXT|@FILE|null|inherit|pipe", default_value = "inherit")]
    pub(super) stdin: OsString,
    /// Where the last stage's standard output goes: to ours, nowhere, into a file (emptied, or with + appended to), or where its
    /// standard error goes.
    #[arg(long, value_name = "inherit|null|@FILE|+FILE|stderr", default_value = "inherit", value_parser = bytes(stdout))]
    pub(super) stdout: OutputTo,
    /// Where standard error goes: to ours, where standard output goes, nowhere, or into a file.
    #[arg(long, value_name = "separate|merge|null|@FILE|+FILE", default_value = "separate", value_parser = bytes(stderr))]
    pub(super) stderr: OutputTo,
    /// Gives it a terminal of that size (80x24) as its controlling terminal, in a session of its own. For a single stage. Our standard
    /// input is typed there, and its end as Ctrl-D, unless '--do "T type NAME TEXT"' types later; where ours is a terminal, only '--do'
    /// types. '--stdin null' leaves ours alone.
    #[arg(long, value_name = "COLUMNSxROWS", num_args = 0..=1, require_equals = true, default_missing_value = "80x24")]
    pub(super) pty: Option<WindowSize>,
    /// Passes every \r\n and \r of the output on as \n. The bytes themselves are in the events of --json.
    #[arg(long, conflicts_with = "json")]
    pub(super) universal_newlines: bool,
    /// Lets /bin/sh read each stage as one command line.
    #[arg(long)]
    pub(super) shell: bool,
    /// The file to execute; the first word is still passed as the program's name. For a single stage.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::ExecutablePath)]
    pub(super) executable: Option<OsString>,
    /// Starts a process group of its own, or joins PGID. It is the default unless standard input is our terminal, which stops
    /// readers of any other group.
    #[arg(long, value_name = "PGID", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    pub(super) process_group: Option<i32>,
    /// Starts a session of its own.
    #[arg(long)]
    pub(super) new_session: bool,
    /// Adds this to the nice value, -20 to 19.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(super) nice: Option<i32>,
    /// The file mode creation mask, octal.
    #[arg(long, value_name = "MASK", value_parser = parse::umask)]
    pub(super) umask: Option<u32>,
    /// Sets a resource limit (ulimit), such as nofile=64 or as=512M:unlimited.
    #[arg(long, value_name = "NAME=SOFT[:HARD]", action = ArgAction::Append)]
    pub(super) rlimit: Vec<ResourceLimit>,
    /// Sets the literal that an observed Python program assigns to this name at its top level, such as `workers = 4`. Its file stays as it is.
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "no_observe")]
    pub(super) set: Vec<String>,
    /// Lets the steps of an observed Python program come in this order: names of its tasks with blanks between, as the value `order` shows
    /// them in step mode.
    #[arg(long, value_name = "NAMES")]
    pub(super) order: Option<String>,
    /// The cores that it may run on, such as 0,2-3.
    #[arg(long, value_name = "CORES", value_parser = parse_cores_list)]
    pub(super) affinity: Option<Cores>,
    /// The signal that the children get if their supervisor dies; without this option, SIGKILL.
    #[arg(long, value_name = "SIGNAL")]
    pub(super) death_signal: Option<Signal>,
    /// The most memory that the whole run may use, in bytes or such as 512M. Refused where no control group can enforce it.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(super) memory_max: Option<u64>,
    /// The most CPU that the whole run may use, in percent of one core. Refused where no control group can enforce it.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) cpu_max: Option<u32>,
    /// Keeps this descriptor of ours open in the children, besides 0, 1 and 2.
    #[arg(long, value_name = "FD", action = ArgAction::Append)]
    pub(super) keep_fd: Vec<i32>,
    /// Keeps all descriptors open with which we were started and that are not close-on-exec.
    #[arg(long, conflicts_with = "keep_fd")]
    pub(super) keep_all_fds: bool,
    /// Capacity of the pipes, in bytes.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) bufsize: Option<u32>,
    /// Ends it after this many seconds.
    #[arg(long, value_name = "S", value_parser = parse::limit, allow_hyphen_values = true)]
    pub(super) timeout: Option<Duration>,
    /// Seconds between SIGTERM and SIGKILL when it is ended.
    #[arg(long, value_name = "S", value_parser = crate::model::seconds, allow_hyphen_values = true, default_value = "2")]
    pub(super) grace: Duration,
    /// Leaves the children zombies when they end, until '--do "T wait NAME"' waits on them; '--do "T wait-any"' waits on the one that
    /// ends first, '--do "T wait-all"' on all, both with a time limit in seconds if one follows.
    #[arg(long)]
    pub(super) keep_zombie: bool,
    /// Performs an action at a time of the run, in seconds, such as '0.5 kill sort'.
    #[arg(long = "do", value_name = "AFTER ACTION TARGET")]
    pub(super) actions: Vec<String>,
    /// Lets the command report its threads, whatever it is: it may write event lines to the descriptor that `TASKLAB_EVENTS` names, and
    /// its Python finds `import tasklab`. A stage that is Python, by its name or its script's first line, has this by itself.
    #[arg(long)]
    pub(super) events: bool,
    /// Leaves the observer off, which shows the threads, locks, queues and processes of a Python program by name. It is on in a stage
    /// that is Python by its name or its script's first line (with --shell: by the first word of its line), and with --events in the
    /// Pythons that the command starts.
    #[arg(long)]
    pub(super) no_observe: bool,
    /// Event lines on standard output; the children's output is in them.
    #[arg(long)]
    pub(super) json: bool,
    /// The command and its arguments; `:::` begins the next stage of a pipeline.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub(super) command: Vec<OsString>,
}

/// A list of cores; a type of its own, since clap would take a plain list for many values.
#[derive(Debug, Clone)]
pub(super) struct Cores(pub(super) Vec<u16>);

fn parse_cores_list(text: &str) -> Result<Cores, ParseLimitError> {
    parse_cores(text).map(Cores)
}

/// Where the first stage reads from, and the text, if it is given.
pub(super) fn input(word: &OsString) -> (Input, Option<Vec<u8>>) {
    match word.as_bytes() {
        b"inherit" => (Input::Inherit, None),
        b"null" => (Input::Null, None),
        b"pipe" => (Input::Pipe, None),
        [b'@', path @ ..] => (Input::File(OsString::from_vec(path.to_vec())), None),
        text => (Input::Pipe, Some(text.to_vec())),
    }
}

/// A parser for words that need not be UTF-8: a path can hold any bytes.
fn bytes(read: fn(&OsStr) -> Result<OutputTo, String>) -> impl TypedValueParser<Value = OutputTo> {
    OsStringValueParser::new().try_map(move |word| read(&word))
}

/// Where the last stage's standard output goes.
fn stdout(word: &OsStr) -> Result<OutputTo, String> {
    match word.as_bytes() {
        b"inherit" => Ok(OutputTo::Inherit),
        b"stderr" => Ok(OutputTo::Stderr),
        _ => null_or_file(word).ok_or_else(|| "it must be inherit, null, @FILE, +FILE or stderr".to_owned()),
    }
}

/// Where standard error goes.
fn stderr(word: &OsStr) -> Result<OutputTo, String> {
    match word.as_bytes() {
        b"separate" => Ok(OutputTo::Inherit),
        b"merge" => Ok(OutputTo::Stdout),
        _ => null_or_file(word).ok_or_else(|| "it must be separate, merge, null, @FILE or +FILE".to_owned()),
    }
}

fn null_or_file(word: &OsStr) -> Option<OutputTo> {
    let path = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    match word.as_bytes() {
        b"null" => Some(OutputTo::Null),
        [b'@', name @ ..] if !name.is_empty() => Some(OutputTo::File(path(name))),
        [b'+', name @ ..] if !name.is_empty() => Some(OutputTo::Append(path(name))),
        _ => None,
    }
}
