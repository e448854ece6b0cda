//! The name of a child's events pipe: a FIFO, which the supervisor makes. On the engine's thread.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;

use crate::sys::open_fifo_writer;

/// The FIFO through which processes that did not inherit the descriptor open a child's events pipe. The file goes with this.
#[derive(Debug)]
pub(crate) struct EventsFifo {
    path: OsString,
    /// Open while any process of the run lives. A process may open the FIFO when all others that had it open have ended, and it must find
    /// a reader then.
    writer: Option<OwnedFd>,
}

impl EventsFifo {
    /// The FIFO that the supervisor will make there.
    pub(crate) const fn new(path: OsString) -> Self {
        Self { path, writer: None }
    }

    /// The supervisor has made it: keeps it open. The error is a sentence about what will be missing.
    pub(crate) fn hold(&mut self) -> Result<(), String> {
        let opened = open_fifo_writer(&self.path);
        self.writer = Some(opened.map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound => "no FIFO could be made".to_owned(),
                _ => error.to_string(),
            };
            format!("event lines of the programs that it starts may be missing: {}: {why}", self.path.display())
        })?);
        Ok(())
    }

    /// No process of the run is left: the pipe ends with the last line that is in it.
    pub(crate) fn release(&mut self) {
        self.writer = None;
    }
}

impl Drop for EventsFifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_that_could_not_be_made_is_told() {
        let text = EventsFifo::new("/no/such/folder/events-1".into()).hold().expect_err("not there");
        assert_eq!(
            text,
            "event lines of the programs that it starts may be missing: /no/such/folder/events-1: no FIFO could be made"
        );
    }
}
