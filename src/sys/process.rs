//! Processes by PID and by pidfd, and properties of this process.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::thread::JoinHandle;

use rustix::process::{PidfdFlags, pidfd_open};

use crate::model::{Pid, Signal};

/// A process as a descriptor (`pidfd_open(2)`). It never comes to mean another process, as a PID does when it is used again.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

/// The processes that a signal through a pidfd reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalScope {
    /// The process.
    Process,
    /// Its process group (`PIDFD_SIGNAL_PROCESS_GROUP`, Linux 6.9; EINVAL before).
    Group,
}

const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;

impl PidFd {
    /// The process that has this PID now. The caller must check afterwards that it is the one that was meant.
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

/// Our own PID.
pub fn own_pid() -> Pid {
    Pid::new(std::process::id().cast_signed())
}

/// The PID of our parent; 0 if that is outside our PID namespace.
pub fn parent_pid() -> Pid {
    Pid::new(std::os::unix::process::parent_id().cast_signed())
}

/// Makes descendants that lose their parent children of this process from now on (prctl(2), `PR_SET_CHILD_SUBREAPER`).
pub fn become_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Has the kernel continue this process when its parent ends, in case it is stopped then (prctl(2), `PR_SET_PDEATHSIG`).
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

/// Why /proc does not show our processes; `None` if it does. In a PID namespace without a /proc of its own (`unshare --pid` without
/// `--mount-proc`), each number there is another process's.
pub fn foreign_proc() -> Option<String> {
    let myself = own_pid();
    match std::fs::read_link("/proc/self") {
        Ok(link) if link.to_str().and_then(|text| text.parse().ok()).map(Pid::new) == Some(myself) => None,
        Ok(link) => Some(format!(
            "/proc belongs to another PID namespace: it calls {} what is process {myself} here; mount this namespace's own (unshare has \
             --mount-proc)",
            link.display()
        )),
        Err(error) => Some(format!("could not read /proc/self: {error}; mount it (mount -t proc proc /proc)")),
    }
}

/// The kernel's architecture, if an emulator (QEMU's user emulation) runs our program, which is built for another one. The emulator has
/// a thread of its own in each process. The kernel names its architecture since Linux 6.1.
pub fn emulated_on() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/arch").ok()?;
    is_foreign(std::env::consts::ARCH, kernel.trim()).then(|| kernel.trim().to_owned())
}

/// A 64-bit processor that runs 32-bit programs is no emulator.
fn is_foreign(ours: &str, kernel: &str) -> bool {
    matches!((ours, kernel), ("aarch64", "x86_64") | ("x86_64", "aarch64"))
}

/// The process group of a process, `None` for the caller; 0 is that of a leader outside our PID namespace.
pub fn process_group(pid: Option<Pid>) -> io::Result<i32> {
    // nix: rustix's type for a PID has no 0.
    Ok(nix::unistd::getpgid(pid.map(|pid| nix::unistd::Pid::from_raw(pid.number())))?.as_raw())
}

/// The session of a process, `None` for the caller; 0 is that of a leader outside our PID namespace, as in a container
/// or below an init that opened no session.
pub fn session(pid: Option<Pid>) -> io::Result<i32> {
    Ok(nix::unistd::getsid(pid.map(|pid| nix::unistd::Pid::from_raw(pid.number())))?.as_raw())
}

/// Advice for an error of clone(2) by which the kernel refuses one more process or thread (EAGAIN); empty for other errors.
pub fn advice_on_clone(error: &io::Error) -> &'static str {
    if error.raw_os_error() == Some(libc::EAGAIN) {
        "; the limit on processes is reached, which counts threads, too (ulimit -u, or pids.max of a container): end some, or raise \
         it before starting Task Lab"
    } else {
        ""
    }
}

/// Starts a thread. The error names the thread, and says what helps.
pub fn start_thread<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|error| {
        let text = format!("could not start the thread {name}: {error}{}", advice_on_clone(&error));
        io::Error::new(error.kind(), text)
    })
}

/// The kernel's release by uname(2), which works without /proc.
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Names the calling thread for /proc, cut to the kernel's 15 bytes.
pub fn rename_thread(name: &str) -> io::Result<()> {
    let cut = name.bytes().filter(|byte| *byte != 0).take(15).collect::<Vec<_>>();
    Ok(rustix::thread::set_name(&CString::new(cut)?)?)
}

/// Fills `bytes` with the memory of a process from `address` on. EPERM: it runs as another user, or the kernel's Yama module
/// (`kernel.yama.ptrace_scope`) allows it to nobody but root, or to ancestors alone and we are none. ESRCH: it is gone. EFAULT: it has no
/// such memory.
pub fn read_memory(pid: Pid, address: u64, bytes: &mut [u8]) -> io::Result<()> {
    let unmapped = || io::Error::from_raw_os_error(libc::EFAULT);
    let start = usize::try_from(address).map_err(|_| unmapped())?;
    let ours = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let theirs = libc::iovec { iov_base: std::ptr::without_provenance_mut(start), iov_len: bytes.len() };
    // SAFETY: both point to one iovec each; ours to memory that may be written for that length. The kernel checks theirs in the other
    // process, and nothing of this process is reached through it.
    let count = unsafe { libc::process_vm_readv(pid.number(), &raw const ours, 1, &raw const theirs, 1, 0) };
    match usize::try_from(count) {
        Ok(count) if count == bytes.len() => Ok(()),
        // The first part is mapped, the rest is not.
        Ok(_) => Err(unmapped()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_it_is_and_what_is_not_there_is_an_error() {
        let there = [7_u8, 8, 9];
        let address = there.as_ptr().expose_provenance() as u64;
        let mut read = [0; 3];
        read_memory(own_pid(), address, &mut read).expect("our own");
        assert_eq!(read, there);
        for nowhere in [0, 8, u64::MAX - 2, u64::MAX] {
            let error = read_memory(own_pid(), nowhere, &mut read).expect_err("not mapped");
            assert_eq!(error.raw_os_error(), Some(libc::EFAULT), "{nowhere}");
        }
        let gone = read_memory(Pid::new(i32::MAX), address, &mut read).expect_err("nobody");
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
    }

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
