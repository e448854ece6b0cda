//! Writing to the standard input of children. Never waits; lives on the engine's thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::engine::run::streams::scratch::{Open, Scratch, read};
use crate::model::Pid;

/// The byte that ends the input of a terminal: Ctrl-D.
const END_OF_INPUT: u8 = 4;
/// Bytes that may wait for a child to read them, besides the text that it was started with.
const MOST_TYPED: usize = 64 * 1024;

/// A child's standard input.
#[derive(Debug)]
pub(crate) struct InputStream {
    pub(crate) pid: Pid,
    fd: OwnedFd,
    bytes: Vec<u8>,
    written: usize,
    is_terminal: bool,
    /// Whether it is closed once all is written.
    ends: bool,
    /// A descriptor whose input is passed on, and whether this input ends with that.
    source: Option<(Arc<OwnedFd>, bool)>,
}

impl InputStream {
    pub(crate) const fn new(pid: Pid, fd: OwnedFd, is_terminal: bool) -> Self {
        Self { pid, fd, bytes: Vec::new(), written: 0, is_terminal, ends: false, source: None }
    }

    /// Passes on the input from a descriptor.
    pub(crate) fn feed(&mut self, from: Arc<OwnedFd>, ends: bool) {
        self.source = Some((from, ends));
    }

    /// The descriptor to read more from, once all is written.
    pub(crate) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref().filter(|_| !self.is_busy()).map(|(from, _)| from.as_fd())
    }

    /// Reads from that descriptor.
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

    /// Adds text to be written. Whether there was room.
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
            // In the middle of a line the first Ctrl-D only ends the line (termios(3), VEOF).
            let is_begun = self.bytes.last().is_some_and(|byte| *byte != b'\n');
            self.bytes.extend(std::iter::repeat_n(END_OF_INPUT, 1 + usize::from(is_begun)));
        }
        self.ends = true;
    }

    /// Writes as much as there is room for. `Open::No`: all is written and it is to end, or its reader is gone and the rest is dropped.
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
