//! Picks the role: supervisor, worker, command line or window.

use std::os::fd::RawFd;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(role) if role == "__supervisor" => supervisor(args.next()),
        _ => ExitCode::SUCCESS,
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
