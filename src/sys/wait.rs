//! `waitid(2)` with decoded siginfo, and what the child has used.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use super::PidFd;
use crate::model::{ExitStatus, Pid, Signal, Usage};

/// Whether to leave a child that has ended as a zombie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhatEnded {
    /// Reap it: its PID is free afterwards.
    Reap,
    /// Read its status and leave it (`WNOWAIT`).
    Peek,
}

/// A change of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It has ended.
    Ended(ExitStatus),
    /// A signal stopped it.
    Stopped(Signal),
    /// It was continued.
    Continued,
}

/// A child and its change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waited {
    /// Which child.
    pub pid: Pid,
    /// What happened to it.
    pub changed: Changed,
    /// What it has used, with those of its children that it has waited on.
    pub usage: Usage,
}

/// Whether this child has ended, without waiting. ECHILD: it is not a child of ours, or is reaped already.
pub fn wait_pidfd(pidfd: &PidFd, what: WhatEnded) -> io::Result<Option<Waited>> {
    use std::os::fd::AsFd;
    waitid(libc::P_PIDFD, pidfd.as_fd().as_raw_fd() as libc::id_t, ended(what))
}

/// The same by PID, for a child that is known to be unreaped.
pub fn wait_pid(pid: Pid, what: WhatEnded) -> io::Result<Option<Waited>> {
    waitid(libc::P_PID, pid.number() as libc::id_t, ended(what))
}

/// Some child that has changed, without waiting: ended ones are left as zombies, reports of stops and continues are
/// taken. ECHILD: there is no child at all.
pub fn wait_any(changes: bool) -> io::Result<Option<Waited>> {
    if changes {
        waitid(libc::P_ALL, 0, libc::WSTOPPED | libc::WCONTINUED)
    } else {
        waitid(libc::P_ALL, 0, libc::WEXITED | libc::WNOWAIT)
    }
}

const fn ended(what: WhatEnded) -> libc::c_int {
    match what {
        WhatEnded::Reap => libc::WEXITED,
        WhatEnded::Peek => libc::WEXITED | libc::WNOWAIT,
    }
}

fn waitid(kind: libc::idtype_t, id: libc::id_t, options: libc::c_int) -> io::Result<Option<Waited>> {
    // Zeroed, since waitid leaves both alone when WNOHANG finds nothing.
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are valid for the call; the rest are numbers. The C library's waitid hides the fifth argument of
        // the system call (waitid(2), "C library/kernel differences").
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
    let changed = match (code, signal) {
        (libc::CLD_EXITED, _) => Changed::Ended(ExitStatus::Exited(status)),
        (libc::CLD_KILLED | libc::CLD_DUMPED, Some(signal)) => {
            Changed::Ended(ExitStatus::Signaled { signal, core_dumped: code == libc::CLD_DUMPED })
        }
        (libc::CLD_STOPPED | libc::CLD_TRAPPED, Some(signal)) => Changed::Stopped(signal),
        (libc::CLD_CONTINUED, _) => Changed::Continued,
        _ => Changed::Ended(ExitStatus::Unknown),
    };
    Ok(Some(Waited { pid: Pid::new(pid), changed, usage: used(&usage) }))
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
