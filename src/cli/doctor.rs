//! `tasklab doctor`: what this machine offers, and how to get what is missing. Launches nothing and changes nothing.

use clap::Args;

use super::error::CliError;
use super::out::print;
use crate::model::{MachineFinding, harmless};
use crate::{gpio, monitor};

/// Says what this machine offers: kernel, cores, Python, display, GPIO, groups; each with a remedy where it falls short.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON array of findings, for programs.
    #[arg(long)]
    json: bool,
}

/// Prints the findings. A shortcoming is an answer, not a failure, so the status is 0.
pub(super) fn doctor(arguments: &Arguments) -> Result<u8, CliError> {
    let mut findings = monitor::findings();
    findings.extend(gpio::findings());
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&findings);
        json.map_err(|error| CliError::Missing(format!("could not write the findings as JSON: {error}")))? + "\n"
    } else {
        findings.iter().map(finding_text).collect()
    };
    print(&text).map_err(|error| CliError::output(&error))?;
    Ok(0)
}

fn finding_text(finding: &MachineFinding) -> String {
    let mark = if finding.ok { '✓' } else { '✗' };
    let fix = finding.fix.as_ref().map(|fix| format!("      → {}\n", harmless(fix)));
    format!("{mark} {:<20} {}\n{}", finding.topic, harmless(&finding.value), fix.unwrap_or_default())
}
