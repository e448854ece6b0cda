//! The built program as a command, and what it said.

use std::process::{Command, Output, Stdio};

/// `tasklab` with these arguments, without input.
pub fn tasklab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What it came to: status (128 + n by signal), standard output, standard error.
pub fn said(output: &Output) -> (i32, String, String) {
    use std::os::unix::process::ExitStatusExt;
    let status = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.expect("it has ended"), text(&output.stdout), text(&output.stderr))
}

/// Runs `tasklab exec` to its end.
pub fn exec(arguments: &[&str]) -> (i32, String, String) {
    said(&tasklab(&[&["exec"], arguments].concat()).output().expect("runs"))
}
