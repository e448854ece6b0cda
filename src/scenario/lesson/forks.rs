//! Forks that become another program.

use std::ffi::CString;
use std::io;

use crate::model::{EventKind, TaskSort, Tid};
use crate::scenario::lesson::children::Child;
use crate::scenario::lesson::handle::Lesson;
use crate::sys::default_ignored_signals;

/// Runs another program in this process, a fork with one thread: searched in PATH, with these variables besides those
/// that there are. Returns only if that fails, and then says why.
pub(crate) fn exec(argv: &[&str], variables: &[(&str, &str)]) -> io::Error {
    let texts = |texts: Vec<Vec<u8>>| texts.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    let own = std::env::vars_os().filter(|(name, _)| variables.iter().all(|(set, _)| name.as_os_str() != *set));
    let own = own.map(|(name, value)| [name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat());
    let set = variables.iter().map(|(name, value)| format!("{name}={value}").into_bytes());
    let argv = texts(argv.iter().map(|word| word.as_bytes().to_vec()).collect());
    match (argv, texts(own.chain(set).collect())) {
        (Ok(argv), Ok(env)) if !argv.is_empty() => {
            // A new program would inherit it.
            default_ignored_signals();
            nix::unistd::execvpe(&argv[0], &argv, &env).map_or_else(Into::into, |never| match never {})
        }
        _ => io::ErrorKind::InvalidInput.into(),
    }
}

impl Lesson {
    /// Gives a child a lane under its name, for when it executes a program and the kernel calls it like that.
    pub(crate) fn keep_name(&self, child: &Child<'_>) {
        let tid = Some(Tid::new(child.pid().number()));
        let (task, sort, pid) = (child.name().to_owned(), TaskSort::Process, child.pid());
        self.report(EventKind::TaskStarted { task, sort, pid, tid, line: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_no_program_can_get_is_refused() {
        assert_eq!(exec(&[], &[]).kind(), io::ErrorKind::InvalidInput);
        assert_eq!(exec(&["a\0b"], &[]).kind(), io::ErrorKind::InvalidInput);
    }
}
