//! `tasklab exec`: a command or a pipeline of the user's under the supervisor. As with a shell, the children have our own streams, and
//! the exit status is that of the last stage.

use std::io::{self, IsTerminal, Stderr, Stdout, Write};

use self::relay::Relay;
use self::request::{is_relayed, keep_fds, request};
use self::stdin::StdinForwarder;
use super::error::{CliError, complain};
use super::out::Out;
use super::session::{Listener, run_to_end};
use super::start::Start;
use super::whole_lines::WholeLines;
use crate::engine::{BoardKind, Command, EngineEvent};
use crate::model::{Action, EventKind, ExitStatus, Outcome, Pid};

mod arguments;
mod relay;
mod request;
mod stdin;

pub(super) use self::arguments::Arguments;

/// Runs the command.
pub(super) fn exec(arguments: &Arguments, start: Start<'_>) -> Result<u8, CliError> {
    let keep_fds = keep_fds(arguments)?;
    let is_terminal = io::stdin().is_terminal();
    let request = request(arguments, &keep_fds, is_terminal)?;
    let is_forwarded = arguments.pty.is_some() && arguments.stdin == "inherit" && !is_terminal;
    // Our end of file must not close the child's input while `--do` still types.
    let closes = !request.script.iter().any(|timed| matches!(timed.action, Action::Type(..) | Action::CloseInput(_)));
    let stdin = is_forwarded.then(|| StdinForwarder::new(closes)).transpose();
    let stdin = stdin.map_err(|error| CliError::Missing(format!("could not make a pipe: {error}")))?;
    let output = if arguments.json {
        Output::Json(WholeLines::new(Out::new(io::stdout())))
    } else if is_relayed(arguments) {
        Output::Relayed(Relay::new(Out::new(io::stdout()), Out::new(io::stderr()), arguments.universal_newlines))
    } else {
        Output::Inherited
    };
    let mut reporter = Reporter { output, stdin, last_stage: None, status: None, not_launched: None };
    let ended = run_to_end(request, &keep_fds, &BoardKind::Auto, start, &mut reporter)?;
    if let Some(status) = ended.interrupted {
        return Ok(status);
    }
    if ended.result == Outcome::TimedOut {
        return Ok(124);
    }
    let status = reporter.not_launched.unwrap_or_else(|| reporter.status.unwrap_or(ExitStatus::Unknown).shell_code());
    Ok(u8::try_from(status).unwrap_or(125))
}

/// Our standard output and standard error.
enum Output {
    /// Event lines.
    Json(WholeLines<Out<Stdout>>),
    /// The children's output, which comes through us.
    Relayed(Relay<Out<Stdout>, Out<Stderr>>),
    /// Nothing: the children have our streams.
    Inherited,
}

/// Writes the output, and keeps the status of the last stage.
struct Reporter {
    output: Output,
    /// Forwards our standard input once the child runs.
    stdin: Option<StdinForwarder>,
    last_stage: Option<Pid>,
    status: Option<ExitStatus>,
    /// The exit status for a command that could not be launched.
    not_launched: Option<i32>,
}

impl Listener for Reporter {
    fn on_event(&mut self, event: &EngineEvent) -> io::Result<()> {
        let event = match event {
            EngineEvent::Launched(_, pids) => {
                self.last_stage = pids.last().copied();
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
            EventKind::ProcessExited { pid, status } if Some(*pid) == self.last_stage && self.status.is_none() => {
                self.status = Some(*status);
            }
            // The reason for a failed launch is printed already.
            EventKind::Notice { text } if self.not_launched.is_none() => complain(text),
            EventKind::ActionRefused { action, why, .. } => {
                complain(&action.could_not(why));
            }
            EventKind::Finding(finding) if !matches!(self.output, Output::Json(_)) => complain(&finding.text),
            _ => {}
        }
        match (&mut self.output, &event.kind) {
            (Output::Json(out), _) if out.get_ref().has_failed() => Ok(()),
            (Output::Json(out), _) => writeln!(out, "{}", event.to_line()),
            (Output::Relayed(relay), EventKind::Output { stream, bytes, .. }) => relay.pass(*stream, bytes),
            _ => Ok(()),
        }
    }

    fn command(&mut self, event: &EngineEvent) -> io::Result<Option<Command>> {
        match event {
            EngineEvent::Launched(run, _) => self.stdin.take().map(|stdin| stdin.start(*run)).transpose(),
            _ => Ok(None),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.output {
            Output::Json(out) => out.flush(),
            Output::Relayed(relay) => relay.flush(),
            Output::Inherited => Ok(()),
        }
    }
}
