//! Writing to what another program reads: standard output, standard error, a FIFO, a device. We wait for a reader that is slow; a reader
//! that does not read cannot keep us once the run is over. While we watch for signals, a thread of its own does the writing, since nothing
//! else gets us out of a write(2) that waits; before that, a signal ends us anyway.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::interrupt::{self, Patience};
use crate::engine::Patient;

/// Bytes that are buffered before they are written.
const BUFFER: usize = 64 * 1024;
/// Bytes in one write(2): as many as a pipe takes at once (`PIPE_BUF`), so that a reader's progress shows. A longer line is not cut.
const PIECE: usize = 4096;
/// How often we check whether to go on waiting.
const POLL: Duration = Duration::from_millis(50);
/// How long a reader that takes nothing is waited for once everything is over.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A buffered writer. The first failure is returned; everything that comes after it is dropped.
#[derive(Debug)]
pub(super) struct Out<F> {
    fd: Arc<F>,
    buffer: Vec<u8>,
    writer: Option<Writer>,
    has_failed: bool,
}

/// A thread that writes, and returns the result of each text.
#[derive(Debug)]
struct Writer {
    texts: Sender<Vec<u8>>,
    results: Receiver<io::Result<()>>,
    /// Bytes that the reader has taken.
    taken: Arc<AtomicU64>,
    is_busy: bool,
}

impl<F: AsFd + Send + Sync + 'static> Out<F> {
    pub(super) fn new(fd: F) -> Self {
        Self { fd: Arc::new(fd), buffer: Vec::new(), writer: None, has_failed: false }
    }

    /// Whether a write has failed: everything from then on is dropped, so there is no need to make it.
    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Starts to write the buffer, once the text before it is written.
    fn write_buffer(&mut self) -> io::Result<()> {
        self.wait_for_writer()?;
        let text = std::mem::take(&mut self.buffer);
        if self.writer.is_none() && interrupt::is_watching() {
            self.writer = Writer::start(Arc::clone(&self.fd)).ok();
        }
        // Where no thread can be started, this one writes.
        let Some(writer) = &mut self.writer else { return Patient(&*self.fd).write_all(&text) };
        writer.texts.send(text).map_err(|_| writer_ended())?;
        writer.is_busy = true;
        Ok(())
    }

    /// Waits until the thread has written its text, or until waiting makes no sense any more.
    fn wait_for_writer(&mut self) -> io::Result<()> {
        let Some(writer) = self.writer.as_mut().filter(|writer| writer.is_busy) else { return Ok(()) };
        let mut seen = (0, Instant::now());
        loop {
            match writer.results.recv_timeout(POLL) {
                Ok(result) => {
                    writer.is_busy = false;
                    return result;
                }
                Err(RecvTimeoutError::Disconnected) => return Err(writer_ended()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let taken = writer.taken.load(Ordering::Relaxed);
            match interrupt::patience() {
                Patience::Brief if taken == seen.0 && seen.1.elapsed() >= LAST_WAIT => return Err(nobody_reads()),
                Patience::Brief if taken == seen.0 => {}
                Patience::None => return Err(nobody_reads()),
                _ => seen = (taken, Instant::now()),
            }
        }
    }

    fn remember_failure(&mut self, result: io::Result<()>) -> io::Result<()> {
        self.has_failed |= result.is_err();
        result
    }
}

impl<F: AsFd + Send + Sync + 'static> Write for Out<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.has_failed {
            self.buffer.extend_from_slice(bytes);
            if self.buffer.len() >= BUFFER {
                let result = self.write_buffer();
                self.remember_failure(result)?;
            }
        }
        Ok(bytes.len())
    }

    /// Returns when everything is written.
    fn flush(&mut self) -> io::Result<()> {
        if self.has_failed {
            return Ok(());
        }
        let begun = if self.buffer.is_empty() { Ok(()) } else { self.write_buffer() };
        let result = begun.and_then(|()| self.wait_for_writer());
        self.remember_failure(result)
    }
}

impl Writer {
    fn start<F: AsFd + Send + Sync + 'static>(fd: Arc<F>) -> io::Result<Self> {
        let (texts, received) = bounded::<Vec<u8>>(1);
        let (done, results) = bounded(1);
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&taken);
        let write = move || {
            for text in received {
                let result = pieces(&text).try_for_each(|piece| {
                    Patient(&*fd).write_all(piece)?;
                    counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    Ok(())
                });
                if done.send(result).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("output".to_owned()).spawn(write)?;
        Ok(Self { texts, results, taken, is_busy: false })
    }
}

/// The text in pieces of whole lines. A text without a newline is cut anywhere.
fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = &rest[..rest.len().min(PIECE)];
        let fitting = first.iter().rposition(|byte| *byte == b'\n');
        let end = fitting.or_else(|| rest.iter().position(|byte| *byte == b'\n')).map_or(first.len(), |at| at + 1);
        let (piece, later) = rest.split_at(end);
        rest = later;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

fn writer_ended() -> io::Error {
    io::Error::other("the thread that writes has ended")
}

fn nobody_reads() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "nobody reads it, and the run is over; the rest is lost")
}

/// Whether the write itself did not fail: we stopped waiting for its reader.
pub(super) fn was_given_up(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

/// Writes a text to standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = Out::new(io::stdout());
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_where_lines_end_if_there_are_any() {
        let sizes = |text: &[u8]| {
            assert_eq!(pieces(text).collect::<Vec<_>>().concat(), text);
            pieces(text).map(<[u8]>::len).collect::<Vec<_>>()
        };
        let lines = |size: usize, count: usize| ("x".repeat(size - 1) + "\n").repeat(count).into_bytes();
        assert_eq!(sizes(b""), [0; 0]);
        assert_eq!(sizes(&lines(1_000, 10)), [4_000, 4_000, 2_000]);
        assert_eq!(sizes(&lines(PIECE, 2)), [PIECE, PIECE]);
        assert_eq!(
            sizes(&[lines(10, 1), lines(3 * PIECE, 1), lines(10, 1)].concat()),
            [10, 3 * PIECE, 10],
            "a long line is not cut"
        );
        assert_eq!(sizes(&[lines(10, 1), vec![b'x'; PIECE + 5]].concat()), [10, PIECE, 5], "a text without a newline is");
    }
}
