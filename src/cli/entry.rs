//! From the argument list to a verb, and from its result to an exit status. Runs on the main thread, before any other thread.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::{CommandFactory, Parser, Subcommand};

use super::error::CliError;
use super::out::{Out, print};
use super::start::Start;
use super::window::WindowArguments;
use super::{bench, doctor, exec, gpio, list, run};
use crate::model::harmless;

/// The status of Task Lab's own failures in `exec`, as in env(1) and timeout(1): every other status is the program's.
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

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Arguments),
    Run(run::Arguments),
    Exec(Box<exec::Arguments>),
    Gpio(gpio::Arguments),
    Doctor(doctor::Arguments),
    Bench(bench::Arguments),
}

/// The declaration of all commands and options.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the verb that these arguments name (they come without the program's name), and returns its exit status. Without a verb, calls
/// `window`.
pub fn main(
    args: impl IntoIterator<Item = OsString>,
    start: Start<'_>,
    window: impl FnOnce(WindowArguments) -> Result<(), CliError>,
) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let is_exec = args.first().is_some_and(|verb| verb == "exec");
    let result = match parse(&args) {
        Ok(arguments) => match arguments.verb {
            Some(Verb::List(arguments)) => list::list(&arguments),
            Some(Verb::Run(arguments)) => run::run(&arguments, start),
            Some(Verb::Exec(arguments)) => exec::exec(&arguments, start),
            Some(Verb::Gpio(arguments)) => gpio::gpio(&arguments, start),
            Some(Verb::Doctor(arguments)) => doctor::doctor(&arguments),
            Some(Verb::Bench(arguments)) => bench::bench(&arguments),
            None => arguments.window.check().and_then(|()| window(arguments.window)).map(|()| 0),
        },
        Err(error) => {
            // Help and version were asked for and go to standard output; any other message is about a mistake.
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
    let status = result.unwrap_or_else(|error| {
        error.print();
        match error {
            CliError::Usage(_) | CliError::Missing(_) if is_exec => EXEC_FAILED,
            _ => error.status(),
        }
    });
    ExitCode::from(status)
}

/// Parses the arguments. A message quotes them without control characters.
fn parse(args: &[OsString]) -> Result<Arguments, clap::Error> {
    let read =
        |args: &mut dyn Iterator<Item = OsString>| Arguments::try_parse_from(std::iter::once("tasklab".into()).chain(args));
    read(&mut args.iter().cloned()).map_err(|error| {
        // Parses harmless copies for the same mistake. Only an argument that is not UTF-8 is no mistake any more in its copy, and clap does
        // not quote that one.
        let shown = &mut args.iter().map(|word| harmless(&word.to_string_lossy()).into());
        read(shown).err().unwrap_or(error)
    })
}

/// The text, in colours if it goes to a terminal that has them and `NO_COLOR` is not set.
fn styled(text: &StyledStr, is_terminal: bool) -> String {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_colours = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
    if is_terminal && has_colours && !is_set("NO_COLOR") { text.ansi().to_string() } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_declared_without_contradiction() {
        command().debug_assert();
    }
}
