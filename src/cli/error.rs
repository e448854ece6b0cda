//! Why a verb has failed, and the exit status for it. Its only I/O is a line on standard error.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::interrupt;
use super::out::{Out, was_given_up};
use crate::model::harmless;

/// Why a verb has failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The arguments are wrong.
    #[error("{0}")]
    Usage(String),
    /// Something that the verb needs is not there, or cannot be used.
    #[error("{0}")]
    Missing(String),
    /// The reader of our standard output has gone (EPIPE).
    #[error("could not write to standard output: nobody reads it")]
    BrokenPipe,
    /// This signal asked us to end, and nobody read the rest of our output.
    #[error("could not write all to standard output before the end: nobody reads it")]
    Interrupted(i32),
}

impl CliError {
    /// A write to standard output has failed.
    pub(super) fn output(error: &io::Error) -> Self {
        match interrupt::caught() {
            Some(signal) if was_given_up(error) => Self::Interrupted(signal),
            _ if error.kind() == io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Missing(format!("could not write to standard output: {error}")),
        }
    }

    /// The exit status: 2 usage, 3 something is missing, 141 as a shell shows a death by SIGPIPE, 128 + n for signal n.
    pub(super) const fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Missing(_) => 3,
            Self::BrokenPipe => 141,
            Self::Interrupted(signal) => 128 + *signal as u8,
        }
    }

    /// Prints it on standard error; a broken pipe is nothing to complain about.
    pub(super) fn print(&self) {
        if !matches!(self, Self::BrokenPipe) {
            complain(&self.to_string());
        }
    }
}

/// Prints a line on standard error. Once nobody has read one, the others are dropped.
pub fn complain(text: &str) {
    static NOBODY_READS: AtomicBool = AtomicBool::new(false);
    if NOBODY_READS.load(Ordering::Relaxed) {
        return;
    }
    let mut err = Out::new(io::stderr());
    let written = err.write_all(format!("tasklab: {}\n", harmless(text)).as_bytes()).and_then(|()| err.flush());
    NOBODY_READS.store(written.is_err_and(|error| was_given_up(&error)), Ordering::Relaxed);
}
