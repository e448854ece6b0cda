//! Descriptors: adopting, duplicating, asking a pipe how full it is.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};

/// Takes ownership of a descriptor that this program's parent left open under this number, and marks it close-on-exec.
/// EBADF: there is none. Call it once for each number: a second owner would close it twice.
pub fn adopt_fd(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD/F_SETFD take no pointer; a number that is no descriptor gives EBADF.
    if number < 0 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is open, and by the contract above nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Whether a descriptor of that number is open in this process.
pub fn is_open(number: RawFd) -> bool {
    // SAFETY: F_GETFD takes no pointer; a number that is no descriptor gives EBADF.
    number >= 0 && unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0
}

/// A duplicate, close-on-exec, with a number of at least `lowest`.
pub fn dup_at_least(fd: impl AsFd, lowest: RawFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, lowest)?)
}

/// A duplicate, close-on-exec, of a descriptor of which only the number is known. EBADF: none of that number is open.
pub fn dup_number(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes no pointer; a number that is no descriptor gives EBADF.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// `/dev/null`, for reading and writing, close-on-exec.
pub fn open_null() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Makes reads and writes return at once instead of waiting. The setting belongs to the open file description, so every process
/// that shares it is affected: use it for pipe ends that are ours alone.
pub fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    Ok(rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?)
}

/// Bytes that wait in a pipe (`FIONREAD`).
pub fn queued_bytes(fd: impl AsFd) -> io::Result<usize> {
    Ok(usize::try_from(rustix::io::ioctl_fionread(fd)?).unwrap_or_default())
}
