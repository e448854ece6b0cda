//! `tasklab exec`: a command or a pipeline of the user's under the supervisor, as transparent as a shell: the children have our
//! own streams, and the status is the last stage's.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::CliError;
use super::entry::Start;
use super::error::complain;
use super::parse;
use super::session::{Listener, session};
use crate::engine::{LaunchRequest, Told, What};
use crate::model::{ChildSpec, EventKind, ExitStatus, Group, Input, Outcome, OutputTo, Pgid, Pid, Reaping, StopPlan};

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
    cwd: Option<PathBuf>,
    /// Sets a variable.
    #[arg(long, value_name = "K=V")]
    env: Vec<OsString>,
    /// Starts from an empty environment.
    #[arg(long)]
    clear_env: bool,
    /// The first stage's input: a text, @FILE, null, or inherit.
    #[arg(long, value_name = "TEXT|@FILE|null|inherit", default_value = "inherit")]
    stdin: OsString,
    /// Where standard error goes: to ours, where standard output goes, or nowhere.
    #[arg(long, value_enum, default_value_t = Stderr::Separate)]
    stderr: Stderr,
    /// Lets /bin/sh read each stage as one command line.
    #[arg(long)]
    shell: bool,
    /// The file to execute; the first word stays the program's name for itself. For a single stage.
    #[arg(long, value_name = "FILE")]
    executable: Option<PathBuf>,
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
    /// Keeps this descriptor of ours open in the children, besides 0, 1 and 2.
    #[arg(long, value_name = "FD", action = ArgAction::Append)]
    keep_fd: Vec<i32>,
    /// Capacity of the pipes, in bytes.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    bufsize: Option<u32>,
    /// Ends it after this many seconds.
    #[arg(long, value_name = "S", value_parser = parse::limit, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// Seconds between SIGTERM and SIGKILL when it is ended.
    #[arg(long, value_name = "S", value_parser = parse::seconds, allow_hyphen_values = true, default_value = "2")]
    grace: Duration,
    /// Leaves the children zombies when they end, until '--do "T wait NAME"' waits on them.
    #[arg(long)]
    keep_zombie: bool,
    /// Does something at a time of the run, in seconds, such as '0.5 kill sort'.
    #[arg(long = "do", value_name = "AFTER ACTION TARGET")]
    actions: Vec<String>,
    /// Event lines on standard output; the children's output is in them.
    #[arg(long)]
    json: bool,
    /// The command and its arguments; `:::` begins the next stage of a pipeline.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stderr {
    Separate,
    Merge,
    Null,
}

/// Runs it.
pub(super) fn exec(arguments: &Arguments, start: Start<'_>) -> Result<u8, CliError> {
    let request = request(arguments, io::stdin().is_terminal())?;
    let mut watch =
        Watch { json: arguments.json.then(|| BufWriter::new(io::stdout())), last: None, status: None, not_launched: None };
    let ended = session(request, &arguments.keep_fd, start, &mut watch)?;
    if let Some(status) = ended.interrupted {
        return Ok(status);
    }
    if ended.finished.outcome == Outcome::TimedOut {
        return Ok(124);
    }
    let status = watch.not_launched.unwrap_or_else(|| watch.status.unwrap_or(ExitStatus::Unknown).shell_code());
    Ok(u8::try_from(status).unwrap_or(125))
}

/// What is to be launched.
fn request(arguments: &Arguments, is_terminal: bool) -> Result<LaunchRequest, CliError> {
    let (stdin, input) = input(&arguments.stdin);
    let script = parse::script(&arguments.actions, &[])?;
    let stop = StopPlan { grace: arguments.grace, ..StopPlan::default() };
    let timeout = arguments.timeout;
    let group = match arguments.process_group {
        None if is_terminal && stdin == Input::Inherit => Group::Inherited,
        None | Some(0) => Group::Own,
        Some(pgid) if pgid > 0 => Group::Join(Pgid::new(pgid)),
        Some(pgid) => return Err(CliError::Usage(format!("--process-group={pgid}: there is no such group"))),
    };
    let env = arguments.env.iter().map(parse::assignment).collect::<Result<Vec<_>, _>>()?;
    for fd in &arguments.keep_fd {
        // Asked of /proc, since the number alone does not say whether anything is behind it.
        if *fd < 0 || !Path::new(&format!("/proc/self/fd/{fd}")).exists() {
            return Err(CliError::Usage(format!("--keep-fd {fd}: no descriptor of that number is open")));
        }
    }
    let mut stages = Vec::new();
    // A program of such a name can be had as ./--name; an option of ours that is spelled wrong is far likelier.
    if let Some(option) = arguments.command[0].to_str().filter(|word| word.starts_with('-')) {
        return Err(CliError::Usage(format!("exec has no option {option}; `tasklab exec --help` lists them")));
    }
    let commands: Vec<&[OsString]> = arguments.command.split(|word| word == SEPARATOR).collect();
    if arguments.executable.is_some() && commands.len() > 1 {
        return Err(CliError::Usage("--executable is for a single stage".to_owned()));
    }
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
            stdout: if arguments.json { OutputTo::Pipe } else { OutputTo::Inherit },
            stderr: match arguments.stderr {
                Stderr::Separate if arguments.json => OutputTo::Pipe,
                Stderr::Separate => OutputTo::Inherit,
                Stderr::Merge => OutputTo::Stdout,
                Stderr::Null => OutputTo::Null,
            },
            group,
            new_session: arguments.new_session,
            nice: arguments.nice,
            umask: arguments.umask,
            keep_fds: arguments.keep_fd.clone(),
            pipe_size: arguments.bufsize,
            reaping: if arguments.keep_zombie { Reaping::WhenAsked } else { Reaping::AtOnce },
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
    let line = words.join(std::ffi::OsStr::new(" "));
    ChildSpec { name: "sh".to_owned(), ..ChildSpec::new(["/bin/sh".into(), "-c".into(), line]) }
}

/// Where the first stage reads from; the text, if it is one.
fn input(word: &OsString) -> (Input, Option<Vec<u8>>) {
    match word.as_bytes() {
        b"inherit" => (Input::Inherit, None),
        b"null" => (Input::Null, None),
        [b'@', path @ ..] => (Input::File(OsString::from_vec(path.to_vec()).into()), None),
        text => (Input::Pipe, Some(text.to_vec())),
    }
}

/// Watches for the last stage's end, and writes event lines if they are wanted.
struct Watch {
    json: Option<BufWriter<Stdout>>,
    last: Option<Pid>,
    status: Option<ExitStatus>,
    not_launched: Option<i32>,
}

impl Listener for Watch {
    fn hear(&mut self, told: &Told) -> io::Result<()> {
        let event = match told {
            Told::Launched(_, pids) => {
                self.last = pids.last().copied();
                return Ok(());
            }
            Told::NotLaunched(_, failure) => {
                complain(&failure.to_string());
                self.not_launched = Some(failure.shell_code());
                return Ok(());
            }
            Told::Refused(_) | Told::Compared(_) => return Ok(()),
            Told::Event(_, event) => event,
        };
        match &event.kind {
            EventKind::ProcessExited { pid, status } if Some(*pid) == self.last && self.status.is_none() => {
                self.status = Some(*status);
            }
            // What a launch has failed on was said already.
            EventKind::Notice { text } if self.not_launched.is_none() => complain(text),
            _ => {}
        }
        match &mut self.json {
            Some(out) => writeln!(out, "{}", event.to_line()),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.json.as_mut().map_or(Ok(()), Write::flush)
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
        let request = request(&line.arguments, false).map_err(|error| error.to_string())?;
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
        ] {
            let error = read(words).expect_err(names);
            assert!(error.contains(names), "{error}");
        }
    }

    #[test]
    fn the_group_is_its_own_unless_it_reads_our_terminal() {
        let group = |words: &[&str], is_terminal| {
            let line = Line::try_parse_from([&["exec"], words, &["--", "true"]].concat()).expect("valid");
            match request(&line.arguments, is_terminal).expect("valid").what {
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
    fn a_shell_reads_the_words_as_one_line() {
        let (stages, _) = read(&["--shell", "--", "echo", "$HOME | wc"]).expect("valid");
        assert_eq!(stages[0].argv, ["/bin/sh", "-c", "echo $HOME | wc"]);
    }
}
