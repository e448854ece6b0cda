//! Why a verb could not do what it was asked, and the status that says so. No I/O but the one line on standard error.

use std::io::{self, Write};

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
}

impl CliError {
    /// What became of writing to standard output.
    pub(super) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::NobodyReads
        } else {
            Self::Missing(format!("could not write to standard output: {error}"))
        }
    }

    /// 2 usage, 3 something is missing; 141, as a shell shows death by SIGPIPE.
    pub(super) const fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Missing(_) => 3,
            Self::NobodyReads => 141,
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
pub(super) fn complain(text: &str) {
    // In one write, since children may write there, too.
    let _ = io::stderr().write_all(format!("tasklab: {}\n", harmless(text)).as_bytes());
}
