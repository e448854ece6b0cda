//! Why one thread waits, asked once in a wait: more than a sample of all threads can afford. Runs on the engine's thread for that; it reads
//! only, stops nobody, and never waits.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::futex::{FutexWait, Held};
use super::pipes::{End, users};
use super::proc::{Files, MonitorError, ProcDir, ProcessDir, Writes};
use super::syscall::Syscall;
use super::waits::{Call, EVENT, LOCK, TIMER, words_for_call};
use crate::model::{Pid, ProcessState, Signal, Tid};
use crate::sys::{link_of, own_pid, read_memory};

/// Looks at a lock whose owner is just changing.
const LOOKS: usize = 3;
/// The bit of glibc's signal 33, with which a thread has the others change their user, too.
const SETXID: u64 = 1 << 32;
/// Readers of pipes whose last looks are kept.
const MOST_READERS: usize = 1_024;

/// Why a thread waits. The words complete "it waits for …".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitReason {
    /// The thing: `a pipe to read`, `lock 0x55d0c0de8010`; empty where it is not known.
    pub words: String,
    /// Whether it waits for nothing but a time to pass.
    pub is_timer: bool,
    /// Whether it is stopped, and waits for a signal to continue.
    pub is_stopped: bool,
    /// The thread of its process that owns the lock, or whose end is awaited.
    pub held_by: Option<Tid>,
    /// The other end of the pipe, if a process has it that was named.
    pub other_end: Option<PipeEnd>,
    /// Those who can end the wait; `None` where that is not known, or where a time limit or a handler of signals can end it, too.
    pub wakers: Option<Wakers>,
}

/// Those who alone can end a wait, apart from a signal that stops, ends or interrupts its process (SIGINT).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wakers {
    /// They.
    pub kind: WakerKind,
    /// Whether the end of a child can, too: its process handles SIGCHLD.
    pub or_child: bool,
}

/// The kinds of those who can end a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WakerKind {
    /// Threads of its process, by releasing the lock. The owner was read.
    Owner,
    /// The thread whose end it waits for, by ending.
    End,
    /// The processes that have the other end of its pipe, by using or closing it.
    OtherEnd(PipeUsers),
    /// A child by its end: this one, or the first one.
    Child(Option<Pid>),
}

/// The processes that have the other end of a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipeUsers {
    /// All of them, as far as the processes that were named go.
    pub pids: Vec<Pid>,
    /// The number of this look.
    pub look: u64,
    /// The look at an earlier wait of the thread for the same pipe, and the only one of those that had the other end at one of the two looks
    /// that has written anything between them; provided that each that has ended meanwhile was waited on by another of them.
    pub wrote: Option<(u64, Pid)>,
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
    looks: u64,
    /// The last look at each thread that has waited for a pipe to read.
    readers: HashMap<(Pid, Tid), Reader>,
}

/// A look at a thread that waits for a pipe to read.
#[derive(Debug)]
struct Reader {
    look: u64,
    pipe: PathBuf,
    /// How often each process that had the other end had written.
    writes: HashMap<Pid, Writes>,
}

impl Reasons {
    /// Opens /proc.
    pub fn new() -> Result<Self, MonitorError> {
        Ok(Self { proc: ProcDir::open(Path::new("/proc"))?, looks: 0, readers: HashMap::new() })
    }

    /// Why this thread waits now; `None` if it does not wait, or has ended. `relatives` are the processes that may be at the other end of
    /// a pipe; itself among them, if they are all.
    pub fn ask(&mut self, pid: Pid, tid: Tid, relatives: &[Pid]) -> Option<WaitReason> {
        // Most waits are of these kinds, and of them there is no more to tell.
        if let Some(words @ (TIMER | EVENT)) = self.proc.words_by_function(pid, tid) {
            return Some(WaitReason { words: words.to_owned(), is_timer: words == TIMER, ..WaitReason::default() });
        }
        let mut process = self.proc.process(pid)?;
        let stat = self.proc.thread_stat(&process, tid)?;
        if stat.state == ProcessState::Stopped {
            let words = self.proc.waits_for(&mut process, Files::OfThread(tid), stat.state);
            return Some(WaitReason { words, is_stopped: true, ..WaitReason::default() });
        }
        if !matches!(stat.state, ProcessState::Sleeping | ProcessState::DiskSleep) {
            return None;
        }
        let files = Files::OfThread(tid);
        let call = self.proc.call_of(&process, files).ok().flatten();
        if let Some((call, wait)) = call.and_then(|call| Some((call, FutexWait::of(&call)?))) {
            let held = (0..LOOKS).find_map(|_| self.held(&process, pid, tid, call, wait));
            let kind = match held {
                Some(Held::Lock { owner, .. }) => Some(WakerKind::Owner).filter(|_| wait.is_only_its_processs() && owner != tid),
                Some(Held::End { .. }) => Some(WakerKind::End).filter(|_| !wait.has_timeout()),
                None => None,
            };
            let wakers = kind.and_then(|kind| self.wakers(&process, kind));
            return Some(WaitReason { wakers, ..self.lock(&process, pid, held) });
        }
        let words = self.proc.waits_for(&mut process, files, stat.state);
        if words == LOCK {
            return Some(self.lock(&process, pid, None));
        }
        let is_timer = words == TIMER;
        let wakers = call.and_then(child_of).map(|kind| Wakers { kind, or_child: false });
        let mut reason = WaitReason { words, is_timer, wakers, ..WaitReason::default() };
        if let Some(call) = call
            && let Some((pipe, end)) = words_for_call(call).and_then(|call| pipe_of(pid, tid, call))
        {
            reason.other_end = other_end(pid, &pipe, end, relatives);
            let users = self.pipe_users((pid, tid), pipe, end, relatives);
            // A thread that was woken meanwhile is in no call.
            let lasts = self.proc.call_of(&process, files) == Ok(Some(call));
            reason.wakers = users.filter(|_| lasts).and_then(|users| self.wakers(&process, WakerKind::OtherEnd(users)));
        }
        Some(reason)
    }

    /// They, if no handler of a signal can end the wait. Every Python handles SIGINT, which mostly ends the process; every program with threads
    /// has glibc's handler of a signal that only setuid(2) and its like send.
    fn wakers(&mut self, process: &ProcessDir, kind: WakerKind) -> Option<Wakers> {
        let bit = |signal: Signal| 1_u64 << (signal.number() - 1);
        let handled = self.proc.handled_signals(process)?;
        let is_safe = handled & !(bit(Signal::INT) | bit(Signal::CHLD) | SETXID) == 0;
        is_safe.then_some(Wakers { kind, or_child: handled & bit(Signal::CHLD) != 0 })
    }

    /// The processes that have the other end of a pipe, if all that may are named.
    fn pipe_users(&mut self, thread: (Pid, Tid), pipe: PathBuf, end: End, relatives: &[Pid]) -> Option<PipeUsers> {
        self.looks += 1;
        let look = self.looks;
        let before = self.readers.remove(&thread);
        if !relatives.contains(&thread.0) {
            return None;
        }
        let pids = users(&pipe, end, relatives)?;
        if end == End::Reading {
            return Some(PipeUsers { pids, look, wrote: None });
        }
        let mut wrote = None;
        let mut count = |pid: &Pid| self.proc.writes_of(*pid).map(|writes| Some((*pid, writes?)));
        if let Ok(writes) = pids.iter().filter_map(|pid| count(pid).transpose()).collect::<Result<HashMap<_, _>, _>>() {
            wrote = before
                .filter(|before| before.pipe == pipe)
                .and_then(|before| Some((before.look, only_writer(&before.writes, &writes)?)));
            if self.readers.len() >= MOST_READERS {
                self.readers.clear();
            }
            self.readers.insert(thread, Reader { look, pipe, writes });
        }
        Some(PipeUsers { pids, look, wrote })
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

/// The child that a thread in this call waits for, or any; `None` if it waits for none, or for one of some.
fn child_of(call: Syscall) -> Option<WakerKind> {
    const ANY: i32 = -1;
    // The registers' upper halves may be anything.
    let [first, second] = [call.arguments[0] as i32, call.arguments[1] as i32];
    let child = match (call.number, first) {
        (libc::SYS_wait4, ANY) => None,
        (libc::SYS_wait4, pid) if pid > 0 => Some(pid),
        (libc::SYS_waitid, kind) if kind.cast_unsigned() == libc::P_ALL => None,
        (libc::SYS_waitid, kind) if kind.cast_unsigned() == libc::P_PID => Some(second),
        _ => return None,
    };
    Some(WakerKind::Child(child.map(Pid::new)))
}

/// The pipe that a thread in this call waits for, and the end that others have.
fn pipe_of(pid: Pid, tid: Tid, call: Call) -> Option<(PathBuf, End)> {
    let (descriptor, end) = match call {
        Call::ReadsFrom(descriptor) => (descriptor, End::Writing),
        Call::WritesTo(descriptor) => (descriptor, End::Reading),
        Call::For(_) => return None,
    };
    let target = link_of(pid, &format!("task/{tid}/fd/{descriptor}"))?;
    target.to_string_lossy().starts_with("pipe:").then_some((target, end))
}

/// The process that has the other end of the pipe as its standard output, or input.
fn other_end(pid: Pid, pipe: &Path, end: End, relatives: &[Pid]) -> Option<PipeEnd> {
    let (other, is): (&str, fn(Pid) -> PipeEnd) = match end {
        End::Writing => ("fd/1", PipeEnd::From),
        End::Reading => ("fd/0", PipeEnd::To),
    };
    relatives.iter().copied().find(|relative| *relative != pid && link_of(*relative, other).as_deref() == Some(pipe)).map(is)
}

/// The only process that has written between two counts of all that can: its own calls are all that were added. Those of a process that has
/// ended are among those of the one that has waited on it.
fn only_writer(before: &HashMap<Pid, Writes>, now: &HashMap<Pid, Writes>) -> Option<Pid> {
    let sum = |all: &HashMap<Pid, Writes>| all.values().map(|writes| u128::from(writes.all)).sum::<u128>();
    let added = sum(now).checked_sub(sum(before)).filter(|added| *added > 0)?;
    let own = |pid: &Pid| now.get(pid)?.own.checked_sub(before.get(pid).map_or(0, |before| before.own));
    now.keys().copied().find(|pid| own(pid).is_some_and(|own| u128::from(own) == added))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::sys::own_pid;

    fn counts<const N: usize>(all: [(i32, u64, u64); N]) -> HashMap<Pid, Writes> {
        all.into_iter().map(|(pid, own, all)| (Pid::new(pid), Writes { own, all })).collect()
    }

    /// A shell (10) whose children (11, 12 …) write or not; somebody else (20).
    #[test]
    fn the_only_writer_is_the_one_whose_own_calls_are_all_that_were_added() {
        let before = counts([(10, 3, 5), (11, 0, 0), (20, 7, 7)]);
        for (what, now, writer) in [
            ("the shell, and its child ended", counts([(10, 4, 6), (12, 0, 0), (20, 7, 7)]), Some(10)),
            ("the child, which ended", counts([(10, 3, 6), (12, 0, 0), (20, 7, 7)]), None),
            ("both", counts([(10, 4, 7), (12, 0, 0), (20, 7, 7)]), None),
            ("a new child", counts([(10, 3, 5), (11, 0, 0), (12, 1, 1), (20, 7, 7)]), Some(12)),
            ("the shell and somebody else", counts([(10, 4, 6), (11, 0, 0), (20, 8, 8)]), None),
            ("another thread of somebody else", counts([(10, 3, 5), (11, 0, 0), (20, 7, 8)]), None),
            ("nobody", counts([(10, 3, 5), (11, 0, 0), (20, 7, 7)]), None),
            ("somebody has gone, unseen", counts([(10, 4, 6), (11, 0, 0)]), None),
        ] {
            assert_eq!(only_writer(&before, &now), writer.map(Pid::new), "{what}");
        }
    }

    #[test]
    fn the_child_that_is_waited_for_is_among_the_arguments() {
        let child = |number, first: i64, second| {
            child_of(Syscall { number, arguments: [first.cast_unsigned(), second, 0, 0, 0, 0], stack: 0 })
        };
        let it = Some(WakerKind::Child(Some(Pid::new(4711))));
        assert_eq!([child(libc::SYS_wait4, 4711, 0), child(libc::SYS_waitid, 1, 4711)], [it.clone(), it]);
        for any in [child(libc::SYS_wait4, -1, 0), child(libc::SYS_wait4, 0xffff_ffff, 0), child(libc::SYS_waitid, 0, 0)] {
            assert_eq!(any, Some(WakerKind::Child(None)));
        }
        assert_eq!(
            [child(libc::SYS_wait4, 0, 0), child(libc::SYS_wait4, -4711, 0), child(libc::SYS_read, 4711, 0)],
            [const { None }; 3]
        );
        assert_eq!([child(libc::SYS_waitid, 2, 4711), child(libc::SYS_waitid, 3, 5)], [const { None }; 2], "a group, a pidfd");
    }

    #[test]
    fn a_reader_of_a_pipe_is_told_with_the_processes_that_have_the_other_end() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
        let (me, other) = (own_pid(), Pid::new(cat.id().cast_signed()));
        let tid = Tid::new(other.number());
        let mut reasons = Reasons::new().expect("/proc");
        let users = |reasons: &mut Reasons, relatives: &[Pid]| {
            let end = Instant::now() + Duration::from_mins(1);
            loop {
                let reason = reasons.ask(other, tid, relatives).filter(|reason| reason.words == "a pipe to read");
                if reason.is_some() || Instant::now() > end {
                    break reason.expect("it waits").wakers.map(|wakers| wakers.kind);
                }
            }
        };
        let Some(WakerKind::OtherEnd(first)) = users(&mut reasons, &[me, other]) else { panic!("its writer is known") };
        assert_eq!((&*first.pids, first.wrote), (&[me][..], None));
        assert_eq!(users(&mut reasons, &[me]), None, "not all are named");
        let mut input = cat.stdin.take().expect("piped");
        input.write_all(b"x").expect("read");
        let mut byte = [0];
        cat.stdout.as_mut().expect("piped").read_exact(&mut byte).expect("a byte");
        drop(input);
        assert!(cat.wait().expect("ours").success());
        assert_eq!(reasons.ask(other, tid, &[me, other]), None, "it has ended");
    }
}
