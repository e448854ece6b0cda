//! The built program as a command, and what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The program that was built with the tests. They stand in the folder `deps` beside it, and cargo gives its path (`CARGO_BIN_EXE_…`)
/// only to them.
pub fn path() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().expect("this program");
        let folder = test.ancestors().nth(2).expect("cargo has built it");
        folder.join("tasklab")
    });
    &PATH
}

/// `tasklab` with these arguments, without input.
pub fn tasklab(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The result of a program: status (128 + n by signal), standard output, standard error.
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
