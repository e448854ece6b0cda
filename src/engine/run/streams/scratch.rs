//! One read of a descriptor that never waits, into a buffer that all streams share.

use std::io;
use std::os::fd::BorrowedFd;

/// Bytes of one read. A few hundred reads may wait for a listener that is behind, so they are not large.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Whether a stream is still open after a read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    Yes,
    No,
}

/// A buffer that all streams of an engine share, since one is read at a time.
#[derive(Debug)]
pub(crate) struct Scratch(Box<[u8]>);

impl Default for Scratch {
    fn default() -> Self {
        Self(vec![0; CHUNK].into_boxed_slice())
    }
}

pub(crate) fn read<'a>(fd: BorrowedFd<'_>, scratch: &'a mut Scratch) -> io::Result<Option<&'a [u8]>> {
    loop {
        match rustix::io::read(fd, &mut *scratch.0) {
            Ok(count) => return Ok(Some(&scratch.0[..count])),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}
