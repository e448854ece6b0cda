//! The worker's ear: one-line JSON actions from the descriptor that `TASKLAB_CONTROL` names. Waiting here is how a body
//! sleeps; end of file, or no such descriptor, leaves only the waiting.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

/// An action that reached the body: `{"do":"cancel","target":"three"}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct LessonAction {
    /// Its name.
    #[serde(rename = "do")]
    pub name: String,
    /// Its target; may be empty.
    #[serde(default)]
    pub target: String,
}

use crate::sys::poll;

/// The reason for refusing an action that comes at the end.
pub(crate) const TOO_LATE: &str = "it comes too late: nothing is left but the end";

/// The end of a wait.
#[derive(Debug)]
pub(crate) enum Received {
    /// An action.
    Action(LessonAction),
    /// A line that is none.
    Nonsense(String),
    /// One of the other descriptors is ready, or the time is over.
    Nothing,
}

/// Longer lines are no actions.
const LONGEST_LINE: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Control {
    pipe: Option<OwnedFd>,
    unread: Vec<u8>,
}

impl Control {
    pub(crate) const fn new(pipe: Option<OwnedFd>) -> Self {
        Self { pipe, unread: Vec::new() }
    }

    /// Whether somebody may still say something.
    pub(crate) const fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Stops listening, as a fork must: a line that a child reads is lost for the parent.
    pub(crate) fn close(&mut self) {
        *self = Self::new(None);
    }

    /// Waits for an action, at most this long, or until one of `others` is readable or closed.
    pub(crate) fn listen(&mut self, others: &[BorrowedFd<'_>], timeout: Duration) -> Result<Received, io::Error> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(received) = self.take_line() {
                return Ok(received);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut ready: Vec<PollFd<'_>> = others
                .iter()
                .copied()
                .chain(self.pipe.as_ref().map(AsFd::as_fd))
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                .collect();
            match poll(&mut ready, Some(left)) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(0) => return Ok(Received::Nothing),
                Ok(_) => {}
            }
            let other_is_ready = ready.iter().take(others.len()).any(|fd| !fd.revents().is_empty());
            if ready.iter().skip(others.len()).any(|fd| !fd.revents().is_empty()) {
                self.read();
            }
            if other_is_ready {
                return Ok(self.take_line().unwrap_or(Received::Nothing));
            }
        }
    }

    /// Reads what is there, after poll has said that this does not wait.
    fn read(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let mut bytes = [0; LONGEST_LINE];
        match rustix::io::read(pipe, &mut bytes) {
            Ok(count) if count > 0 => self.unread.extend_from_slice(&bytes[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            // The sender is gone. The lines that have arrived are still taken.
            _ => self.pipe = None,
        }
    }

    fn take_line(&mut self) -> Option<Received> {
        loop {
            let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') else {
                if self.unread.len() <= LONGEST_LINE {
                    return None;
                }
                let line = std::mem::take(&mut self.unread);
                return Some(Received::Nonsense(String::from_utf8_lossy(&line[..40]).into_owned()));
            };
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = line.trim_ascii();
            if !line.is_empty() {
                let shown = || Received::Nonsense(String::from_utf8_lossy(line).chars().take(200).collect());
                return Some(serde_json::from_slice(line).map_or_else(|_| shown(), Received::Action));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn action(received: Received) -> (String, String) {
        match received {
            Received::Action(action) => (action.name, action.target),
            other => panic!("no action: {other:?}"),
        }
    }

    #[test]
    fn actions_come_one_by_one_and_nonsense_is_named() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let mut control = Control::new(Some(reader.into()));
        writer.write_all(b"{\"do\":\"wait\",\"target\":\"child-1\"}\n\n{\"do\":\"go\"}\nnonsense\n{\"do\":").expect("written");
        assert_eq!(action(control.listen(&[], LONG).expect("listens")), ("wait".into(), "child-1".into()));
        assert_eq!(action(control.listen(&[], LONG).expect("listens")), ("go".into(), String::new()));
        assert!(matches!(control.listen(&[], LONG).expect("listens"), Received::Nonsense(line) if line == "nonsense"));
        assert!(matches!(control.listen(&[], Duration::ZERO).expect("listens"), Received::Nothing));
        writer.write_all(b"\"end\"}\n").expect("written");
        drop(writer);
        assert_eq!(action(control.listen(&[], LONG).expect("listens")), ("end".into(), String::new()));
        let start = Instant::now();
        assert!(matches!(control.listen(&[], Duration::from_millis(30)).expect("listens"), Received::Nothing));
        assert!(start.elapsed() >= Duration::from_millis(30), "after the end of file it still waits, without spinning");
        assert!(control.pipe.is_none());
    }

    #[test]
    fn another_descriptor_ends_the_wait() {
        let (silent, _keeps_it_open) = std::io::pipe().expect("a pipe");
        let (other, writer) = std::io::pipe().expect("a pipe");
        let mut control = Control::new(Some(silent.into()));
        drop(writer);
        assert!(matches!(control.listen(&[other.as_fd()], LONG).expect("listens"), Received::Nothing));
    }

    #[test]
    fn a_line_without_an_end_does_not_grow_for_ever() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let mut control = Control::new(Some(reader.into()));
        writer.write_all(&[b'x'; 3 * LONGEST_LINE]).expect("written");
        assert!(matches!(control.listen(&[], LONG).expect("listens"), Received::Nonsense(_)));
        assert!(control.unread.len() <= LONGEST_LINE);
    }
}
