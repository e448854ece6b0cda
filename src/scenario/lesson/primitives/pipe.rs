//! Two-ended pipes with the semantics of Python's `multiprocessing.Pipe()`: both ends send and receive whole messages, also
//! across a fork; who receives from an end whose other end is closed everywhere finds the end of file.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use serde_json::{Value, json};

use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::scenario::lesson::tracking::lane::{Lane, own_lane, write_stamped};
use crate::sys::poll;

/// The other end is closed, in every process.
#[derive(Debug, thiserror::Error)]
pub enum EndOfFile {
    /// Nothing will come any more.
    #[error("could not receive: the other end of the pipe is closed")]
    Closed,
    /// The kernel refused.
    #[error("could not use the pipe: {0}")]
    Kernel(#[from] io::Error),
}

/// One end of a tracked pipe. Dropping it closes it. See [`Lesson::pipe`].
#[derive(Debug)]
pub struct PipeEnd<'s> {
    lesson: &'s Lesson,
    name: String,
    stream: UnixStream,
}

impl Lesson {
    /// A pipe, as its two ends.
    ///
    /// ```ignore
    /// let (ours, theirs) = lesson.pipe("letters")?;
    /// match lesson.fork("child")? {
    ///     Fork::Child => { drop(ours); theirs.send("hello")?; exit_now(0) }
    ///     Fork::Parent(child) => { drop(theirs); ours.recv()? }       // "hello"; then EndOfFile::Closed
    /// }
    /// ```
    pub fn pipe(&self, name: &str) -> Result<(PipeEnd<'_>, PipeEnd<'_>), LessonError> {
        let (one, two) = UnixStream::pair().map_err(LessonError::kernel(format!("make the pipe {name}")))?;
        let end = |stream| PipeEnd { lesson: self, name: format!("pipe {name}"), stream };
        Ok((end(one), end(two)))
    }
}

impl PipeEnd<'_> {
    /// Sends one message, whole; waits while the pipe is full.
    #[track_caller]
    pub fn send(&self, message: impl Into<Value>) -> Result<(), EndOfFile> {
        let waited = self.wait(PollFlags::OUT, Location::caller());
        // Which task of which process has made room is not known.
        self.go_on(waited?, None);
        let text = json!([own_lane().map(|lane| lane.name.clone()), message.into()]).to_string();
        let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        (&self.stream).write_all(&bytes).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => EndOfFile::Closed,
            _ => EndOfFile::Kernel(error),
        })
    }

    /// Waits for one message.
    #[track_caller]
    pub fn recv(&self) -> Result<Value, EndOfFile> {
        let waited = self.wait(PollFlags::IN, Location::caller())?;
        let received = self.read();
        self.go_on(waited, received.as_ref().ok().and_then(|(sent_by, _)| sent_by.as_deref()));
        received.map(|(_, message)| message)
    }

    /// The next message, and the task that sent it.
    fn read(&self) -> Result<(Option<String>, Value), EndOfFile> {
        let mut size = [0; 4];
        let closed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => EndOfFile::Closed,
            _ => EndOfFile::Kernel(error),
        };
        (&self.stream).read_exact(&mut size).map_err(closed)?;
        let mut text = vec![0; u32::from_le_bytes(size) as usize];
        (&self.stream).read_exact(&mut text).map_err(closed)?;
        serde_json::from_slice(&text).map_err(|error| EndOfFile::Kernel(error.into()))
    }

    /// Whether a message, or the end of file, is there within this time.
    pub fn poll(&self, timeout: Duration) -> Result<bool, EndOfFile> {
        Ok(is_ready(&self.stream, PollFlags::IN, Some(timeout))?)
    }

    /// Waits for room or a message; the line of the body, if that had to be told.
    fn wait(&self, what: PollFlags, caller: &Location<'_>) -> io::Result<Option<(Arc<Lane>, Option<u32>)>> {
        let line = self.lesson.tracker().line(caller);
        let lane = own_lane();
        if let Some(lane) = &lane {
            let operation = if what == PollFlags::IN { "receive from" } else { "send into" };
            self.lesson.gate(lane, operation, &self.name, line);
        }
        if is_ready(&self.stream, what, Some(Duration::ZERO))? {
            return Ok(None);
        }
        let Some(lane) = lane else { return is_ready(&self.stream, what, None).map(|_| None) };
        lane.stamp_wait(self.lesson.reporter(), &self.name, None, line);
        write_stamped(self.lesson.reporter());
        self.lesson.tracker().steps.settled(&lane);
        let ready = is_ready(&self.stream, what, None);
        if self.lesson.tracker().is_stepped() {
            self.lesson.tracker().steps.moves(&lane);
        }
        let waited = Some((lane, line));
        match ready {
            Ok(_) => Ok(waited),
            Err(error) => {
                self.go_on(waited, None);
                Err(error)
            }
        }
    }

    /// Tells the end of a wait.
    fn go_on(&self, waited: Option<(Arc<Lane>, Option<u32>)>, woken_by: Option<&str>) {
        if let Some((lane, line)) = waited {
            lane.stamp_run(self.lesson.reporter(), woken_by, line);
            lane.write(self.lesson.reporter());
        }
    }
}

impl AsFd for PipeEnd<'_> {
    /// Readable when there is a message, or the end of file.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_ready(stream: &UnixStream, what: PollFlags, timeout: Option<Duration>) -> io::Result<bool> {
    let mut ready = [PollFd::new(stream, what)];
    Ok(rustix::io::retry_on_intr(|| poll(&mut ready, timeout))? > 0)
}
