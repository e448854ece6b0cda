//! Passes the children's output on to our own streams, where it cannot go there directly: it comes from a terminal, or its line ends are
//! translated.

use std::io::{self, Write};

use crate::model::Stream;

/// Passes bytes on as they come. Runs on the main thread.
#[derive(Debug)]
pub(super) struct Relay<O, E> {
    stdout: O,
    stderr: E,
    universal_newlines: bool,
    /// Whether the last byte of each stream was a `\r`, which may be half of a line's end.
    has_return: [bool; 2],
}

impl<O: Write, E: Write> Relay<O, E> {
    /// `universal_newlines`: every `\r\n` and `\r` is passed on as `\n`.
    pub(super) const fn new(stdout: O, stderr: E, universal_newlines: bool) -> Self {
        Self { stdout, stderr, universal_newlines, has_return: [false; 2] }
    }

    pub(super) fn pass(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let has_return = &mut self.has_return[usize::from(stream == Stream::Stderr)];
        let translated;
        let bytes = if self.universal_newlines {
            translated = translate(bytes, has_return);
            &translated
        } else {
            bytes
        };
        match stream {
            Stream::Stdout => self.stdout.write_all(bytes),
            Stream::Stderr => self.stderr.write_all(bytes).and_then(|()| self.stderr.flush()),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// A `\r` becomes a newline at once, so that no byte waits for the next one; a `\n` right after it is dropped.
fn translate(bytes: &[u8], has_return: &mut bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\n' if std::mem::take(has_return) => {}
            b'\r' => {
                *has_return = true;
                text.push(b'\n');
            }
            byte => {
                *has_return = false;
                text.push(*byte);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_a_newline_wherever_the_bytes_are_cut() {
        let bytes = b"one\r\ntwo\rthree\n\r\nfour\r\r\n\xff";
        for cut in 0..bytes.len() {
            let mut relay = Relay::new(Vec::new(), Vec::new(), true);
            relay.pass(Stream::Stdout, &bytes[..cut]).expect("a buffer");
            relay.pass(Stream::Stderr, b"\r").expect("a buffer");
            relay.pass(Stream::Stdout, &bytes[cut..]).expect("a buffer");
            assert_eq!(relay.stdout, b"one\ntwo\nthree\n\nfour\n\n\xff", "{cut}");
            assert_eq!(relay.stderr, b"\n");
        }
    }

    #[test]
    fn bytes_pass_unchanged_unless_they_are_to_be_translated() {
        let mut relay = Relay::new(Vec::new(), Vec::new(), false);
        relay.pass(Stream::Stdout, b"a\r\n\0").expect("a buffer");
        assert_eq!(relay.stdout, b"a\r\n\0");
    }
}
