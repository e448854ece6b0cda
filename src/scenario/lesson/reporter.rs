//! The worker's way to tell what happens: event lines into the descriptor that `TASKLAB_EVENTS` names. A line is stamped when
//! the thing happens, and written later, in the order of the stamps: a write takes longer than most critical sections, and one
//! inside would make other threads wait that otherwise would not. Any thread of the worker and any of its forks may report;
//! nobody ever fails or ends because the reader has gone.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::model::{Event, EventKind, LineIntent, Monotonic};
use crate::sys::{monotonic_now, poll};

/// Bytes that a write puts into a pipe in one piece, and for which a pipe that is ready has room (pipe(7)).
const PIPE_BUF: usize = 4_096;
/// Lines that are formatted for one write, at most.
const BATCH: usize = 16;
/// Stamped lines that may wait. One more is written at once, whoever waits for that.
const MOST_STAMPED: usize = 1_000;

/// Writes event lines, whole ones with each `write`, so that lines of several processes do not mix (pipe(7): up to 4,096 bytes).
#[derive(Debug)]
pub(crate) struct Reporter {
    /// Lines that are not written yet, by their times. Held only to put one in or to take some out.
    stamped: Mutex<VecDeque<(Monotonic, Told)>>,
    /// Held while lines are written.
    pipe: Mutex<Option<OwnedFd>>,
    is_open: AtomicBool,
    began: Monotonic,
}

/// What a line tells.
#[derive(Debug)]
enum Told {
    Fact(EventKind),
    Intent(LineIntent),
}

impl Reporter {
    /// Writes to `pipe`, if there is one; `began` is the moment from which events are timed.
    pub(crate) const fn new(pipe: Option<OwnedFd>, began: Monotonic) -> Self {
        let is_open = AtomicBool::new(pipe.is_some());
        Self { stamped: Mutex::new(VecDeque::new()), pipe: Mutex::new(pipe), is_open, began }
    }

    /// Whether somebody listens, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Time since the run began.
    pub(crate) fn now(&self) -> Monotonic {
        Monotonic::ZERO + (monotonic_now() - self.began)
    }

    /// Tells a fact, now: stamps its line and writes it.
    pub(crate) fn report(&self, kind: EventKind) {
        self.stamp(kind);
        self.write();
    }

    /// Asks for something of a line of the header, likewise.
    pub(crate) fn intend(&self, intent: LineIntent) {
        self.put(Told::Intent(intent));
        self.write();
    }

    /// Stamps the line of a fact. It waits until this or another thread writes.
    pub(crate) fn stamp(&self, kind: EventKind) {
        self.put(Told::Fact(kind));
    }

    /// Writes all lines that are stamped. Waits while the pipe is full.
    pub(crate) fn write(&self) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        while self.write_batch(&mut pipe) {}
    }

    /// Writes the lines that are stamped as long as that makes nobody wait; whether it could begin.
    pub(crate) fn try_write(&self) -> bool {
        let mut pipe = match self.pipe.try_lock() {
            Ok(pipe) => pipe,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let mut has_begun = false;
        while pipe.as_ref().is_none_or(has_room) {
            has_begun = true;
            if !self.write_batch(&mut pipe) {
                break;
            }
        }
        has_begun
    }

    /// Forgets the lines that are not written: in a fork they are its parent's to write.
    pub(crate) fn forget(&self) {
        self.stamped().clear();
    }

    /// The time is taken under the lock, so that the lines of a process are in order.
    fn put(&self, told: Told) {
        if !self.is_open() {
            return;
        }
        let mut stamped = self.stamped();
        stamped.push_back((self.now(), told));
        let is_full = stamped.len() > MOST_STAMPED;
        drop(stamped);
        if is_full {
            self.write();
        }
    }

    fn stamped(&self) -> MutexGuard<'_, VecDeque<(Monotonic, Told)>> {
        self.stamped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes some lines, and gives whether there were any.
    fn write_batch(&self, pipe: &mut Option<OwnedFd>) -> bool {
        let mut stamped = self.stamped();
        let count = stamped.len().min(BATCH);
        let batch: Vec<_> = stamped.drain(..count).collect();
        drop(stamped);
        let Some(fd) = pipe.as_ref() else { return false };
        let mut lines = String::new();
        let mut written = Ok(());
        for (t, told) in batch {
            let line = match told {
                Told::Fact(kind) => Event { t, kind }.to_line(),
                Told::Intent(intent) => intent.to_line(t),
            };
            if lines.len() + line.len() >= PIPE_BUF {
                written = written.and_then(|()| write_all(fd, lines.as_bytes()));
                lines.clear();
            }
            lines.push_str(&line);
            lines.push('\n');
        }
        if written.and_then(|()| write_all(fd, lines.as_bytes())).is_err() {
            // The reader has gone (EPIPE, as Rust programs ignore SIGPIPE): the lesson goes on unheard.
            *pipe = None;
            self.is_open.store(false, Ordering::Relaxed);
        }
        count > 0
    }
}

impl Drop for Reporter {
    /// A task that ends with a lock in its hands may have left lines.
    fn drop(&mut self) {
        self.write();
    }
}

/// Whether a write of [`PIPE_BUF`] bytes would not wait.
fn has_room(pipe: &OwnedFd) -> bool {
    let mut ready = [PollFd::new(pipe, PollFlags::OUT)];
    poll(&mut ready, Some(Duration::ZERO)).is_ok_and(|count| count > 0)
}

fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&fd, bytes))?;
        bytes = &bytes[written..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::model::Pid;

    #[test]
    fn lines_of_many_threads_arrive_whole_and_in_order() {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let reporter = Reporter::new(Some(writer.into()), monotonic_now());
        let mut text = String::new();
        std::thread::scope(|scope| {
            let reporting = scope.spawn(|| {
                std::thread::scope(|scope| {
                    for number in 1..=4 {
                        let reporter = &reporter;
                        scope.spawn(move || (0..500).for_each(|_| reporter.report(reaped(number))));
                    }
                });
                reporter.pipe.lock().expect("not poisoned").take();
            });
            reader.read_to_string(&mut text).expect("UTF-8");
            reporting.join().expect("no panic");
        });
        let events: Vec<_> = text.lines().map(|line| Event::from_line(line.as_bytes(), Monotonic::ZERO)).collect();
        assert_eq!(events.len(), 2_000);
        let times: Vec<_> = events.into_iter().map(|event| event.expect("whole").expect("known").t).collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn a_reader_that_has_gone_is_not_missed() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let reporter = Reporter::new(Some(writer.into()), monotonic_now());
        assert!(reporter.is_open());
        reporter.report(reaped(1));
        assert!(!reporter.is_open());
        reporter.report(reaped(1));
    }

    fn reaped(number: i32) -> EventKind {
        EventKind::ProcessReaped { pid: Pid::new(number) }
    }
}
