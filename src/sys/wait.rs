//! `waitid(2)` with decoded siginfo, and the resources that the child has used.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use super::process::PidFd;
use crate::model::{ExitStatus, Pid, Signal, Usage};

/// The fate of a child that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitMode {
    /// It is reaped: its PID is free afterwards.
    Reap,
    /// Its status is read, and it stays a zombie (`WNOWAIT`).
    Peek,
}

/// A change of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildChange {
    /// It has ended.
    Ended(ExitStatus),
    /// A signal stopped it.
    Stopped(Signal),
    /// It was continued.
    Continued,
}

/// A child and its change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaitedChild {
    /// The child.
    pub pid: Pid,
    /// Its change.
    pub change: ChildChange,
    /// The resources that it has used, with those of the children that it has waited on.
    pub usage: Usage,
}

/// Looks whether a child has ended, and never waits. ECHILD: it is not a child of ours, or is reaped already.
pub fn wait_pidfd(pidfd: &PidFd, mode: WaitMode) -> io::Result<Option<WaitedChild>> {
    waitid(libc::P_PIDFD, pidfd.as_fd().as_raw_fd() as libc::id_t, ended(mode))
}

/// The same by PID, for a child that cannot have been reaped.
pub fn wait_pid(pid: Pid, mode: WaitMode) -> io::Result<Option<WaitedChild>> {
    waitid(libc::P_PID, pid.number() as libc::id_t, ended(mode))
}

/// Some child that has ended, which stays a zombie; never waits. ECHILD: there is no child at all.
pub fn wait_any_ended() -> io::Result<Option<WaitedChild>> {
    waitid(libc::P_ALL, 0, ended(WaitMode::Peek))
}

/// Some child that was stopped or continued: each change is given once. Never waits. ECHILD: there is no child at all.
pub fn wait_any_stopped_or_continued() -> io::Result<Option<WaitedChild>> {
    waitid(libc::P_ALL, 0, libc::WSTOPPED | libc::WCONTINUED)
}

const fn ended(mode: WaitMode) -> libc::c_int {
    match mode {
        WaitMode::Reap => libc::WEXITED,
        WaitMode::Peek => libc::WEXITED | libc::WNOWAIT,
    }
}

fn waitid(kind: libc::idtype_t, id: libc::id_t, options: libc::c_int) -> io::Result<Option<WaitedChild>> {
    // Zeroed, since waitid leaves both alone when WNOHANG finds nothing.
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are valid for the call; the rest are numbers. The raw call, since the C library's waitid lacks the
        // fifth argument, for the resource usage (waitid(2), "C library/kernel differences").
        let result =
            unsafe { libc::syscall(libc::SYS_waitid, kind, id, info.as_mut_ptr(), options | libc::WNOHANG, usage.as_mut_ptr()) };
        if result == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: zeroed or filled by the kernel, and any bits are a value of its fields.
    let usage = unsafe { usage.assume_init() };
    // SAFETY: zeroed or filled by the kernel; si_pid and si_status are what waitid fills.
    let (pid, code, status) = unsafe {
        let info = info.assume_init();
        (info.si_pid(), info.si_code, info.si_status())
    };
    if pid == 0 {
        return Ok(None);
    }
    let signal = Signal::from_number(status);
    let change = match (code, signal) {
        (libc::CLD_EXITED, _) => ChildChange::Ended(ExitStatus::Exited(status)),
        (libc::CLD_KILLED | libc::CLD_DUMPED, Some(signal)) => {
            ChildChange::Ended(ExitStatus::Signaled { signal, core_dumped: code == libc::CLD_DUMPED })
        }
        (libc::CLD_STOPPED | libc::CLD_TRAPPED, Some(signal)) => ChildChange::Stopped(signal),
        (libc::CLD_CONTINUED, _) => ChildChange::Continued,
        _ => ChildChange::Ended(ExitStatus::Unknown),
    };
    Ok(Some(WaitedChild { pid: Pid::new(pid), change, usage: used(&usage) }))
}

fn used(usage: &libc::rusage) -> Usage {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Usage {
        user_s: seconds(usage.ru_utime),
        system_s: seconds(usage.ru_stime),
        peak_rss: usage.ru_maxrss as u64 * 1024,
        waits: usage.ru_nvcsw as u64,
        preemptions: usage.ru_nivcsw as u64,
    }
}
