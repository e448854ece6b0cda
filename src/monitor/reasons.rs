//! Why one thread waits, asked once in a wait: more than a sample of all threads can afford. Runs on the engine's thread for that; it reads
//! only, stops nobody, and never waits.

use std::path::Path;

use super::futex::{FutexWait, Held};
use super::proc::{Files, MonitorError, ProcDir, ProcessDir};
use super::syscall::Syscall;
use super::waits::{Call, LOCK, TIMER, words_for_call};
use crate::model::{Pid, ProcessState, Tid};
use crate::sys::{link_of, own_pid, read_memory};

/// Looks at a lock whose owner is just changing.
const LOOKS: usize = 3;

/// Why a thread waits. The words complete "it waits for …".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitReason {
    /// The thing: `a pipe to read`, `lock 0x55d0c0de8010`; empty where it is not known.
    pub words: String,
    /// Whether it waits for nothing but a time to pass.
    pub is_timer: bool,
    /// The thread of its process that owns the lock, or whose end is awaited.
    pub held_by: Option<Tid>,
    /// The other end of the pipe, if a process has it that was named.
    pub other_end: Option<PipeEnd>,
}

impl WaitReason {
    /// The words for a lock that has no owner in its memory, or for something else that is no lock.
    pub const UNKNOWN_LOCK: &str = "a lock (owner unknown)";

    /// Whether it has an owner, or may come to have one.
    pub fn is_lock(&self) -> bool {
        self.held_by.is_some() || self.words == Self::UNKNOWN_LOCK
    }
}

/// The process at the other end of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeEnd {
    /// It writes.
    From(Pid),
    /// It reads.
    To(Pid),
}

impl PipeEnd {
    /// The process.
    pub const fn pid(self) -> Pid {
        match self {
            Self::From(pid) | Self::To(pid) => pid,
        }
    }
}

/// An open /proc, for questions about single threads.
#[derive(Debug)]
pub struct Reasons {
    proc: ProcDir,
}

impl Reasons {
    /// Opens /proc.
    pub fn new() -> Result<Self, MonitorError> {
        Ok(Self { proc: ProcDir::open(Path::new("/proc"))? })
    }

    /// Why this thread waits now; `None` if it does not wait, or has ended. `relatives` are the processes that may be at the other end of
    /// a pipe.
    pub fn ask(&mut self, pid: Pid, tid: Tid, relatives: &[Pid]) -> Option<WaitReason> {
        let mut process = self.proc.process(pid)?;
        let stat = self.proc.thread_stat(&process, tid)?;
        if !matches!(stat.state, ProcessState::Sleeping | ProcessState::DiskSleep) {
            return None;
        }
        let files = Files::OfThread(tid);
        let call = self.proc.call_of(&process, files).ok().flatten();
        if let Some((call, wait)) = call.and_then(|call| Some((call, FutexWait::of(&call)?))) {
            let held = (0..LOOKS).find_map(|_| self.held(&process, pid, tid, call, wait));
            return Some(self.lock(&process, pid, held));
        }
        let words = self.proc.waits_for(&mut process, files, stat.state);
        if words == LOCK {
            return Some(self.lock(&process, pid, None));
        }
        let other_end = call.and_then(words_for_call).and_then(|call| other_end(pid, tid, call, relatives));
        Some(WaitReason { is_timer: words == TIMER, words, held_by: None, other_end })
    }

    /// The thread that another one in futex(2) waits for, if it is the same wait before and after the look.
    fn held(&mut self, process: &ProcessDir, pid: Pid, tid: Tid, call: Syscall, wait: FutexWait) -> Option<Held> {
        // In a namespace of its own a process knows its threads by other numbers.
        if link_of(pid, "ns/pid")? != link_of(own_pid(), "ns/pid")? {
            return None;
        }
        let threads = self.proc.stat(pid)?.threads;
        let word = |address: u64| {
            let mut bytes = [0; 4];
            read_memory(pid, address, &mut bytes).ok()?;
            Some(u32::from_ne_bytes(bytes))
        };
        let held = wait.held(tid, threads, word, |tid| self.proc.has_thread(process, tid))?;
        (self.proc.call_of(process, Files::OfThread(tid)) == Ok(Some(call))).then_some(held)
    }

    fn lock(&mut self, process: &ProcessDir, pid: Pid, held: Option<Held>) -> WaitReason {
        let (words, held_by) = match held {
            Some(Held::Lock { address, owner }) => (format!("lock {address:#x}"), Some(owner)),
            Some(Held::End { of }) => {
                let mut name = |tid| self.proc.thread_stat(process, tid).map(|stat| stat.name());
                // A thread without a name of its own has its process's.
                let of_process = name(Tid::new(pid.number()));
                let name = name(of).filter(|name| Some(name) != of_process.as_ref());
                (format!("the end of {}", name.unwrap_or_else(|| format!("thread {of}"))), Some(of))
            }
            None => (WaitReason::UNKNOWN_LOCK.to_owned(), None),
        };
        WaitReason { words, held_by, ..WaitReason::default() }
    }
}

/// The process that has the other end of the pipe as its standard output, or input.
fn other_end(pid: Pid, tid: Tid, call: Call, relatives: &[Pid]) -> Option<PipeEnd> {
    let (descriptor, other, end): (u64, &str, fn(Pid) -> PipeEnd) = match call {
        Call::ReadsFrom(descriptor) => (descriptor, "fd/1", PipeEnd::From),
        Call::WritesTo(descriptor) => (descriptor, "fd/0", PipeEnd::To),
        Call::For(_) => return None,
    };
    let pipe =
        link_of(pid, &format!("task/{tid}/fd/{descriptor}")).filter(|target| target.to_string_lossy().starts_with("pipe:"))?;
    relatives.iter().copied().find(|relative| *relative != pid && link_of(*relative, other).as_ref() == Some(&pipe)).map(end)
}
