//! Processes by pidfd, and what a process says of itself.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::thread::JoinHandle;

use rustix::process::{PidfdFlags, pidfd_open};

use crate::model::{Pid, Signal};

/// A process by a descriptor, which never names another one: a recycled PID cannot be hit through it.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

/// Whom a signal through a pidfd reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalScope {
    /// The process.
    Process,
    /// Its process group (`PIDFD_SIGNAL_PROCESS_GROUP`, Linux 6.9; EINVAL before).
    Group,
}

const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;

impl PidFd {
    /// The process that has this PID now. Whoever calls this must check afterwards that it is the one that was meant.
    pub fn open(pid: Pid) -> io::Result<Self> {
        let pid = rustix::process::Pid::from_raw(pid.number()).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// Sends a signal. ESRCH: it has been reaped.
    pub fn signal(&self, signal: Signal, scope: SignalScope) -> io::Result<()> {
        let flags = if scope == SignalScope::Group { PIDFD_SIGNAL_PROCESS_GROUP } else { 0 };
        let info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, a null siginfo is allowed, the rest are numbers.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal.number(), info, flags) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl From<OwnedFd> for PidFd {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<PidFd> for OwnedFd {
    fn from(pidfd: PidFd) -> Self {
        pidfd.0
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// From now on descendants that lose their parent become children of this process (prctl(2), `PR_SET_CHILD_SUBREAPER`).
pub fn become_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Should this process be stopped when its parent ends, it is continued (prctl(2), `PR_SET_PDEATHSIG`).
pub fn continue_when_parent_ends() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::CONT))?)
}

/// Whether this process has exactly one thread: the condition for a fork whose child may do more than exec.
/// /proc/self/task has a link for each thread besides its own two. An emulator's thread does not count: it holds no lock of ours.
pub fn has_one_thread() -> io::Result<bool> {
    let folder = rustix::fs::stat("/proc/self/task");
    let links =
        folder.map_err(|error| io::Error::other(format!("could not count our threads in /proc/self/task: {error}")))?.st_nlink;
    Ok(links == 3 || (links == 4 && emulated_on().is_some()))
}

/// Why /proc says nothing of our processes; `None` if it does. In a PID namespace without a /proc of its own (`unshare --pid` without
/// `--mount-proc`) each number there is another process's.
pub fn foreign_proc() -> Option<String> {
    let myself = std::process::id();
    match std::fs::read_link("/proc/self") {
        Ok(link) if link.to_str().and_then(|text| text.parse().ok()) == Some(myself) => None,
        Ok(link) => Some(format!(
            "/proc belongs to another PID namespace: it calls {} what is process {myself} here; mount this namespace's own (unshare has \
             --mount-proc)",
            link.display()
        )),
        Err(error) => Some(format!("could not read /proc/self: {error}; mount it (mount -t proc proc /proc)")),
    }
}

/// The machine whose kernel this is, where an emulator (QEMU's user emulation) runs our program, which is for another one. It has
/// a thread of its own in each process. The kernel tells its machine since Linux 6.1.
pub fn emulated_on() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/arch").ok()?;
    is_foreign(std::env::consts::ARCH, kernel.trim()).then(|| kernel.trim().to_owned())
}

/// A processor of 64 bits that runs programs of 32 is no emulator.
fn is_foreign(ours: &str, kernel: &str) -> bool {
    matches!((ours, kernel), ("aarch64", "x86_64") | ("x86_64", "aarch64"))
}

/// The process group of a process, `None` for the caller; 0 is that of a leader outside our PID namespace.
pub fn process_group(pid: Option<Pid>) -> io::Result<i32> {
    // SAFETY: numbers go in and a number comes out.
    checked(unsafe { libc::getpgid(pid.map_or(0, Pid::number)) })
}

/// The session of a process, `None` for the caller; 0 is that of a leader outside our PID namespace, as in a container
/// or below an init that opened no session.
pub fn session(pid: Option<Pid>) -> io::Result<i32> {
    // SAFETY: numbers go in and a number comes out.
    checked(unsafe { libc::getsid(pid.map_or(0, Pid::number)) })
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What helps where the kernel makes no more processes or threads: clone(2) gives EAGAIN then. Nothing for other errors.
pub fn advice_on_clone(error: &io::Error) -> &'static str {
    if error.raw_os_error() == Some(libc::EAGAIN) {
        "; the limit on processes is reached, which counts threads, too (ulimit -u, or pids.max of a container): end some, or raise \
         it before starting Task Lab"
    } else {
        ""
    }
}

/// Starts a thread. The error says which could not be started, and what helps.
pub fn start_thread<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|error| {
        let text = format!("could not start the thread {name}: {error}{}", advice_on_clone(&error));
        io::Error::new(error.kind(), text)
    })
}

/// The kernel's release, as uname(2) has it: also where there is no /proc.
pub fn kernel_release() -> String {
    // SAFETY: all-zero is a valid utsname, which uname fills with texts that end with NUL.
    let release = unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        libc::uname(&raw mut name);
        CStr::from_ptr(name.release.as_ptr()).to_owned()
    };
    release.to_string_lossy().into_owned()
}

/// Names the calling thread for /proc, cut to the kernel's 15 bytes.
pub fn rename_thread(name: &str) -> io::Result<()> {
    let cut = name.bytes().filter(|byte| *byte != 0).take(15).collect::<Vec<_>>();
    Ok(rustix::thread::set_name(&CString::new(cut)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: promise 20.
    #[test]
    fn our_own_proc_is_not_foreign() {
        assert_eq!(foreign_proc(), None);
    }

    #[test]
    fn only_another_kind_of_processor_is_foreign() {
        assert!(is_foreign("aarch64", "x86_64") && is_foreign("x86_64", "aarch64"));
        assert!(!is_foreign("aarch64", "aarch64") && !is_foreign("arm", "aarch64") && !is_foreign("x86_64", ""));
    }
}
