//! What we write to that somebody else reads: standard output and error, a FIFO, a device. Whoever reads slowly is waited for; whoever
//! does not read cannot keep us once the run is over. While signals are ours, a thread of its own does the writing, since nothing else
//! can leave a write(2) that waits; before, a signal ends us anyway.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::interrupt::{self, Patience};
use crate::engine::Patient;

/// What is gathered before it goes out.
const GATHERED: usize = 64 * 1024;
/// Written at one time: what a pipe takes as a whole (`PIPE_BUF`), so that it can be seen whether somebody reads. A line that is longer
/// is not cut all the same.
const PIECE: usize = 4096;
/// How often it is looked whether we still have to wait.
const LOOK: Duration = Duration::from_millis(50);
/// How long a reader that takes nothing is waited for once everything is over.
const MOMENT: Duration = Duration::from_secs(1);

/// A writer that gathers. The first failure is told; what comes after it is dropped.
#[derive(Debug)]
pub(super) struct Out<F> {
    fd: Arc<F>,
    gathered: Vec<u8>,
    thread: Option<Thread>,
    has_failed: bool,
}

/// Writes, and says what became of it.
#[derive(Debug)]
struct Thread {
    texts: Sender<Vec<u8>>,
    results: Receiver<io::Result<()>>,
    /// Bytes that were taken.
    taken: Arc<AtomicU64>,
    is_busy: bool,
}

impl<F: AsFd + Send + Sync + 'static> Out<F> {
    pub(super) fn new(fd: F) -> Self {
        Self { fd: Arc::new(fd), gathered: Vec::new(), thread: None, has_failed: false }
    }

    /// Whether what is written is dropped, and need not be made.
    pub(super) const fn is_lost(&self) -> bool {
        self.has_failed
    }

    /// Hands over what was gathered, once what was handed over before is out.
    fn hand_over(&mut self) -> io::Result<()> {
        self.settle()?;
        let text = std::mem::take(&mut self.gathered);
        if self.thread.is_none() && interrupt::is_watching() {
            self.thread = Thread::start(Arc::clone(&self.fd)).ok();
        }
        // A machine that has no thread for us must do without.
        let Some(thread) = &mut self.thread else { return Patient(&*self.fd).write_all(&text) };
        thread.texts.send(text).map_err(|_| has_ended())?;
        thread.is_busy = true;
        Ok(())
    }

    /// Waits until all that was handed over is out, as long as that makes sense.
    fn settle(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.as_mut().filter(|thread| thread.is_busy) else { return Ok(()) };
        let mut seen = (0, Instant::now());
        loop {
            match thread.results.recv_timeout(LOOK) {
                Ok(result) => {
                    thread.is_busy = false;
                    return result;
                }
                Err(RecvTimeoutError::Disconnected) => return Err(has_ended()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let taken = thread.taken.load(Ordering::Relaxed);
            match interrupt::patience() {
                Patience::Moment if taken == seen.0 && seen.1.elapsed() >= MOMENT => return Err(given_up()),
                Patience::Moment if taken == seen.0 => {}
                Patience::None => return Err(given_up()),
                _ => seen = (taken, Instant::now()),
            }
        }
    }

    fn once(&mut self, result: io::Result<()>) -> io::Result<()> {
        self.has_failed |= result.is_err();
        result
    }
}

impl<F: AsFd + Send + Sync + 'static> Write for Out<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.has_failed {
            self.gathered.extend_from_slice(bytes);
            if self.gathered.len() >= GATHERED {
                let result = self.hand_over();
                self.once(result)?;
            }
        }
        Ok(bytes.len())
    }

    /// Returns when all is out.
    fn flush(&mut self) -> io::Result<()> {
        if self.has_failed {
            return Ok(());
        }
        let handed_over = if self.gathered.is_empty() { Ok(()) } else { self.hand_over() };
        let result = handed_over.and_then(|()| self.settle());
        self.once(result)
    }
}

impl Thread {
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

/// The text in pieces of whole lines. What has no line's end at all is cut anywhere.
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

fn has_ended() -> io::Error {
    io::Error::other("the thread that writes has ended")
}

fn given_up() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "nobody reads it, and the run is over; the rest is lost")
}

/// Whether this is no failure of a write, but that it was not waited for any longer.
pub(super) fn was_given_up(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

/// All of a text on standard output.
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
        assert_eq!(sizes(&[lines(10, 1), vec![b'x'; PIECE + 5]].concat()), [10, PIECE, 5], "what is no line is");
    }
}
