//! Writing to the standard input of children. Never waits; lives on the engine's thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::engine::run::streams::scratch::{Open, Scratch, read};
use crate::model::Pid;

/// What is typed to a terminal for the end of the input: Ctrl-D.
const END_OF_INPUT: u8 = 4;
/// Bytes that may wait for a child to read them, besides those that it was started with.
const MOST_TYPED: usize = 64 * 1024;

/// A child's standard input: text is written as fast as it is taken.
#[derive(Debug)]
pub(crate) struct InputStream {
    pub(crate) pid: Pid,
    fd: OwnedFd,
    bytes: Vec<u8>,
    written: usize,
    is_terminal: bool,
    /// Whether it is closed once all is written.
    ends: bool,
    /// What is passed on to it, and whether it ends with that.
    source: Option<(Arc<OwnedFd>, bool)>,
}

impl InputStream {
    pub(crate) const fn new(pid: Pid, fd: OwnedFd, is_terminal: bool) -> Self {
        Self { pid, fd, bytes: Vec::new(), written: 0, is_terminal, ends: false, source: None }
    }

    /// Passes on what comes from there.
    pub(crate) fn feed(&mut self, from: Arc<OwnedFd>, ends: bool) {
        self.source = Some((from, ends));
    }

    /// Where more is to be read from, as soon as what there is has been written.
    pub(crate) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref().filter(|_| !self.is_busy()).map(|(from, _)| from.as_fd())
    }

    /// Takes what has come there.
    pub(crate) fn take_in(&mut self, scratch: &mut Scratch) {
        let Some((from, ends)) = self.source.take() else { return };
        match read(from.as_fd(), scratch) {
            Ok(Some([])) | Err(_) if ends => self.end(),
            Ok(Some([])) | Err(_) => {}
            Ok(None) => self.source = Some((from, ends)),
            Ok(Some(bytes)) => {
                self.push(bytes);
                self.source = Some((from, ends));
            }
        }
    }

    /// Whether [`write`](Self::write) has something to do.
    pub(crate) const fn is_busy(&self) -> bool {
        self.written < self.bytes.len() || self.ends
    }

    /// Adds text to what is to be written; refuses what nobody reads anyway.
    pub(crate) fn push(&mut self, text: &[u8]) -> bool {
        if self.ends || self.bytes.len() - self.written > MOST_TYPED {
            return false;
        }
        self.bytes.drain(..self.written);
        self.written = 0;
        self.bytes.extend_from_slice(text);
        true
    }

    /// Closes it once all is written.
    pub(crate) fn end(&mut self) {
        if self.is_terminal && !self.ends {
            // In the middle of a line the first one only ends the line (termios(3), VEOF).
            let is_begun = self.bytes.last().is_some_and(|byte| *byte != b'\n');
            self.bytes.extend(std::iter::repeat_n(END_OF_INPUT, 1 + usize::from(is_begun)));
        }
        self.ends = true;
    }

    /// Writes what there is room for. All is written and it is to end, or nobody reads any more (then the rest is dropped, as a
    /// pipe's writer must expect): `Open::No`.
    pub(crate) fn write(&mut self) -> Open {
        while self.written < self.bytes.len() {
            match rustix::io::write(&self.fd, &self.bytes[self.written..]) {
                Ok(count) => self.written += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Open::Yes,
                Err(_) => return Open::No,
            }
        }
        if self.ends { Open::No } else { Open::Yes }
    }
}

impl AsFd for InputStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
