//! Starting a child: clone with the parent's memory (as `posix_spawn` does it), set up, exec.
//!
//! The child runs on a stack of its own inside the parent's memory while the parent's calling thread waits, so that a
//! failed step is told by a store instead of a pipe, and no page table is copied. It calls nothing but system calls.

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::PidFd;
use super::signals::block_all_signals;
use crate::model::{Pid, ResourceLimit, Signal};

/// A descriptor and the number under which the child gets it.
#[derive(Debug)]
pub struct Placement {
    /// What; its own number must lie above all `number`s.
    pub fd: OwnedFd,
    /// Where.
    pub number: RawFd,
}

/// A child as the kernel wants it: every text ended by NUL, every path looked up beforehand.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Files to try to execute, in order; the first that is there is taken.
    pub candidates: Vec<CString>,
    /// Its argument list.
    pub argv: Vec<CString>,
    /// Its environment, `NAME=VALUE`.
    pub env: Vec<CString>,
    /// Its working directory.
    pub cwd: Option<CString>,
    /// Its descriptors; all others but `keep` are closed.
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
    /// The cores that it may run on; those of the caller when empty.
    pub affinity: Vec<u16>,
    /// The terminal that becomes its controlling one; it must start a session.
    pub terminal: Option<OwnedFd>,
    /// `cgroup.procs` of the control group that it joins, open for writing.
    pub cgroup: Option<OwnedFd>,
}

/// A child that has executed its program.
#[derive(Debug)]
pub struct Spawned {
    /// Its PID.
    pub pid: Pid,
    /// The same, safe from reuse from its birth on.
    pub pidfd: PidFd,
}

/// The step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum SpawnStage {
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

impl fmt::Display for SpawnStage {
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

/// Which step failed, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("could not {stage}: {}", io::Error::from_raw_os_error(*errno))]
pub struct SpawnError {
    /// Which step.
    pub stage: SpawnStage,
    /// Its errno.
    pub errno: i32,
}

/// What the child reads, and the one field that it writes.
struct Job<'a> {
    prepared: &'a Prepared,
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    cores: Option<libc::cpu_set_t>,
    parent: libc::pid_t,
    failure: Option<(SpawnStage, i32)>,
}

/// Starts a child and returns when it has executed its program or has failed to.
pub fn spawn(prepared: &Prepared) -> Result<Spawned, SpawnError> {
    let last = || io::Error::last_os_error().raw_os_error().unwrap_or_default();
    let mut job = Job {
        prepared,
        argv: pointers(&prepared.argv),
        env: pointers(&prepared.env),
        cores: (!prepared.affinity.is_empty()).then(|| cores(&prepared.affinity)),
        parent: std::process::id().cast_signed(),
        failure: None,
    };
    // u128 for the 16 bytes of alignment that the ABIs ask for; 16 KiB, of which the child uses a few hundred bytes. From
    // 64 KiB on, freeing it would make the C library tidy up its whole heap each time.
    let mut stack = vec![0_u128; 1024];
    let mut pidfd: RawFd = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let blocked = block_all_signals()
        .map_err(|error| SpawnError { stage: SpawnStage::Clone, errno: error.raw_os_error().unwrap_or_default() })?;
    // SAFETY: the stack is the child's alone, and outlives it in this memory, since CLONE_VFORK suspends this thread
    // until the child has executed its program or exited; `job` likewise. `child` makes system calls only, and leaves
    // by exec or _exit, never by unwinding.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        libc::clone(child, top, flags, (&raw mut job).cast(), &raw mut pidfd)
    };
    let errno = last();
    drop(blocked);
    if pid < 0 {
        return Err(SpawnError { stage: SpawnStage::Clone, errno });
    }
    // SAFETY: CLONE_PIDFD stored a new descriptor that nobody else knows.
    let pidfd = PidFd::from(unsafe { OwnedFd::from_raw_fd(pidfd) });
    // SAFETY: the child may have written it; a volatile read keeps the compiler from assuming otherwise.
    if let Some((stage, errno)) = unsafe { (&raw const job.failure).read_volatile() } {
        // SAFETY: waits for our own child, which has called _exit; no status is wanted.
        while unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) } < 0 && last() == libc::EINTR {}
        return Err(SpawnError { stage, errno });
    }
    Ok(Spawned { pid: Pid::new(pid), pidfd })
}

/// A list as execve(2) takes it.
pub(super) fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Cores as the kernel takes them.
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
        let stage = set_up_and_exec(job);
        (&raw mut job.failure).write_volatile(Some((stage, *libc::__errno_location())));
        libc::_exit(127)
    }
}

/// Returns only when a step has failed, with errno set.
///
/// # Safety
/// Runs in the child of a clone that shares memory: system calls only, no allocation, no lock, no unwinding.
unsafe fn set_up_and_exec(job: &Job<'_>) -> SpawnStage {
    let prepared = job.prepared;
    // SAFETY: numbers, and pointers into `prepared`, which lives in the suspended parent.
    unsafe {
        // All signals are blocked since before the clone, so no handler of the parent's can run here.
        // The raw call, since the C library keeps 32 and 33 for itself and leaves them ignored if they were.
        let default = [0_u64; 4];
        for signal in 1..=64 {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), 8_usize);
        }
        if prepared.new_session {
            if libc::setsid() < 0 {
                return SpawnStage::Session;
            }
        } else if let Some(group) = prepared.group
            && libc::setpgid(0, group) < 0
        {
            return SpawnStage::Group;
        }
        if let Some(signal) = prepared.death_signal {
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal.number()) < 0 {
                return SpawnStage::DeathSignal;
            }
            if libc::getppid() != job.parent {
                *libc::__errno_location() = libc::ESRCH;
                return SpawnStage::DeathSignal;
            }
        }
        if let Some(nice) = prepared.nice {
            // getpriority's -1 is also a niceness; a real failure shows in setpriority.
            let niceness = libc::getpriority(libc::PRIO_PROCESS, 0) + nice;
            if libc::setpriority(libc::PRIO_PROCESS, 0, niceness) < 0 {
                return SpawnStage::Nice;
            }
        }
        if let Some(umask) = prepared.umask {
            libc::umask(umask);
        }
        if let Some(cores) = &job.cores
            && libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), cores) < 0
        {
            return SpawnStage::Affinity;
        }
        if let Some(cgroup) = &prepared.cgroup
            && libc::write(cgroup.as_raw_fd(), c"0".as_ptr().cast(), 1) < 0
        {
            return SpawnStage::Cgroup;
        }
        if let Some(terminal) = &prepared.terminal
            && libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) < 0
        {
            return SpawnStage::Terminal;
        }
        if let Some(cwd) = &prepared.cwd
            && libc::chdir(cwd.as_ptr()) < 0
        {
            return SpawnStage::Cwd;
        }
        close_on_exec_from_3();
        for placement in &prepared.placements {
            if libc::dup2(placement.fd.as_raw_fd(), placement.number) < 0 {
                return SpawnStage::Descriptors;
            }
        }
        for fd in &prepared.keep {
            if libc::fcntl(*fd, libc::F_SETFD, 0) < 0 {
                return SpawnStage::Descriptors;
            }
        }
        // Last, since some of them would hold up the steps before.
        if set_limits(&prepared.limits) < 0 {
            return SpawnStage::Limit;
        }
        let mut mask = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(mask.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, mask.as_ptr(), std::ptr::null_mut());
        exec_first(&prepared.candidates, &job.argv, &job.env);
        SpawnStage::Exec
    }
}

/// Sets resource limits of this process; -1, with errno set, where one cannot be set.
///
/// # Safety
/// As for [`set_up_and_exec`].
pub(super) unsafe fn set_limits(limits: &[ResourceLimit]) -> libc::c_int {
    for limit in limits {
        let value = |limit: Option<u64>| limit.unwrap_or(libc::RLIM64_INFINITY);
        let pair = libc::rlimit64 { rlim_cur: value(limit.soft), rlim_max: value(limit.hard) };
        let number = libc::c_int::from(limit.resource.number());
        // SAFETY: the pair is there for the call, and no old one is asked for.
        if unsafe { libc::syscall(libc::SYS_prlimit64, 0, number, &raw const pair, std::ptr::null::<u64>()) } < 0 {
            return -1;
        }
    }
    0
}

/// Tries each file as execvp(3) does: one that is not there is passed over, one that may not be run is remembered.
///
/// # Safety
/// As for [`set_up_and_exec`]; `argv` and `env` end with a null pointer.
pub(super) unsafe fn exec_first(candidates: &[CString], argv: &[*const libc::c_char], env: &[*const libc::c_char]) {
    let mut denied = false;
    for candidate in candidates {
        let path: &CStr = candidate;
        // SAFETY: NUL-ended texts and null-ended lists.
        unsafe {
            libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr());
            match *libc::__errno_location() {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR => {}
                _ => return,
            }
        }
    }
    // SAFETY: this thread's errno.
    unsafe {
        if denied {
            *libc::__errno_location() = libc::EACCES;
        } else if candidates.is_empty() {
            *libc::__errno_location() = libc::ENOENT;
        }
    }
}

/// Marks every descriptor from 3 on close-on-exec; what the child is to have is unmarked afterwards.
///
/// # Safety
/// As for [`set_up_and_exec`].
unsafe fn close_on_exec_from_3() {
    // SAFETY: numbers only.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0 {
            return;
        }
        // Before Linux 5.11: one by one. Ours are marked anyway; this is for those that we were started with.
        for fd in 3..1024 {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}
