//! `tasklab exec`: a command or a pipeline of the user's under the supervisor, as transparent as a shell: the children have our
//! own streams, and the status is the last stage's.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Stderr, Stdout, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args};

use self::passed::Passed;
use self::relay::Relay;
use super::CliError;
use super::entry::Start;
use super::error::complain;
use super::out::Out;
use super::parse;
use super::session::{Listener, session};
use super::whole_lines::WholeLines;
use crate::engine::{BoardKind, Command, EngineEvent, LaunchRequest, What, is_open};
use crate::model::{
    Action, ChildSpec, EventKind, ExitStatus, Group, GroupLimits, Input, Outcome, OutputTo, Pgid, Pid, Reaping, ResourceLimit,
    Signal, StopPlan, WindowSize, parse_bytes, parse_cores,
};

mod passed;
mod relay;

/// Between two stages.
const SEPARATOR: &str = ":::";

/// Runs a command or a pipeline under the supervisor; nothing of it outlives the command.
///
/// Exit status: the last stage's own; 128 + n if signal n ended it; 124 the time limit passed; 126 a program that cannot be
/// executed; 127 one that is not there; 125 any other failure of Task Lab's own.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Arguments {
    /// The working directory.
    #[arg(long, value_name = "DIR")]
    cwd: Option<OsString>,
    /// Sets a variable.
    #[arg(long, value_name = "K=V")]
    env: Vec<OsString>,
    /// Starts from an empty environment; with --events it has `TASKLAB_EVENTS`, `TASKLAB_CONTROL`, `TASKLAB_T0` and `PYTHONPATH`.
    #[arg(long)]
    clear_env: bool,
    /// The first stage's input: a text, @FILE, null, inherit, or pipe: what '--do "T type NAME TEXT"' types, until
    /// '--do "T close-stdin NAME"'.
    #[arg(long, value_name = "TEXT|@FILE|null|inherit|pipe", default_value = "inherit")]
    stdin: OsString,
    /// Where the last stage's standard output goes: to ours, nowhere, into a file (emptied, or with + written on), or where its
    /// standard error goes.
    #[arg(long, value_name = "inherit|null|@FILE|+FILE|stderr", default_value = "inherit", value_parser = bytes(stdout))]
    stdout: OutputTo,
    /// Where standard error goes: to ours, where standard output goes, nowhere, or into a file.
    #[arg(long, value_name = "separate|merge|null|@FILE|+FILE", default_value = "separate", value_parser = bytes(stderr))]
    stderr: OutputTo,
    /// Gives it a terminal of that size (80x24) as its controlling terminal, in a session of its own. For a single stage. What comes in
    /// on our standard input is typed there, and its end as Ctrl-D, unless '--do "T type NAME TEXT"' types later; where ours is a
    /// terminal, only '--do' types. '--stdin null' leaves ours alone.
    #[arg(long, value_name = "COLUMNSxROWS", num_args = 0..=1, require_equals = true, default_missing_value = "80x24")]
    pty: Option<WindowSize>,
    /// Passes every \r\n and \r of the output on as \n. The bytes themselves are in the events of --json.
    #[arg(long, conflicts_with = "json")]
    universal_newlines: bool,
    /// Lets /bin/sh read each stage as one command line.
    #[arg(long)]
    shell: bool,
    /// The file to execute; the first word stays the program's name for itself. For a single stage.
    #[arg(long, value_name = "FILE")]
    executable: Option<OsString>,
    /// Starts a process group of its own, or joins PGID. It is the default unless standard input is our terminal, which stops
    /// readers of any other group.
    #[arg(long, value_name = "PGID", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    process_group: Option<i32>,
    /// Starts a session of its own.
    #[arg(long)]
    new_session: bool,
    /// Adds to the niceness, -20 to 19.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    nice: Option<i32>,
    /// The file mode creation mask, octal.
    #[arg(long, value_name = "MASK", value_parser = parse::umask)]
    umask: Option<u32>,
    /// Sets a resource limit (ulimit), such as nofile=64 or as=512M:unlimited.
    #[arg(long, value_name = "NAME=SOFT[:HARD]", action = ArgAction::Append)]
    rlimit: Vec<ResourceLimit>,
    /// The cores that it may run on, such as 0,2-3.
    #[arg(long, value_name = "CORES", value_parser = parse_cores_list)]
    affinity: Option<Cores>,
    /// What the children get should their supervisor die, which is otherwise SIGKILL.
    #[arg(long, value_name = "SIGNAL")]
    death_signal: Option<Signal>,
    /// What the whole run may take of the memory: bytes, or such as 512M. Refused where no control group can hold it to that.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    memory_max: Option<u64>,
    /// What the whole run may take of the CPU, in percent of one core. Refused where no control group can hold it to that.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cpu_max: Option<u32>,
    /// Keeps this descriptor of ours open in the children, besides 0, 1 and 2.
    #[arg(long, value_name = "FD", action = ArgAction::Append)]
    keep_fd: Vec<i32>,
    /// Keeps all descriptors open that we were started with and that are not marked close-on-exec.
    #[arg(long, conflicts_with = "keep_fd")]
    keep_all_fds: bool,
    /// Capacity of the pipes, in bytes.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    bufsize: Option<u32>,
    /// Ends it after this many seconds.
    #[arg(long, value_name = "S", value_parser = parse::limit, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// Seconds between SIGTERM and SIGKILL when it is ended.
    #[arg(long, value_name = "S", value_parser = crate::model::seconds, allow_hyphen_values = true, default_value = "2")]
    grace: Duration,
    /// Leaves the children zombies when they end, until '--do "T wait NAME"' waits on them; '--do "T wait-any"' waits on the one that
    /// ends first, '--do "T wait-all"' on all, both with a time limit in seconds if one follows.
    #[arg(long)]
    keep_zombie: bool,
    /// Does something at a time of the run, in seconds, such as '0.5 kill sort'.
    #[arg(long = "do", value_name = "AFTER ACTION TARGET")]
    actions: Vec<String>,
    /// Lets the command tell of its threads: it may write event lines to the descriptor that `TASKLAB_EVENTS` names, and
    /// its Python finds `import tasklab`.
    #[arg(long)]
    events: bool,
    /// Event lines on standard output; the children's output is in them.
    #[arg(long)]
    json: bool,
    /// The command and its arguments; `:::` begins the next stage of a pipeline.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// A list of cores; a type of its own, since clap would take a plain list for many values.
#[derive(Debug, Clone)]
struct Cores(Vec<u16>);

fn parse_cores_list(text: &str) -> Result<Cores, crate::model::ParseLimitError> {
    parse_cores(text).map(Cores)
}

/// Runs it.
pub(super) fn exec(arguments: &Arguments, start: Start<'_>) -> Result<u8, CliError> {
    let keep_fds = keep_fds(arguments)?;
    let is_terminal = io::stdin().is_terminal();
    let request = request(arguments, &keep_fds, is_terminal)?;
    let is_passed = arguments.pty.is_some() && arguments.stdin == "inherit" && !is_terminal;
    // Who types at a time of the run types after the end of ours, too.
    let ends = !request.script.iter().any(|timed| matches!(timed.action, Action::Type(..) | Action::CloseInput(_)));
    let passed = is_passed.then(|| Passed::new(ends)).transpose();
    let passed = passed.map_err(|error| CliError::Missing(format!("could not make a pipe: {error}")))?;
    let form = if arguments.json {
        Form::Lines(WholeLines::new(Out::new(io::stdout())))
    } else if is_relayed(arguments) {
        Form::Relayed(Relay::new(Out::new(io::stdout()), Out::new(io::stderr()), arguments.universal_newlines))
    } else {
        Form::Theirs
    };
    let mut watch = Watch { form, passed, last: None, status: None, not_launched: None };
    let ended = session(request, &keep_fds, &BoardKind::Auto, start, &mut watch)?;
    if let Some(status) = ended.interrupted {
        return Ok(status);
    }
    if ended.finished == Outcome::TimedOut {
        return Ok(124);
    }
    let status = watch.not_launched.unwrap_or_else(|| watch.status.unwrap_or(ExitStatus::Unknown).shell_code());
    Ok(u8::try_from(status).unwrap_or(125))
}

/// Whether the output comes through us instead of going to our streams directly.
fn is_relayed(arguments: &Arguments) -> bool {
    arguments.json || arguments.pty.is_some() || arguments.universal_newlines
}

/// Descriptors of ours that the children keep; each is open.
fn keep_fds(arguments: &Arguments) -> Result<Vec<i32>, CliError> {
    if arguments.keep_all_fds {
        return inheritable().map_err(|error| {
            CliError::Missing(format!(
                "--keep-all-fds: could not list our descriptors in /proc/self/fdinfo: {error}; name them with --keep-fd"
            ))
        });
    }
    for fd in &arguments.keep_fd {
        if !is_open(*fd) {
            return Err(CliError::Usage(format!("--keep-fd {fd}: no descriptor of that number is open")));
        }
    }
    Ok(arguments.keep_fd.clone())
}

/// What we were started with besides 0, 1 and 2: what we have opened ourselves is all close-on-exec (`flags` of proc(5), fdinfo).
fn inheritable() -> io::Result<Vec<i32>> {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fdinfo")? {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()).filter(|number| *number > 2)
        else {
            continue;
        };
        let info = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let flags = info.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
        if flags.is_some_and(|flags| flags & CLOSE_ON_EXEC == 0) {
            found.push(number);
        }
    }
    Ok(found)
}

/// What is to be launched.
fn request(arguments: &Arguments, keep_fds: &[i32], is_terminal: bool) -> Result<LaunchRequest, CliError> {
    let (stdin, input) = match input(&arguments.stdin) {
        // Ours is another terminal: what it would read there is for us. Where ours is none, it is passed on.
        (Input::Inherit, _) if arguments.pty.is_some() => (Input::Pipe, None),
        other => other,
    };
    let script = parse::script(&arguments.actions, (!arguments.events).then_some(&[] as &[&str]))?;
    let stop = StopPlan { grace: arguments.grace, ..StopPlan::default() };
    let timeout = arguments.timeout;
    let group = match arguments.process_group {
        None if is_terminal && stdin == Input::Inherit => Group::Inherited,
        None | Some(0) => Group::Own,
        Some(pgid) if pgid > 0 => Group::Join(Pgid::new(pgid)),
        Some(pgid) => return Err(CliError::Usage(format!("--process-group={pgid}: there is no such group"))),
    };
    let env = arguments.env.iter().map(parse::assignment).collect::<Result<Vec<_>, _>>()?;
    let mut stages = Vec::new();
    // A program of such a name can be had as ./--name; an option of ours that is spelled wrong is far likelier.
    if let Some(option) = arguments.command[0].to_str().filter(|word| word.starts_with('-')) {
        return Err(CliError::Usage(format!("exec has no option {option}; `tasklab exec --help` lists them")));
    }
    let commands: Vec<&[OsString]> = arguments.command.split(|word| word == SEPARATOR).collect();
    if arguments.executable.is_some() && commands.len() > 1 {
        return Err(CliError::Usage("--executable is for a single stage".to_owned()));
    }
    if arguments.pty.is_some() && commands.len() > 1 {
        return Err(CliError::Usage("--pty is for a single stage; --shell makes a pipeline in it".to_owned()));
    }
    // Through us it goes only where it would have gone to our own streams.
    let to = |to: &OutputTo| if is_relayed(arguments) && *to == OutputTo::Inherit { OutputTo::Pipe } else { to.clone() };
    // Stages that share a file must not write over each other: it is emptied once, and each appends.
    let shared = match &arguments.stderr {
        // A FIFO has nothing to empty, and would wait for a reader.
        OutputTo::File(path) if commands.len() > 1 && !std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) => {
            let emptied = std::fs::File::create(path);
            emptied.map_err(|error| CliError::Missing(format!("could not open {}: {error}", path.display())))?;
            OutputTo::Append(path.clone())
        }
        own => to(own),
    };
    let group_limits = GroupLimits { memory: arguments.memory_max, cpu_percent: arguments.cpu_max };
    for (index, words) in commands.iter().enumerate() {
        if words.is_empty() {
            return Err(CliError::Usage(format!("stage {} of {} has no command", index + 1, commands.len())));
        }
        let spec = ChildSpec {
            executable: arguments.executable.clone(),
            cwd: arguments.cwd.clone(),
            clear_env: arguments.clear_env,
            env: env.clone(),
            stdin: if index == 0 { stdin.clone() } else { Input::Null },
            stdout: to(&arguments.stdout),
            stderr: shared.clone(),
            group,
            new_session: arguments.new_session,
            nice: arguments.nice,
            umask: arguments.umask,
            keep_fds: keep_fds.to_vec(),
            pipe_size: arguments.bufsize,
            reaping: if arguments.keep_zombie { Reaping::WhenAsked } else { Reaping::AtOnce },
            lesson_pipes: arguments.events,
            limits: arguments.rlimit.clone(),
            affinity: arguments.affinity.clone().map(|cores| cores.0).unwrap_or_default(),
            death_signal: arguments.death_signal,
            terminal: arguments.pty,
            group_limits,
            ..command(words, arguments.shell)
        };
        spec.validate().map_err(|error| CliError::Usage(format!("stage {} of {}: {error}", index + 1, commands.len())))?;
        stages.push(spec);
    }
    Ok(LaunchRequest { what: What::Programs { stages, input }, script, timeout, stop })
}

/// The words of one stage, or a shell that reads them.
fn command(words: &[OsString], is_shell: bool) -> ChildSpec {
    if !is_shell {
        return ChildSpec::new(words);
    }
    let line = words.join(OsStr::new(" "));
    ChildSpec { name: "sh".to_owned(), ..ChildSpec::new(["/bin/sh".into(), "-c".into(), line]) }
}

/// Where the first stage reads from; the text, if it is one.
fn input(word: &OsString) -> (Input, Option<Vec<u8>>) {
    match word.as_bytes() {
        b"inherit" => (Input::Inherit, None),
        b"null" => (Input::Null, None),
        b"pipe" => (Input::Pipe, None),
        [b'@', path @ ..] => (Input::File(OsString::from_vec(path.to_vec())), None),
        text => (Input::Pipe, Some(text.to_vec())),
    }
}

/// A word that may be no text: a path can hold any bytes.
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

/// How the run is told.
enum Form {
    /// Event lines.
    Lines(WholeLines<Out<Stdout>>),
    /// The children's output, which comes through us.
    Relayed(Relay<Out<Stdout>, Out<Stderr>>),
    /// Not at all: the children have our streams.
    Theirs,
}

/// Watches for the last stage's end, and writes what is wanted.
struct Watch {
    form: Form,
    /// Our input, until the child runs that it is passed on to.
    passed: Option<Passed>,
    last: Option<Pid>,
    status: Option<ExitStatus>,
    not_launched: Option<i32>,
}

impl Listener for Watch {
    fn hear(&mut self, told: &EngineEvent) -> io::Result<()> {
        let event = match told {
            EngineEvent::Launched(_, pids) => {
                self.last = pids.last().copied();
                return Ok(());
            }
            EngineEvent::NotLaunched(_, failure) => {
                complain(&failure.to_string());
                self.not_launched = Some(failure.shell_code());
                return Ok(());
            }
            EngineEvent::Refused(_) | EngineEvent::Board { .. } | EngineEvent::Edge(_) | EngineEvent::Compared(_) => {
                return Ok(());
            }
            EngineEvent::Event(_, event) => event,
        };
        match &event.kind {
            EventKind::ProcessExited { pid, status } if Some(*pid) == self.last && self.status.is_none() => {
                self.status = Some(*status);
            }
            // What a launch has failed on was said already.
            EventKind::Notice { text } if self.not_launched.is_none() => complain(text),
            EventKind::ActionRefused { action, why, .. } => {
                complain(&action.could_not(why));
            }
            _ => {}
        }
        match (&mut self.form, &event.kind) {
            (Form::Lines(out), _) if out.get_ref().is_lost() => Ok(()),
            (Form::Lines(out), _) => writeln!(out, "{}", event.to_line()),
            (Form::Relayed(relay), EventKind::Output { stream, bytes, .. }) => relay.pass(*stream, bytes),
            _ => Ok(()),
        }
    }

    fn command(&mut self, told: &EngineEvent) -> io::Result<Option<Command>> {
        match told {
            EngineEvent::Launched(run, _) => self.passed.take().map(|passed| passed.start(*run)).transpose(),
            _ => Ok(None),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Lines(out) => out.flush(),
            Form::Relayed(relay) => relay.flush(),
            Form::Theirs => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn read(words: &[&str]) -> Result<(Vec<ChildSpec>, Option<Vec<u8>>), String> {
        let line = Line::try_parse_from([&["exec"], words].concat()).map_err(|error| error.to_string())?;
        let keep_fds = keep_fds(&line.arguments).map_err(|error| error.to_string())?;
        let request = request(&line.arguments, &keep_fds, false).map_err(|error| error.to_string())?;
        match request.what {
            What::Programs { stages, input } => Ok((stages, input)),
            What::Scenario { .. } => unreachable!("exec runs programs"),
        }
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let (stages, _) = read(&["--nice", "5", "--", "ls", "--", "--nice", "9"]).expect("valid");
        assert_eq!(stages[0].argv, ["ls", "--", "--nice", "9"]);
        assert_eq!(stages[0].nice, Some(5));
        let (stages, _) = read(&["ls", "--color"]).expect("the -- may be left out");
        assert_eq!(stages[0].argv, ["ls", "--color"]);
    }

    #[test]
    fn stages_are_split_and_an_empty_one_is_named() {
        let (stages, _) = read(&["--", "cat", "x", ":::", "sort", ":::", "uniq"]).expect("valid");
        assert_eq!(stages.iter().map(|stage| stage.argv.len()).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(read(&["--", "cat", ":::"]).expect_err("empty"), "stage 2 of 2 has no command");
        assert!(read(&["--executable", "/bin/x", "--", "a", ":::", "b"]).is_err());
        assert!(read(&[]).is_err());
    }

    #[test]
    fn input_is_a_text_a_file_or_nothing() {
        let stdin = |word: &str| {
            let (stages, input) = read(&["--stdin", word, "--", "cat", ":::", "cat"]).expect("valid");
            assert_eq!(stages[1].stdin, Input::Null);
            (stages[0].stdin.clone(), input)
        };
        assert_eq!(stdin("null"), (Input::Null, None));
        assert_eq!(stdin("@/etc/hosts"), (Input::File("/etc/hosts".into()), None));
        assert_eq!(stdin("hello"), (Input::Pipe, Some(b"hello".to_vec())));
        assert_eq!(read(&["--", "cat"]).expect("valid").0[0].stdin, Input::Inherit);
    }

    #[test]
    fn what_the_kernel_would_refuse_is_refused_first() {
        for (words, names) in [
            (&["--nice=-21", "--", "true"][..], "-20 to 19"),
            (&["--umask", "9", "--", "true"], "octal"),
            (&["--env", "novalue", "--", "true"], "NAME=VALUE"),
            (&["--keep-fd", "987", "--", "true"], "987"),
            (&["--timeout", "0", "--", "true"], "0 seconds"),
            (&["--process-group=-4", "--", "true"], "-4"),
            (&["--do", "1 dance", "--", "true"], "dance"),
            (&["--stderr", "x", "--", "true"], "merge"),
            (&["--stdout", "@", "--", "true"], "@FILE"),
            (&["--stdout", "stderr", "--stderr", "merge", "--", "true"], "each go where the other one goes"),
            (&["--rlimit", "files=3", "--", "true"], "nofile"),
            (&["--rlimit", "nofile=64:32", "--", "true"], "above its hard limit"),
            (&["--affinity", "2-1", "--", "true"], "0,2-3"),
            (&["--death-signal", "SIGNO", "--", "true"], "SIGNO"),
            (&["--pty=0x3", "--", "true"], "80x24"),
            (&["--pty", "--", "true", ":::", "true"], "single stage"),
            (&["--memory-max", "much", "--", "true"], "512M"),
            (&["--cpu-max", "0", "--", "true"], "0"),
        ] {
            let error = read(words).expect_err(names);
            assert!(error.contains(names), "{error}");
        }
    }

    #[test]
    fn the_group_is_its_own_unless_it_reads_our_terminal() {
        let group = |words: &[&str], is_terminal| {
            let line = Line::try_parse_from([&["exec"], words, &["--", "true"]].concat()).expect("valid");
            match request(&line.arguments, &[], is_terminal).expect("valid").what {
                What::Programs { stages, .. } => stages[0].group,
                What::Scenario { .. } => unreachable!("exec runs programs"),
            }
        };
        assert_eq!(group(&[], true), Group::Inherited);
        assert_eq!(group(&["--stdin", "null"], true), Group::Own);
        assert_eq!(group(&["--process-group"], true), Group::Own);
        assert_eq!(group(&["--process-group=7"], true), Group::Join(Pgid::new(7)));
        assert_eq!(group(&[], false), Group::Own);
    }

    #[test]
    fn every_argument_of_popen_has_its_option() {
        let line = "--stdout +log --stderr @err --rlimit nofile=64 --rlimit core=0:unlimited --affinity 0-1 --death-signal TERM \
                    --memory-max 64M --cpu-max 50 -- true";
        let (stages, _) = read(&line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>()).expect("valid");
        let stage = &stages[0];
        assert_eq!((&stage.stdout, &stage.stderr), (&OutputTo::Append("log".into()), &OutputTo::File("err".into())));
        assert_eq!(
            stage.limits.iter().map(|limit| (limit.soft, limit.hard)).collect::<Vec<_>>(),
            [(Some(64), Some(64)), (Some(0), None)]
        );
        assert_eq!((stage.affinity.as_slice(), stage.death_signal), (&[0, 1][..], Some(Signal::TERM)));
        assert_eq!(stage.group_limits, GroupLimits { memory: Some(64 << 20), cpu_percent: Some(50) });
        let (stages, _) = read(&["--pty=100x30", "--stdin", "pipe", "--", "sh"]).expect("valid");
        assert_eq!((stages[0].terminal, &stages[0].stdin), (Some(WindowSize { columns: 100, rows: 30 }), &Input::Pipe));
        assert_eq!((&stages[0].stdout, &stages[0].stderr), (&OutputTo::Pipe, &OutputTo::Pipe), "what it shows comes through us");
    }

    #[test]
    fn a_shell_reads_the_words_as_one_line() {
        let (stages, _) = read(&["--shell", "--", "echo", "$HOME | wc"]).expect("valid");
        assert_eq!(stages[0].argv, ["/bin/sh", "-c", "echo $HOME | wc"]);
    }
}
