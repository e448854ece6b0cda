//! `tasklab run ID --compare NAME=A,B`: runs a scenario in two or more variants, one after the other, and prints what each took.

use std::fmt::Write as _;
use std::io::{self, Stdout, Write};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::out::Out;
use crate::cli::session::{Ended, Listener, command_to_end};
use crate::cli::start::Start;
use crate::cli::whole_lines::WholeLines;
use crate::engine::{BoardKind, Command, CompareRequest, EngineEvent, compare_rows, noise};
use crate::model::{Comparison, EventKind, Outcome, Progress, RunId, harmless};

/// Runs the comparison. The exit status is that of the worst run.
pub(super) fn compare(
    title: &str,
    request: CompareRequest,
    is_json: bool,
    board: &BoardKind,
    start: Start<'_>,
) -> Result<u8, CliError> {
    let labels: Vec<String> = request.labels().map(str::to_owned).collect();
    let mut reporter = ProgressReporter { out: WholeLines::new(Out::new(io::stdout())), is_json, labels, runs: Vec::new() };
    if !is_json {
        let line = format!("{title}: {}", reporter.labels.join(" | "));
        reporter.print(&line).map_err(|error| CliError::output(&error))?;
    }
    let last = |event: &EngineEvent| match event {
        EngineEvent::Compared(comparison) => Some(Arc::clone(comparison)),
        _ => None,
    };
    let Ended { result: comparison, interrupted } =
        command_to_end(Command::Compare(Box::new(request)), &[], board, start, &mut reporter, last)?;
    let text = if is_json { lines(&comparison) } else { table(&comparison) };
    reporter.out.write_all(text.as_bytes()).and_then(|()| reporter.out.flush()).map_err(|error| CliError::output(&error))?;
    Ok(interrupted.unwrap_or_else(|| status(&comparison)))
}

/// The status of the worst run. A comparison that did not end has failed.
fn status(comparison: &Comparison) -> u8 {
    let of = |outcome| match outcome {
        Outcome::Passed => 0,
        Outcome::Failed | Outcome::Stopped => 1,
        Outcome::TimedOut => 124,
    };
    let runs = comparison.variants.iter().flat_map(|variant| &variant.runs).map(|run| of(run.outcome)).max().unwrap_or_default();
    if comparison.progress == Progress::Done { runs } else { runs.max(1) }
}

/// Prints how each run has ended, while the next one is running.
struct ProgressReporter {
    out: WholeLines<Out<Stdout>>,
    is_json: bool,
    labels: Vec<String>,
    /// The runs in the order of their starts, which is that of the labels, again and again.
    runs: Vec<RunId>,
}

impl ProgressReporter {
    fn print(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", harmless(line))
    }
}

impl Listener for ProgressReporter {
    fn on_event(&mut self, event: &EngineEvent) -> io::Result<()> {
        let EngineEvent::Event(run, event) = event else { return Ok(()) };
        match &event.kind {
            EventKind::RunStarted { .. } => self.runs.push(*run),
            EventKind::RunFinished { outcome, elapsed_s, .. } if !self.is_json => {
                let number = self.runs.iter().position(|known| known == run).unwrap_or_default();
                let label = &self.labels[number % self.labels.len()];
                let line = format!("  {label}: {outcome} after {elapsed_s:.2} s");
                return self.print(&line);
            }
            EventKind::ActionRefused { action, why, .. } if !self.is_json => {
                let line = format!("  ! {}", action.could_not(why));
                return self.print(&line);
            }
            EventKind::Notice { text } if !self.is_json => {
                let line = format!("  ! {text}");
                return self.print(&line);
            }
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn table(comparison: &Comparison) -> String {
    let mut rows = compare_rows(comparison);
    for row in &mut rows {
        row.what = harmless(&row.what);
    }
    let head: Vec<String> = comparison.variants.iter().map(|variant| harmless(&variant.label)).collect();
    let width = |column: usize| {
        let texts = rows.iter().map(|row| row.texts[column].chars().count());
        texts.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let first = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or_default();
    let mut text = String::from("\n");
    let mut line = |what: &str, texts: &[String]| {
        let _ = write!(text, "{what:first$}");
        for (cell, width) in texts.iter().zip(&widths) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    };
    line("", &head);
    for row in &rows {
        line(&row.what, &row.texts);
    }
    let end = match &comparison.progress {
        Progress::Stopped(why) => format!("No verdict: {why}."),
        _ => comparison.verdict.clone(),
    };
    let _ = writeln!(text, "\n{}", harmless(&end));
    text
}

/// One JSON object for each variant, then one with the verdict.
fn lines(comparison: &Comparison) -> String {
    let mut text = String::new();
    for variant in &comparison.variants {
        let mut line = json!({
            "kind": "compare.variant",
            "scenario": comparison.scenario,
            "name": comparison.name,
            "value": variant.value,
            "label": variant.label,
            "runs": variant.runs,
        });
        if let (Some(run), Some(line)) = (variant.typical(), line.as_object_mut()) {
            if let Ok(Value::Object(measured)) = serde_json::to_value(run) {
                line.extend(measured);
            }
            line.insert("cpu_s".to_owned(), run.cost.cpu_s().into());
            line.insert("cores".to_owned(), run.cores().into());
            line.insert("switches".to_owned(), run.cost.switches().into());
        }
        let _ = writeln!(text, "{line}");
    }
    let stopped = match &comparison.progress {
        Progress::Stopped(why) => Value::from(why.as_str()),
        _ => Value::Null,
    };
    let end = json!({
        "kind": "compare.finished",
        "scenario": comparison.scenario,
        "name": comparison.name,
        "repeat": comparison.repeat,
        "stopped": stopped,
        "verdict": comparison.verdict,
        "noise": noise(comparison.repeat),
    });
    let _ = writeln!(text, "{end}");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Measured, RunCost, Variant};

    fn comparison(outcomes: [Outcome; 2], progress: Progress) -> Comparison {
        let variant = |(value, outcome): (&str, Outcome)| Variant {
            value: value.into(),
            label: value.to_owned(),
            runs: vec![Measured {
                outcome,
                elapsed_s: 1.5,
                cost: RunCost { user_s: 1.5, ..RunCost::default() },
                facts_held: 1,
                facts: 1,
                values: BTreeMap::from([("lost".to_owned(), 3.into())]),
            }],
        };
        let variants = ["threads", "processes"].into_iter().zip(outcomes).map(variant).collect();
        let verdict = "With processes it was 1.9 × faster.".to_owned();
        Comparison { scenario: "gil".to_owned(), name: "kind".to_owned(), repeat: 1, variants, progress, verdict }
    }

    #[test]
    fn the_status_is_that_of_the_worst_run() {
        use Outcome::{Failed, Passed, TimedOut};
        assert_eq!(status(&comparison([Passed, Passed], Progress::Done)), 0);
        assert_eq!(status(&comparison([Passed, Failed], Progress::Done)), 1);
        assert_eq!(status(&comparison([TimedOut, Failed], Progress::Done)), 124);
        assert_eq!(status(&comparison([Passed, Passed], Progress::Stopped("x".to_owned()))), 1);
    }

    #[test]
    fn the_table_has_a_column_for_each_and_ends_with_the_verdict() {
        let text = table(&comparison([Outcome::Passed; 2], Progress::Done));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].ends_with("threads  processes"), "{text}");
        let row = |what: &str| lines.iter().find(|line| line.starts_with(what)).map(|line| line.split_whitespace().count());
        assert_eq!((row("cores used"), row("lost")), (Some(4), Some(3)));
        assert_eq!(lines.last(), Some(&"With processes it was 1.9 × faster."));
    }

    #[test]
    fn json_is_one_object_a_variant_and_one_verdict() {
        let text = lines(&comparison([Outcome::Passed; 2], Progress::Done));
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(
            lines.iter().map(|line| line["kind"].clone()).collect::<Vec<_>>(),
            ["compare.variant", "compare.variant", "compare.finished"]
        );
        assert_eq!(
            (&lines[1]["value"], &lines[1]["cores"], &lines[1]["values"]["lost"]),
            (&"processes".into(), &1.0.into(), &3.into())
        );
    }
}
