//! From the argument list to a verb, and from what became of it to an exit status. Runs on the main thread, before any other.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::StyledStr;
use clap::{Args, Parser, Subcommand};

use super::error::{CliError, complain};
use super::out::{Out, print};
use super::{bench, doctor, exec, gpio, list, run};
use crate::engine::{BoardKind, Engine, EngineError, Options};
use crate::model::harmless;

/// Starts a supervisor, which keeps these descriptors of ours open, and an engine over it. Called at most once, and not at all
/// by verbs that launch nothing.
pub type Start<'a> = Box<dyn FnOnce(&[i32], Options) -> Result<Engine, EngineError> + 'a>;

/// Task Lab's own failures in `exec`, where every other status is the program's, as in env(1) and timeout(1).
const EXEC_FAILED: u8 = 125;

/// Launch, watch and steer real threads and processes, and see what the kernel does.
#[derive(Debug, Parser)]
#[command(name = "tasklab", version, max_term_width = 100, after_help = "Without a command, the window opens.")]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    window: WindowArguments,
}

/// How the window is to open.
#[derive(Debug, Default, Args)]
pub struct WindowArguments {
    /// Show this scenario in the window, and start it
    #[arg(long, value_name = "ID")]
    pub scenario: Option<String>,
    /// Which board drives the pins
    #[command(flatten)]
    pub board: BoardChoice,
    /// How large the window opens, such as 1280x800
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub size: Option<[f32; 2]>,
    /// Save a picture of the window to this PNG file, and close it
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// With --screenshot: how long after the start, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3", requires = "screenshot", value_parser = seconds)]
    pub after: Duration,
}

/// Which board drives the 40-pin header.
#[derive(Debug, Default, Args)]
pub struct BoardChoice {
    /// The GPIO board: auto, chardev (or chardev:LABEL of a chip), rppal, simulated (or simulated:FILE, a log of all edges)
    #[arg(long, default_value = "auto", value_name = "BOARD")]
    pub board: BoardKind,
}

impl BoardChoice {
    /// The file to which the board writes, by its option.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let log = if let BoardKind::Simulated(log) = &self.board { log.as_deref() } else { None };
        log.map(|log| ("--board simulated:", Path::new(log))).into_iter()
    }
}

fn size(text: &str) -> Result<[f32; 2], String> {
    let side = |text: &str| text.parse::<u16>().ok().filter(|side| (320..=8192).contains(side)).map(f32::from);
    let sides = text.split_once('x').and_then(|(width, height)| Some([side(width)?, side(height)?]));
    sides.ok_or_else(|| format!("{text:?} is no size such as 1280x800 (each side from 320 to 8192)"))
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{text:?}: {error}"))
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Arguments),
    Run(run::Arguments),
    Exec(Box<exec::Arguments>),
    Gpio(gpio::Arguments),
    Doctor(doctor::Arguments),
    Bench(bench::Arguments),
}

/// Does what these arguments ask, the program's name left out, and returns its exit status. Without a verb `window` opens it.
pub fn main(
    args: impl IntoIterator<Item = OsString>,
    start: Start<'_>,
    window: impl FnOnce(WindowArguments) -> Result<(), CliError>,
) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let is_exec = args.first().is_some_and(|verb| verb == "exec");
    let parsed = parse(&args);
    let done = match parsed {
        Ok(arguments) => match arguments.verb {
            Some(Verb::List(arguments)) => list::list(&arguments),
            Some(Verb::Run(arguments)) => run::run(&arguments, start),
            Some(Verb::Exec(arguments)) => exec::exec(&arguments, start),
            Some(Verb::Gpio(arguments)) => gpio::gpio(&arguments, start),
            Some(Verb::Doctor(arguments)) => doctor::doctor(&arguments),
            Some(Verb::Bench(arguments)) => bench::bench(&arguments),
            None => known(&arguments.window).and_then(|()| window(arguments.window)).map(|()| 0),
        },
        Err(error) => {
            // Help and the version are asked for, and go to standard output; anything else is a mistake.
            let text = error.render();
            if error.use_stderr() {
                let mut err = Out::new(io::stderr());
                let _ = err.write_all(styled(&text, io::stderr().is_terminal()).as_bytes()).and_then(|()| err.flush());
                Ok(if is_exec { EXEC_FAILED } else { 2 })
            } else {
                print(&styled(&text, io::stdout().is_terminal())).map_err(|error| CliError::output(&error)).map(|()| 0)
            }
        }
    };
    let status = done.unwrap_or_else(|error| {
        error.tell();
        match error {
            CliError::Usage(_) | CliError::Missing(_) if is_exec => EXEC_FAILED,
            _ => error.status(),
        }
    });
    ExitCode::from(status)
}

/// Reads the arguments. What a complaint quotes of them is harmless.
fn parse(args: &[OsString]) -> Result<Arguments, clap::Error> {
    let read =
        |args: &mut dyn Iterator<Item = OsString>| Arguments::try_parse_from(std::iter::once("tasklab".into()).chain(args));
    read(&mut args.iter().cloned()).map_err(|error| {
        // The same mistake again, now with what can be shown. Made so, only arguments that are not UTF-8 are none: those are not quoted.
        let shown = &mut args.iter().map(|word| harmless(&word.to_string_lossy()).into());
        read(shown).err().unwrap_or(error)
    })
}

/// With colours on a terminal that has them and is to have them.
fn styled(text: &StyledStr, is_terminal: bool) -> String {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_colours = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
    if is_terminal && has_colours && !is_set("NO_COLOR") { text.ansi().to_string() } else { text.to_string() }
}

/// A window is not opened for a scenario that does not exist.
fn known(window: &WindowArguments) -> Result<(), CliError> {
    let scenario = window.scenario.as_deref().map(crate::scenario::find).transpose();
    scenario.map(drop).map_err(|error| CliError::Usage(error.to_string()))
}

/// The engine could not be started.
pub(super) fn no_engine(error: &EngineError) -> CliError {
    if matches!(error, EngineError::Board(_)) {
        return CliError::Missing(error.to_string());
    }
    complain("nothing can be launched; `tasklab doctor` looks for the cause");
    CliError::Missing(error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_size_has_two_sides_that_fit_a_screen() {
        assert_eq!(size("1280x800"), Ok([1280.0, 800.0]));
        for text in ["", "1280", "1280x", "0x800", "1280x-1", "9999x9999", "axb"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_arguments_are_declared_without_contradiction() {
        Arguments::command().debug_assert();
    }
}
