//! A Unix packet socket: whole messages, each with the descriptors that belong to it.

use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// One end of a pair.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

/// Descriptors in one message: the kernel's limit (`SCM_MAX_FD`, 253) less the one for a long message's memory file.
pub const MAX_PACKET_FDS: usize = 252;

/// Longer messages travel in a memory file: a packet must fit into the socket's buffer (212,992 bytes by default).
const INLINE: usize = 8 * 1024;
const IN_PACKET: u8 = b'p';
const IN_MEMORY_FILE: u8 = b'm';

impl PacketSocket {
    /// Two connected ends, close-on-exec.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// Sends a message, waiting for room only if the socket is set to. EPIPE: the other end is closed.
    pub fn send(&self, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        if message.len() <= INLINE {
            return self.send_packet(IN_PACKET, message, fds);
        }
        let mut file = std::fs::File::from(memfd_create("message", MemfdFlags::CLOEXEC)?);
        file.write_all(message)?;
        let all: Vec<BorrowedFd<'_>> = std::iter::once(file.as_fd()).chain(fds.iter().copied()).collect();
        self.send_packet(IN_MEMORY_FILE, &[], &all)
    }

    fn send_packet(&self, tag: u8, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors in one message"));
        }
        let tag = [tag];
        loop {
            match sendmsg(&self.0, &[IoSlice::new(&tag), IoSlice::new(message)], &mut control, SendFlags::NOSIGNAL) {
                Err(rustix::io::Errno::INTR) => {}
                result => return Ok(result.map(drop)?),
            }
        }
    }

    /// The next message, `None` at end of file. `WouldBlock` when the socket is non-blocking and none is there.
    pub fn receive(&self) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
        let mut bytes = [0_u8; INLINE + 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => {}
                result => break result?,
            }
        };
        let mut fds: Vec<OwnedFd> = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        match bytes[..received.bytes] {
            [] => Ok(None),
            [IN_PACKET, ref message @ ..] => Ok(Some((message.to_vec(), fds))),
            [IN_MEMORY_FILE] if !fds.is_empty() => {
                let mut file = std::fs::File::from(fds.remove(0));
                let mut message = Vec::new();
                file.seek(SeekFrom::Start(0))?;
                file.read_to_end(&mut message)?;
                Ok(Some((message, fds)))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a packet of an unknown form")),
        }
    }
}

impl From<OwnedFd> for PacketSocket {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_every_length_arrive_whole_with_their_descriptors() {
        let (one, other) = PacketSocket::pair().expect("a pair");
        let null = super::super::open_null().expect("/dev/null");
        for length in [1, INLINE, INLINE + 1, 3_000_000] {
            let message = vec![b'x'; length];
            one.send(&message, &[null.as_fd(), null.as_fd()]).expect("sent");
            let (received, fds) = other.receive().expect("received").expect("not the end");
            assert_eq!((received == message, fds.len()), (true, 2), "{length}");
        }
        drop(one);
        assert!(other.receive().expect("end of file").is_none());
    }

    #[test]
    fn more_descriptors_than_the_kernel_takes_are_refused() {
        let (one, _other) = PacketSocket::pair().expect("a pair");
        let null = super::super::open_null().expect("/dev/null");
        assert!(one.send(b"x", &vec![null.as_fd(); MAX_PACKET_FDS + 2]).is_err());
    }
}
