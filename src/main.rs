//! Picks the role: supervisor, worker, command line or window.

use std::os::fd::RawFd;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(role) if role == "__supervisor" => supervisor(args.next()),
        Some(role) if role == "__worker" => {
            let id = args.next().unwrap_or_default();
            tasklab::scenario::work(&id.to_string_lossy())
        }
        _ => window(),
    }
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
