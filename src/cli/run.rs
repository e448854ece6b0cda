//! `tasklab run`: one scenario without a window, to its end. Everything is checked before anything is launched.

use std::collections::BTreeMap;
use std::io::{self, Stdout, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use self::compare::compare;
use self::text_reporter::TextReporter;
use super::edges::{EdgeArguments, EdgeFiles};
use super::error::CliError;
use super::out::Out;
use super::parse;
use super::record::{RecordFile, refuse_same_file};
use super::session::{Ended, Listener, run_to_end};
use super::start::{BoardChoice, LanguageChoice, Start};
use super::whole_lines::WholeLines;
use crate::engine::{CompareRequest, EngineEvent, LANGUAGE, LaunchRequest, What, first_language, has_python};
use crate::model::{EventKind, ExitStatus, Language, Outcome, Pid, StopPlan, TimedAction, actions_on_programs};
use crate::scenario::{self, Params, Scenario};

mod compare;
mod text_reporter;

/// Runs a scenario to its end and says what happened, then which of its claims held.
///
/// Exit status: 0 every fact held, 1 one did not, 2 wrong usage, 3 something is missing, 124 the time limit passed,
/// 128 + n ended by signal n.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The scenario, by its id; `tasklab list` names them.
    id: String,
    /// Sets a parameter; `tasklab list` says which there are.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    body: LanguageChoice,
    /// Performs an action at a time, such as '0.5 kill worker-1', in seconds from the body's first event. While the process or task
    /// that it names is not there yet, the action waits, 3 seconds at most, and later actions wait with it.
    #[arg(long = "do", value_name = "AFTER ACTION TARGET")]
    actions: Vec<String>,
    /// Leaves out the scenario's own demo script.
    #[arg(long)]
    no_script: bool,
    /// Runs it once with each of these values of a parameter, or of `language`, and compares the runs.
    #[arg(long, value_name = "NAME=A,B[,C]", conflicts_with_all = ["record", "vcd", "csv"])]
    compare: Option<String>,
    /// With --compare: how often each variant runs, in turn with the others.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "compare")]
    repeat: u32,
    /// Event lines on standard output instead of sentences; with --compare, one line a variant and the verdict.
    #[arg(long)]
    json: bool,
    /// Writes the event lines to a file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(flatten)]
    edges: EdgeArguments,
    #[command(flatten)]
    board: BoardChoice,
    /// Ends the run after this many seconds.
    #[arg(long, value_name = "S", value_parser = parse::limit, allow_hyphen_values = true)]
    timeout: Option<Duration>,
}

/// Runs the scenario, or the comparison.
pub(super) fn run(arguments: &Arguments, start: Start<'_>) -> Result<u8, CliError> {
    if let Some(words) = &arguments.compare {
        let (title, request) = comparison(arguments, words)?;
        return compare(title, request, arguments.json, &arguments.board.board, start);
    }
    let (scenario, request) = request(arguments)?;
    let files = arguments.record.as_deref().map(|path| ("--record", path));
    let files: Vec<_> = files.into_iter().chain(arguments.edges.files()).chain(arguments.board.files()).collect();
    refuse_same_file(&files)?;
    let record = arguments.record.as_deref().map(RecordFile::create).transpose()?;
    let out = WholeLines::new(Out::new(io::stdout()));
    let format = if arguments.json {
        Format::Json(out)
    } else {
        Format::Text(Box::new(TextReporter::new(scenario.title, scenario.id, out)))
    };
    let edges = EdgeFiles::create(&arguments.edges)?;
    let skip = Skip { is_possible: scenario.needs_gpiozero(), ..Skip::default() };
    let mut reporter = Reporter { format, record, record_error: None, edges, title: scenario.id, skip };
    let ended = run_to_end(request, &[], &arguments.board.board, start, &mut reporter)?;
    let is_skipped = ended.result == Outcome::Failed && reporter.skip.is_one();
    reporter.finish()?;
    Ok(if is_skipped && ended.interrupted.is_none() { MISSING } else { status(&ended) })
}

/// The exit status of a run that lacks something, and of a plain body that says so.
const MISSING: u8 = 3;

/// Whether a plain body has shown nothing and said that something that it needs is missing.
#[derive(Default)]
struct Skip {
    is_possible: bool,
    body: Option<Pid>,
    says_so: bool,
    has_facts: bool,
}

impl Skip {
    fn see(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ProcessStarted { pid, .. } => _ = self.body.get_or_insert(*pid),
            EventKind::ProcessExited { pid, status } if self.body == Some(*pid) => {
                self.says_so = *status == ExitStatus::Exited(MISSING.into());
            }
            EventKind::Fact(_) => self.has_facts = true,
            _ => {}
        }
    }

    const fn is_one(&self) -> bool {
        self.is_possible && self.says_so && !self.has_facts
    }
}

fn status(ended: &Ended) -> u8 {
    match (ended.result, ended.interrupted) {
        (_, Some(status)) => status,
        (Outcome::Passed, _) => 0,
        (Outcome::Failed | Outcome::Stopped, _) => 1,
        (Outcome::TimedOut, _) => 124,
    }
}

/// Makes the launch request. An error names what would be accepted.
fn request(arguments: &Arguments) -> Result<(&'static Scenario, LaunchRequest), CliError> {
    let scenario = scenario::find(&arguments.id).map_err(|error| CliError::Usage(error.to_string()))?;
    let mut params = Params::defaults(scenario.params);
    for word in &arguments.set {
        let (name, value) = word.split_once('=').ok_or_else(|| CliError::Usage(format!("--set: {word:?} is not NAME=VALUE")))?;
        params.set(scenario.params, name.trim(), value).map_err(|error| CliError::Usage(format!("--set: {error}")))?;
    }
    let params = Params::checked(scenario.params, params.values()).map_err(|error| CliError::Usage(format!("--set: {error}")))?;
    let params: BTreeMap<String, Value> = params.values().clone();
    // Whether the thing or task is there shows when the run is.
    let known: Vec<&str> = scenario.actions.iter().map(|action| action.name).chain(actions_on_programs()).collect();
    let mut script = Vec::new();
    if !arguments.no_script {
        let demo: Result<Vec<TimedAction>, _> = scenario.script.iter().map(|line| TimedAction::demo(line)).collect();
        script.extend(demo.map_err(|error| CliError::Usage(format!("the demo of {}: {error}", scenario.id)))?);
    }
    script.extend(parse::script(&arguments.actions, Some(&known))?);
    let language = arguments.body.language.unwrap_or_else(first_language);
    if language == Language::Python {
        check_python()?;
    }
    let what = What::Scenario { id: scenario.id.to_owned(), language, params };
    Ok((scenario, LaunchRequest { what, script, timeout: arguments.timeout, stop: StopPlan::default() }))
}

/// Makes the request for a comparison: all options of a single run, and the values of the one parameter that differs.
fn comparison(arguments: &Arguments, words: &str) -> Result<(&'static str, CompareRequest), CliError> {
    let usage = |text: String| CliError::Usage(format!("--compare: {text}"));
    let (name, values) = words.split_once('=').ok_or_else(|| usage(format!("{words:?} is not NAME=A,B")))?;
    let name = name.trim();
    let sets = |word: &String| word.split_once('=').is_some_and(|(set, _)| set.trim() == name);
    if arguments.set.iter().any(sets) {
        return Err(usage(format!("{name} is set with --set as well; leave that out")));
    }
    let values: Vec<&str> = values.split(',').filter(|value| !value.trim().is_empty()).collect();
    let (scenario, LaunchRequest { what, script, timeout, .. }) = request(arguments)?;
    let What::Scenario { language, params, .. } = what else { return Err(usage("only a scenario can be compared".to_owned())) };
    if name == LANGUAGE && values.contains(&"python") {
        check_python()?;
    }
    let request = CompareRequest::new(scenario, &params, language, (name, &values), &script, arguments.repeat)
        .map_err(|error| usage(error.to_string()))?;
    Ok((scenario.title, request.with_timeout(timeout)))
}

/// Refuses a Python body that cannot be run.
fn check_python() -> Result<(), CliError> {
    let text = "could not find python3 in PATH: sudo apt install python3, or run it with --language rust";
    if has_python() { Ok(()) } else { Err(CliError::Missing(text.to_owned())) }
}

/// Writes the events: to standard output in one of two formats, and to the files.
struct Reporter {
    format: Format,
    record: Option<RecordFile>,
    /// A full disk does not end the run; its error is returned at the end.
    record_error: Option<CliError>,
    edges: EdgeFiles,
    title: &'static str,
    skip: Skip,
}

enum Format {
    Json(WholeLines<Out<Stdout>>),
    Text(Box<TextReporter<WholeLines<Out<Stdout>>>>),
}

impl Listener for Reporter {
    fn on_event(&mut self, event: &EngineEvent) -> io::Result<()> {
        if let (EngineEvent::Launched(_, stages), Format::Text(reporter)) = (event, &mut self.format) {
            reporter.launched(stages);
        }
        let EngineEvent::Event(_, event) = event else { return Ok(()) };
        self.edges.on_event(event);
        self.skip.see(&event.kind);
        let line = if self.record.is_some() || matches!(self.format, Format::Json(_)) { event.to_line() } else { String::new() };
        if let Some(record) = &mut self.record
            && let Err(error) = record.line(&line)
        {
            self.record_error = Some(record.failed(&error));
            self.record = None;
        }
        match &mut self.format {
            Format::Json(out) if out.get_ref().has_failed() => Ok(()),
            Format::Json(out) => writeln!(out, "{line}"),
            Format::Text(reporter) => reporter.on_event(event),
        }
    }

    fn flush_again_in(&self) -> Option<Duration> {
        if let Format::Text(text) = &self.format { text.flush_again_in() } else { None }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(record) = &mut self.record
            && let Err(error) = record.flush()
        {
            self.record_error = Some(record.failed(&error));
            self.record = None;
        }
        match &mut self.format {
            Format::Json(out) => out.flush(),
            Format::Text(reporter) => reporter.flush(),
        }
    }
}

impl Reporter {
    fn finish(self) -> Result<(), CliError> {
        let recorded = self.record.map_or(Ok(()), RecordFile::finish);
        let edges = self.edges.finish(self.title);
        self.record_error.map_or(recorded, Err).and(edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_how_the_run_ended() {
        let status = |outcome, interrupted| status(&Ended { result: outcome, interrupted });
        assert_eq!(status(Outcome::Passed, None), 0);
        assert_eq!(status(Outcome::Failed, None), 1);
        assert_eq!(status(Outcome::TimedOut, None), 124);
        assert_eq!(status(Outcome::Stopped, Some(130)), 130);
    }
}
