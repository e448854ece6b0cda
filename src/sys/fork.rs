//! Fork without exec, for lessons that show it: the only place where a child goes on in our own code.

use std::io;

use nix::unistd::ForkResult;

use super::process::has_one_thread;
use crate::model::Pid;

/// The result of [`fork`], which is called once and returns twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// In the new process.
    Child,
    /// In the old one, with the child's PID.
    Parent(Pid),
}

/// Makes a copy of this process. Refused unless it has exactly one thread: in the copy, the locks that other threads
/// held would stay locked for ever, the allocator's among them. The child must leave through [`exit_now`], so that
/// nothing that belongs to the parent is flushed or dropped twice.
pub fn fork() -> io::Result<Forked> {
    if !has_one_thread()? {
        return Err(io::Error::other("this process has more than one thread, and their locks would stay locked in the child"));
    }
    // SAFETY: there is no other thread, so the child finds every lock and the heap in a consistent state.
    Ok(match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Forked::Child,
        ForkResult::Parent { child } => Forked::Parent(Pid::new(child.as_raw())),
    })
}

/// Ends the process at once, as `_exit(2)` does: no destructor runs, no buffer is flushed.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit takes a number and does not return.
    unsafe { libc::_exit(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: F25, facts 41, 44.
    #[test]
    fn a_process_with_threads_is_not_forked() {
        let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
        let other = std::thread::Builder::new().name("other".to_owned()).spawn(move || held.recv()).expect("a thread");
        let error = fork().expect_err("the test runner has threads").to_string();
        assert!(error.contains("more than one thread"), "{error}");
        drop(release);
        other.join().expect("no panic").expect_err("nothing was sent");
    }
}
