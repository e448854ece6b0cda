//! Picks the role: supervisor, worker, command line or window. Starts nothing before that, so that the supervisor is spawned
//! before any thread exists.

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::process::ExitCode;

use tasklab::cli::{CliError, WindowArguments, complain};
use tasklab::engine::{Engine, EngineError, Options};
use tasklab::model::Signal;
use tasklab::supervisor::Client;
use tasklab::sys;

fn main() -> ExitCode {
    // A file at the size limit (ulimit -f) is an error to be reported, and no reason to die of SIGXFSZ.
    if let Err(error) = sys::reset_inherited_signals().and_then(|()| sys::ignore_signal(Signal::XFSZ)) {
        complain(&format!("could not set up its signals: {error}"));
    }
    let mut args = std::env::args_os().skip(1).peekable();
    if args.next_if(|role| role == "__supervisor").is_some() {
        return supervisor(args.next());
    }
    if args.next_if(|role| role == "__worker").is_some() {
        return tasklab::scenario::work(&args.next().unwrap_or_default().to_string_lossy());
    }
    if args.next_if(|role| role == tasklab::sys::OPENER).is_some() {
        return tasklab::sys::open_and_execute(args);
    }
    if args.next_if(|role| role == "__document").is_some() {
        return tasklab::cli::document(&args.next().unwrap_or_default());
    }
    tasklab::cli::main(args, Box::new(start), window)
}

/// Starts a supervisor, which keeps these descriptors of ours for its children, and an engine over it.
fn start(keep_fds: &[RawFd], options: Options) -> Result<Engine, EngineError> {
    let supervisor = Client::start_with_fds(&options.program, keep_fds)?;
    Engine::start(supervisor, options)
}

fn supervisor(socket: Option<OsString>) -> ExitCode {
    let number: Option<RawFd> = socket.and_then(|text| text.to_str()?.parse().ok());
    let served = number
        .ok_or_else(|| std::io::ErrorKind::InvalidInput.into())
        .and_then(sys::adopt_fd)
        .and_then(tasklab::supervisor::serve);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("the supervisor ended: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "gui")]
fn window(arguments: WindowArguments) -> Result<(), CliError> {
    let missing = |error: &dyn std::fmt::Display| CliError::Missing(error.to_string());
    tasklab::ui::check_display().map_err(|error| missing(&error))?;
    let options =
        Options { program: "/proc/self/exe".into(), subscription: None, board: arguments.board.board, keeps_past: true };
    let engine = start(&[], options).map_err(|error| missing(&error))?;
    let screenshot = arguments.screenshot.map(|path| (path, arguments.after));
    let options = tasklab::ui::WindowOptions {
        screenshot,
        start_scenario: arguments.scenario,
        language: arguments.code.language,
        size: arguments.size,
    };
    tasklab::ui::run(options, engine.handle()).map_err(|error| missing(&error))
}

#[cfg(not(feature = "gui"))]
fn window(_: WindowArguments) -> Result<(), CliError> {
    Err(CliError::Missing("could not open a window: this tasklab was built without one; `tasklab run` works without".to_owned()))
}
