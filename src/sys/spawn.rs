//! Starting a child: clone with the parent's memory (as `posix_spawn(3)` does), set up, exec.
//!
//! The child runs on a stack of its own inside the parent's memory while the parent's calling thread waits. So a failed step is
//! reported through memory instead of a pipe, and no page table is copied. The child makes system calls only.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::wait::waitpid;

use super::exec::{exec_first, pointers, set_limits};
use super::process::{PidFd, own_pid};
use super::signals::block_all_signals;
use crate::model::{Pid, ResourceLimit, Signal};

/// A descriptor and the number under which the child gets it.
#[derive(Debug)]
pub struct Placement {
    /// The descriptor; its own number must be higher than every `number`.
    pub fd: OwnedFd,
    /// The child's number for it.
    pub number: RawFd,
}

/// A child in the form that the kernel takes: every text ends with NUL, and every path was looked up before.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Files to try to execute, in order.
    pub candidates: Vec<CString>,
    /// Its argument list.
    pub argv: Vec<CString>,
    /// Its environment, `NAME=VALUE`.
    pub env: Vec<CString>,
    /// Its working directory.
    pub cwd: Option<CString>,
    /// Its descriptors; all others except `keep` are closed.
    pub placements: Vec<Placement>,
    /// Descriptors of ours that stay open under their numbers.
    pub keep: Vec<RawFd>,
    /// Process group to join; 0 makes it the leader of a new one.
    pub group: Option<i32>,
    /// Whether it starts a session.
    pub new_session: bool,
    /// Added to the niceness.
    pub nice: Option<i32>,
    /// File mode creation mask.
    pub umask: Option<u32>,
    /// The signal that it gets when the calling thread dies.
    pub death_signal: Option<Signal>,
    /// Resource limits.
    pub limits: Vec<ResourceLimit>,
    /// The cores that it may run on; empty for those of the caller.
    pub affinity: Vec<u16>,
    /// The terminal that becomes its controlling terminal; the child must start a session then.
    pub terminal: Option<OwnedFd>,
    /// `cgroup.procs` of the control group that it joins, open for writing.
    pub cgroup: Option<OwnedFd>,
}

/// A child that has executed its program.
#[derive(Debug)]
pub struct Spawned {
    /// Its PID.
    pub pid: Pid,
    /// The same process as a descriptor, which cannot come to mean another one.
    pub pidfd: PidFd,
}

/// A step of starting a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum SpawnStep {
    /// Making the process.
    Clone = 1,
    /// Starting a session.
    Session,
    /// Joining or making the process group.
    Group,
    /// Arming the death signal, or the parent was gone by then.
    DeathSignal,
    /// Changing the niceness.
    Nice,
    /// Entering the working directory.
    Cwd,
    /// Placing the descriptors.
    Descriptors,
    /// Choosing its cores.
    Affinity,
    /// Making a terminal its controlling one.
    Terminal,
    /// Joining a control group.
    Cgroup,
    /// Setting a resource limit.
    Limit,
    /// Executing the program.
    Exec,
}

impl fmt::Display for SpawnStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clone => "make a process",
            Self::Session => "start a session",
            Self::Group => "set the process group",
            Self::DeathSignal => "arm the death signal",
            Self::Nice => "change the niceness",
            Self::Cwd => "enter the folder",
            Self::Descriptors => "set up the descriptors",
            Self::Affinity => "choose its cores",
            Self::Terminal => "give it a terminal",
            Self::Cgroup => "join the control group",
            Self::Limit => "set a resource limit",
            Self::Exec => "execute",
        })
    }
}

/// A step that failed, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("could not {step}: {}", io::Error::from_raw_os_error(*errno))]
pub struct SpawnError {
    /// The step.
    pub step: SpawnStep,
    /// Its errno.
    pub errno: i32,
}

/// The memory that parent and child share: the child reads it, and writes `failure`.
struct Job<'a> {
    prepared: &'a Prepared,
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    cores: Option<libc::cpu_set_t>,
    parent: libc::pid_t,
    failure: Option<(SpawnStep, i32)>,
}

/// Starts a child and returns when it has executed its program or has failed to.
pub fn spawn(prepared: &Prepared) -> Result<Spawned, SpawnError> {
    let mut job = Job {
        prepared,
        argv: pointers(&prepared.argv),
        env: pointers(&prepared.env),
        cores: (!prepared.affinity.is_empty()).then(|| cores(&prepared.affinity)),
        parent: own_pid().number(),
        failure: None,
    };
    // u128 for the alignment of 16 bytes that the ABIs want. 16 KiB, of which the child uses a few hundred bytes; from 64 KiB on,
    // freeing it would make the C library trim its heap each time.
    let mut stack = vec![0_u128; 1024];
    let mut pidfd: RawFd = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let blocked = block_all_signals()
        .map_err(|error| SpawnError { step: SpawnStep::Clone, errno: error.raw_os_error().unwrap_or_default() })?;
    // SAFETY: the stack is the child's alone, and outlives it in this memory, since CLONE_VFORK suspends this thread
    // until the child has executed its program or exited; `job` likewise. `child` makes system calls only, and leaves
    // by exec or _exit, never by unwinding.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        libc::clone(child, top, flags, (&raw mut job).cast(), &raw mut pidfd)
    };
    let errno = Errno::last_raw();
    drop(blocked);
    if pid < 0 {
        return Err(SpawnError { step: SpawnStep::Clone, errno });
    }
    // SAFETY: CLONE_PIDFD stored a new descriptor that nobody else knows.
    let pidfd = PidFd::from(unsafe { OwnedFd::from_raw_fd(pidfd) });
    // SAFETY: the child may have written it; a volatile read keeps the compiler from assuming otherwise.
    if let Some((step, errno)) = unsafe { (&raw const job.failure).read_volatile() } {
        // It has called _exit, and its status says nothing more.
        while waitpid(nix::unistd::Pid::from_raw(pid), None) == Err(Errno::EINTR) {}
        return Err(SpawnError { step, errno });
    }
    Ok(Spawned { pid: Pid::new(pid), pidfd })
}

/// A set of cores as `sched_setaffinity(2)` takes it.
fn cores(numbers: &[u16]) -> libc::cpu_set_t {
    // SAFETY: all-zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for number in numbers {
        // SAFETY: writes within the set; numbers beyond it are left out.
        unsafe { libc::CPU_SET(usize::from(*number), &mut set) };
    }
    set
}

extern "C" fn child(job: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `spawn` passes a valid Job, and its thread sleeps until we are done with it.
    let job = unsafe { &mut *job.cast::<Job<'_>>() };
    // SAFETY: see `set_up_and_exec`; the errno location is this thread's, borrowed from the sleeping parent.
    unsafe {
        let step = set_up_and_exec(job);
        (&raw mut job.failure).write_volatile(Some((step, *libc::__errno_location())));
        libc::_exit(127)
    }
}

/// Returns only when a step has failed, with errno set.
///
/// # Safety
/// Runs in the child of a clone that shares memory: system calls only, no allocation, no lock, no unwinding.
unsafe fn set_up_and_exec(job: &Job<'_>) -> SpawnStep {
    let prepared = job.prepared;
    // SAFETY: numbers, and pointers into `prepared`, which lives in the suspended parent.
    unsafe {
        // All signals have been blocked since before the clone, so no handler of the parent's can run here. The raw call resets
        // signals 32 and 33 as well, which the C library keeps for itself.
        let default = [0_u64; 4];
        for signal in 1..=64 {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), 8_usize);
        }
        if prepared.new_session {
            if libc::setsid() < 0 {
                return SpawnStep::Session;
            }
        } else if let Some(group) = prepared.group
            && libc::setpgid(0, group) < 0
        {
            return SpawnStep::Group;
        }
        if let Some(signal) = prepared.death_signal {
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal.number()) < 0 {
                return SpawnStep::DeathSignal;
            }
            if libc::getppid() != job.parent {
                *libc::__errno_location() = libc::ESRCH;
                return SpawnStep::DeathSignal;
            }
        }
        if let Some(nice) = prepared.nice {
            // getpriority's -1 is also a niceness; a real failure shows in setpriority.
            let niceness = libc::getpriority(libc::PRIO_PROCESS, 0) + nice;
            if libc::setpriority(libc::PRIO_PROCESS, 0, niceness) < 0 {
                return SpawnStep::Nice;
            }
        }
        if let Some(umask) = prepared.umask {
            libc::umask(umask);
        }
        if let Some(cores) = &job.cores
            && libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), cores) < 0
        {
            return SpawnStep::Affinity;
        }
        if let Some(cgroup) = &prepared.cgroup
            && libc::write(cgroup.as_raw_fd(), c"0".as_ptr().cast(), 1) < 0
        {
            return SpawnStep::Cgroup;
        }
        if let Some(terminal) = &prepared.terminal
            && libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) < 0
        {
            return SpawnStep::Terminal;
        }
        if let Some(cwd) = &prepared.cwd
            && libc::chdir(cwd.as_ptr()) < 0
        {
            return SpawnStep::Cwd;
        }
        close_on_exec_from_3();
        for placement in &prepared.placements {
            if libc::dup2(placement.fd.as_raw_fd(), placement.number) < 0 {
                return SpawnStep::Descriptors;
            }
        }
        for fd in &prepared.keep {
            if libc::fcntl(*fd, libc::F_SETFD, 0) < 0 {
                return SpawnStep::Descriptors;
            }
        }
        // Last, since a limit may make the steps before it fail.
        if set_limits(&prepared.limits) < 0 {
            return SpawnStep::Limit;
        }
        let mut mask = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(mask.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, mask.as_ptr(), std::ptr::null_mut());
        exec_first(&prepared.candidates, &job.argv, &job.env);
        SpawnStep::Exec
    }
}

/// Marks every descriptor from 3 on close-on-exec. Those that the child is to have are unmarked afterwards.
///
/// # Safety
/// As for [`set_up_and_exec`].
unsafe fn close_on_exec_from_3() {
    // SAFETY: numbers only.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0 {
            return;
        }
        // Before Linux 5.11: one by one. Ours are marked anyway; this is for descriptors that we inherited.
        for fd in 3..1024 {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}
