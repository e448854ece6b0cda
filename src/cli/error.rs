//! Why a verb could not do what it was asked, and the status that says so. No I/O but the one line on standard error.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::interrupt;
use super::out::{Out, was_given_up};
use crate::model::harmless;

/// Why a verb ended without doing its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What was asked makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Something that is needed is not there, or cannot be used.
    #[error("{0}")]
    Missing(String),
    /// Nobody reads our standard output any more.
    #[error("could not write to standard output: nobody reads it")]
    NobodyReads,
    /// We were asked to end by this signal, and nobody took what was still to be written.
    #[error("could not write all to standard output before the end: nobody reads it")]
    Interrupted(i32),
}

impl CliError {
    /// What became of writing to standard output.
    pub(super) fn output(error: &io::Error) -> Self {
        match interrupt::caught() {
            Some(signal) if was_given_up(error) => Self::Interrupted(signal),
            _ if error.kind() == io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Missing(format!("could not write to standard output: {error}")),
        }
    }

    /// 2 usage, 3 something is missing; 141, as a shell shows death by SIGPIPE; 128 + n by signal n.
    pub(super) const fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Missing(_) => 3,
            Self::NobodyReads => 141,
            Self::Interrupted(signal) => 128 + *signal as u8,
        }
    }

    /// Says it, unless it is what a pipe's writer has to expect.
    pub(super) fn tell(&self) {
        if !matches!(self, Self::NobodyReads) {
            complain(&self.to_string());
        }
    }
}

/// One line on standard error. If nobody reads that either, there is nobody to tell.
pub fn complain(text: &str) {
    static NOBODY_READS: AtomicBool = AtomicBool::new(false);
    if NOBODY_READS.load(Ordering::Relaxed) {
        return;
    }
    let mut err = Out::new(io::stderr());
    let told = err.write_all(format!("tasklab: {}\n", harmless(text)).as_bytes()).and_then(|()| err.flush());
    NOBODY_READS.store(told.is_err_and(|error| was_given_up(&error)), Ordering::Relaxed);
}
