//! The worker's way to tell what happens: event lines into the descriptor that `TASKLAB_EVENTS` names. Any thread of the
//! worker and any of its forks may report; nobody ever fails or ends because the reader has gone.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use crate::model::{Event, EventKind, Monotonic};
use crate::sys::monotonic_now;

/// Writes event lines, each with one `write`, so that lines of several processes do not mix (pipe(7): up to 4,096 bytes).
#[derive(Debug)]
pub(crate) struct Reporter {
    pipe: Mutex<Option<OwnedFd>>,
    began: Monotonic,
}

impl Reporter {
    /// Writes to `pipe`, if there is one; `began` is the moment from which events are timed.
    pub(crate) const fn new(pipe: Option<OwnedFd>, began: Monotonic) -> Self {
        Self { pipe: Mutex::new(pipe), began }
    }

    /// Whether somebody listens, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Time since the run began.
    pub(crate) fn now(&self) -> Monotonic {
        Monotonic::ZERO + (monotonic_now() - self.began)
    }

    /// Writes one line. The time is taken under the lock, so that the lines of a process are in order.
    pub(crate) fn report(&self, kind: EventKind) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(fd) = pipe.as_ref() else { return };
        let mut line = Event { t: self.now(), kind }.to_line();
        line.push('\n');
        if write_all(fd, line.as_bytes()).is_err() {
            // The reader has gone (EPIPE, as Rust programs ignore SIGPIPE): the lesson goes on unheard.
            *pipe = None;
        }
    }
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
