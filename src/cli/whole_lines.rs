//! A buffer that writes whole lines only: whenever we are killed, the reader does not find half a line. Runs on the main thread.

use std::io::{self, Write};

/// Once so many bytes wait, the whole lines among them are written without a flush.
const BATCH: usize = 64 * 1024;

/// A writer whose every write is a batch of whole lines. [`flush`](Write::flush) writes an unfinished line, too.
#[derive(Debug)]
pub(super) struct WholeLines<W: Write> {
    waiting: Vec<u8>,
    out: W,
}

impl<W: Write> WholeLines<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { waiting: Vec::new(), out }
    }

    /// The writer below.
    pub(super) const fn get_ref(&self) -> &W {
        &self.out
    }

    /// Writes what waits, and returns the writer below.
    pub(super) fn into_inner(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out)
    }

    fn send(&mut self, count: usize) -> io::Result<()> {
        let sent = self.out.write_all(&self.waiting[..count]);
        // A part of a failed write may have been written, so it is not tried again.
        self.waiting.drain(..count);
        sent
    }
}

impl<W: Write> Write for WholeLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= BATCH
            && let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n')
        {
            self.send(self.waiting.len() - bytes.len() + last + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send(self.waiting.len())?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what each write was given.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl Write for &mut Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_write_is_a_batch_of_whole_lines() {
        let mut writes = Writes::default();
        let mut lines = WholeLines::new(&mut writes);
        let text = "x".repeat(999);
        let mut sent = 0;
        for number in 0..1_000 {
            // As `writeln!` does it: in pieces.
            writeln!(lines, "{number} {text}").expect("taken");
            sent += number.to_string().len() + 1 + text.len() + 1;
        }
        writeln!(lines, "{}", "y".repeat(3 * BATCH)).expect("taken");
        lines.flush().expect("taken");
        assert!(writes.0.iter().all(|write| write.ends_with(b"\n")), "whole lines");
        assert_eq!(writes.0.concat().len(), sent + 3 * BATCH + 1, "nothing is missing, nothing doubled");
        assert!((10..=20).contains(&writes.0.len()), "batches, not lines: {}", writes.0.len());
    }

    #[test]
    fn what_could_not_be_written_is_not_written_twice() {
        struct Full(Vec<u8>);
        impl Write for &mut Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if !self.0.is_empty() {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.0.extend_from_slice(&bytes[..2]);
                Ok(2)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut full = Full(Vec::new());
        let mut lines = WholeLines::new(&mut full);
        lines.write_all(b"one\n").expect("waits");
        assert_eq!(lines.flush().expect_err("full").kind(), io::ErrorKind::StorageFull);
        lines.flush().expect("nothing waits");
        assert_eq!(full.0, b"on");
    }
}
