//! Picks the role: supervisor, worker, command line or window.

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::process::ExitCode;

use tasklab::engine::{Engine, Options};
use tasklab::supervisor::Client;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(role) if role == "__supervisor" => supervisor(args.next()),
        Some(role) if role == "__worker" => {
            let id = args.next().unwrap_or_default();
            tasklab::scenario::work(&id.to_string_lossy())
        }
        Some(verb) => command_line(std::iter::once(verb).chain(args)),
        None => window(),
    }
}

fn command_line(args: impl Iterator<Item = OsString>) -> ExitCode {
    let start = |keep_fds: &[RawFd], options: Options| {
        let supervisor = Client::start_keeping(&options.program, keep_fds)?;
        Engine::start(supervisor, options)
    };
    tasklab::cli::main(args, Box::new(start))
}

fn supervisor(socket: Option<std::ffi::OsString>) -> ExitCode {
    let number: Option<RawFd> = socket.and_then(|text| text.to_str()?.parse().ok());
    let served = number
        .ok_or_else(|| std::io::ErrorKind::InvalidInput.into())
        .and_then(tasklab::sys::adopt_fd)
        .and_then(tasklab::supervisor::serve);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tasklab: the supervisor ended: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "gui")]
fn window() -> ExitCode {
    let program = std::path::PathBuf::from("/proc/self/exe");
    let client = tasklab::supervisor::Client::start(&program).unwrap();
    let engine = tasklab::engine::Engine::start(client, tasklab::engine::Options { program, tap: None }).unwrap();
    let mut args = std::env::args().skip(1);
    let options = tasklab::ui::WindowOptions { start_scenario: args.next(), ..Default::default() };
    tasklab::ui::run(options, engine.handle()).unwrap();
    ExitCode::SUCCESS
}
