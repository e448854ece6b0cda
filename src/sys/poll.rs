//! poll(2) with a [`Duration`] as its time limit.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::retry_on_intr;

/// Waits until one of the descriptors is ready, and returns how many are; 0 when `limit` is over. Without a limit it waits as long as
/// it takes. INTR: a signal came first.
pub fn poll(fds: &mut [PollFd<'_>], limit: Option<Duration>) -> rustix::io::Result<usize> {
    // A limit that no clock reaches is none.
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    rustix::event::poll(fds, limit.as_ref())
}

/// Whether a descriptor is readable within `limit`: it has data, or has come to its end. A pidfd is readable once its process has ended.
/// A signal does not end the wait: the limit starts anew then.
pub fn is_readable(fd: impl AsFd, limit: Duration) -> bool {
    retry_on_intr(|| poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(limit))).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_readable_once_it_has_a_byte_or_no_writer() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        assert!(!is_readable(&reader, Duration::ZERO) && !is_readable(&reader, Duration::from_micros(1)));
        rustix::io::write(&writer, b"x").expect("written");
        assert!(is_readable(&reader, Duration::MAX), "a limit without end");
        rustix::io::read(&reader, &mut [0]).expect("read");
        drop(writer);
        assert!(is_readable(&reader, Duration::ZERO));
    }
}
