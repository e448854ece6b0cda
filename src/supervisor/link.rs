//! One end of the socket pair: typed messages, with a queue for those that the other side has not read yet, so that neither side ever
//! waits for the other.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::{PacketSocket, set_nonblocking};

/// So many messages may wait; then no more requests are read, since each needs an answer.
const MOST_WAITING: usize = 1_024;

/// One end. Messages leave in the order in which they were sent.
#[derive(Debug)]
pub(super) struct Link {
    socket: PacketSocket,
    waiting: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
}

/// The result of a read.
#[derive(Debug)]
pub(super) enum Received<T> {
    /// A message, and the descriptors that came with it.
    Message(T, Vec<OwnedFd>),
    /// No message is there now.
    Nothing,
    /// The other end is closed.
    End,
}

impl Link {
    pub(super) fn new(socket: PacketSocket) -> io::Result<Self> {
        set_nonblocking(&socket)?;
        Ok(Self { socket, waiting: VecDeque::new() })
    }

    /// Sends a message, or queues it behind those that wait already. The descriptors are closed once they were sent.
    pub(super) fn send(&mut self, message: &impl Serialize, fds: Vec<OwnedFd>) -> io::Result<()> {
        self.queue(message, fds)?;
        self.flush()
    }

    /// Queues a message for the next [`flush`](Self::flush), so that several messages wake the other side once. `InvalidData`: the
    /// message cannot be written as JSON, and is not queued.
    pub(super) fn queue(&mut self, message: &impl Serialize, fds: Vec<OwnedFd>) -> io::Result<()> {
        self.waiting.push_back((serde_json::to_vec(message)?, fds));
        Ok(())
    }

    /// Sends the messages that wait, as far as there is room.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while let Some((message, fds)) = self.waiting.front() {
            let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
            match self.socket.send(message, &borrowed) {
                Ok(()) => {
                    self.waiting.pop_front();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether messages wait for room.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether so many wait that no more requests should be read.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    pub(super) fn receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        match self.socket.receive() {
            Ok(Some((bytes, fds))) => Ok(Received::Message(serde_json::from_slice(&bytes)?, fds)),
            Ok(None) => Ok(Received::End),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Nothing),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Received::End),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_cannot_be_written_down_is_refused_alone() {
        use std::os::unix::ffi::OsStrExt;
        let (ours, theirs) = PacketSocket::pair().expect("a pair");
        let (mut ours, theirs) = (Link::new(ours).expect("ours"), Link::new(theirs).expect("theirs"));
        let path = Path::new(std::ffi::OsStr::from_bytes(b"\xff"));
        assert_eq!(ours.send(&path, Vec::new()).expect_err("no text").kind(), io::ErrorKind::InvalidData);
        ours.send(&"text", Vec::new()).expect("sent");
        assert!(matches!(theirs.receive::<String>().expect("received"), Received::Message(text, _) if text == "text"));
    }
}
