//! Reading all of /proc once a second at little cost: one directory handle and one buffer, files that stay open. The lines are read by
//! `sys::proc`. Runs on the monitor's thread; nothing here waits. A process that has vanished (ENOENT, ESRCH, an empty file) or is
//! hidden (hidepid) is `None`, not an error.

use std::fmt::Write as _;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, RawDir, SeekFrom, openat, readlinkat, seek};
use rustix::io::Errno;

use super::syscall::{Syscall, parse_syscall};
use super::waits::{Call, HIDDEN, words_for_call, words_for_function, words_for_reading, words_for_restart, words_for_writing};
use crate::model::{ExitStatus, Pid, ProcessState, Tid};
use crate::sys::{Stat, parse_stat, signal_mask};

/// Why the machine cannot be observed.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// No process information at all.
    #[error("could not open {path}: {errno}; it must be mounted (mount -t proc proc /proc)")]
    NoProc {
        /// Its place.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
}

/// The longest line of a stat file has 52 numbers of at most 20 digits and a name of 64 bytes.
const LINE: usize = 2048;

/// An open /proc, or a directory that looks like it.
#[derive(Debug)]
pub(super) struct ProcDir {
    dir: OwnedFd,
    line: Box<[u8; LINE]>,
    path: String,
    entries: Box<[MaybeUninit<u8>]>,
}

/// The directory of one process, with its files that are read in every sample, open from the first time on. It stays bound to that
/// process: once it is gone, reads fail, even if its number is in use again.
#[derive(Debug)]
pub(super) struct ProcessDir {
    dir: OwnedFd,
    stat: Option<OwnedFd>,
    wchan: Option<OwnedFd>,
}

impl ProcessDir {
    /// Descriptors that one of these holds at most.
    pub(super) const DESCRIPTORS: u64 = 3;

    /// How a process that has ended did so; `None` where that is not ours to see.
    pub(super) fn status(&self, stat: &Stat) -> Option<ExitStatus> {
        // The kernel shows the code to the same as this link, which gives another error when there is nothing behind it any more.
        let is_hidden = || readlinkat(&self.dir, "ns/pid", Vec::new()).is_err_and(|errno| errno == Errno::ACCESS);
        (stat.has_ended() && (stat.exit_code != 0 || !is_hidden())).then(|| stat.exit_status())
    }
}

/// How often a process has written, to anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writes {
    /// Its first thread.
    pub(super) own: u64,
    /// All its threads, and the children that it has waited on.
    pub(super) all: u64,
}

/// The files that tell of a thread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Files {
    /// Those of the process, whose only thread it is.
    OfProcess,
    /// Its own, below `task`.
    OfThread(Tid),
}

impl ProcDir {
    pub(super) fn open(path: &Path) -> Result<Self, MonitorError> {
        let dir = open_dir(rustix::fs::CWD, path).map_err(|errno| MonitorError::NoProc { path: path.to_owned(), errno })?;
        let entries = vec![MaybeUninit::uninit(); 32 * 1024].into_boxed_slice();
        Ok(Self { dir, line: Box::new([0; LINE]), path: String::with_capacity(48), entries })
    }

    /// Calls `each` with the number and the inode of every process that can be seen.
    pub(super) fn list(&mut self, mut each: impl FnMut(Pid, u64)) {
        if seek(&self.dir, SeekFrom::Start(0)).is_ok() {
            list_numbers(&self.dir, &mut self.entries, |pid, inode| each(Pid::new(pid), inode));
        }
    }

    /// The stat line of a process, by its number.
    pub(super) fn stat(&mut self, pid: Pid) -> Option<Stat> {
        format(&mut self.path, format_args!("{pid}/stat"));
        parse_stat(read(&self.dir, &self.path, &mut self.line[..])?).filter(|stat| stat.id == pid.number())
    }

    /// The directory of a process.
    pub(super) fn process(&mut self, pid: Pid) -> Option<ProcessDir> {
        format(&mut self.path, format_args!("{pid}"));
        let dir = openat(&self.dir, &self.path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        Some(ProcessDir { dir, stat: None, wchan: None })
    }

    /// The stat line of the process that `process` is bound to.
    pub(super) fn stat_of(&mut self, process: &mut ProcessDir) -> Option<Stat> {
        parse_stat(read_kept(&process.dir, &mut process.stat, "stat", &mut self.line[..])?)
    }

    /// The numbers of its threads.
    pub(super) fn threads_of(&mut self, process: &ProcessDir, tids: &mut Vec<Tid>) {
        tids.clear();
        if let Ok(dir) = open_dir(&process.dir, "task") {
            list_numbers(&dir, &mut self.entries, |tid, _| tids.push(Tid::new(tid)));
        }
    }

    /// The stat line of one of its threads.
    pub(super) fn thread_stat(&mut self, process: &ProcessDir, tid: Tid) -> Option<Stat> {
        format(&mut self.path, format_args!("task/{tid}/stat"));
        parse_stat(read(&process.dir, &self.path, &mut self.line[..])?).filter(|stat| stat.id == tid.number())
    }

    /// The thing that one of its threads waits for, in words; empty when it runs, or when the kernel does not tell.
    pub(super) fn waits_for(&mut self, process: &mut ProcessDir, files: Files, state: ProcessState) -> String {
        match state {
            ProcessState::Stopped => return "a signal to continue".to_owned(),
            ProcessState::TracingStop => return "the debugger".to_owned(),
            ProcessState::Sleeping | ProcessState::DiskSleep => {}
            _ => return String::new(),
        }
        let function = match files {
            Files::OfProcess => read_kept(&process.dir, &mut process.wchan, "wchan", &mut self.line[..]),
            Files::OfThread(_) => {
                self.thread_path(files, format_args!("wchan"));
                read(&process.dir, &self.path, &mut self.line[..])
            }
        };
        // "0" means that it runs just now, or that the kernel does not tell.
        let function = function.and_then(|bytes| std::str::from_utf8(bytes).ok()).map_or("", str::trim).trim_start_matches('0');
        if let Some(words) = words_for_function(function) {
            return words.to_owned();
        }
        let function = function.to_owned();
        let call = self.call_of(process, files);
        if let Ok(Some(call)) = call {
            if call.number == libc::SYS_restart_syscall {
                return words_for_restart(&function).to_owned();
            }
            if let Some(words) = self.words_for_call_of(process, files, call) {
                return words.to_owned();
            }
        }
        // The name of a function of the kernel would tell nobody anything.
        match (function.is_empty(), state, call) {
            (_, ProcessState::DiskSleep, _) => "the kernel (cannot be interrupted)".to_owned(),
            (true, _, Err(Errno::ACCESS | Errno::PERM)) => HIDDEN.to_owned(),
            _ => String::new(),
        }
    }

    /// The thing that a thread waits for, in words, by the kernel's function alone: one read, which often tells all.
    pub(super) fn words_by_function(&mut self, pid: Pid, tid: Tid) -> Option<&'static str> {
        format(&mut self.path, format_args!("{pid}/task/{tid}/wchan"));
        words_for_function(std::str::from_utf8(read(&self.dir, &self.path, &mut self.line[..])?).ok()?.trim())
    }

    /// The system call that one of its threads is in; `None` if it is in none. EACCES and EPERM: it runs as another user, its memory is
    /// nobody's to see (a set-uid program), or the kernel's Yama module keeps it from us.
    pub(super) fn call_of(&mut self, process: &ProcessDir, files: Files) -> Result<Option<Syscall>, Errno> {
        self.thread_path(files, format_args!("syscall"));
        Ok(parse_syscall(try_read(&process.dir, &self.path, &mut self.line[..])?))
    }

    /// The signals that it has handlers for, as a mask; `None` where that is not known.
    pub(super) fn handled_signals(&mut self, process: &ProcessDir) -> Option<u64> {
        // The line may be longer than what is read, but the masks stand before that.
        let status = try_read(&process.dir, "status", &mut self.line[..]).ok()?;
        status.windows(8).any(|part| part == b"\nSigCgt:").then(|| signal_mask(status, "SigCgt"))
    }

    /// How often its first thread has written; and how often all its threads have, with the children that it has waited on. `None` where
    /// it has ended. EAGAIN: it writes just now.
    pub(super) fn writes_of(&mut self, pid: Pid) -> Result<Option<Writes>, Errno> {
        let mut count = |file: &str| {
            format(&mut self.path, format_args!("{pid}/{file}"));
            match try_read(&self.dir, &self.path, &mut self.line[..]) {
                Ok(io) => parse_writes(io).map(Some).ok_or(Errno::NOTSUP),
                Err(Errno::NOENT | Errno::SRCH) => Ok(None),
                Err(errno) => Err(errno),
            }
        };
        let of_first = format!("task/{pid}/io");
        match (count(&of_first)?, count("io")?, count(&of_first)?) {
            (Some(own), Some(all), Some(again)) if own == again => Ok(Some(Writes { own, all })),
            (Some(_), Some(_), Some(_)) => Err(Errno::AGAIN),
            _ => Ok(None),
        }
    }

    /// Whether it has this thread, and that has not ended.
    pub(super) fn has_thread(&mut self, process: &ProcessDir, tid: Tid) -> bool {
        self.thread_stat(process, tid).is_some_and(|stat| !matches!(stat.state, ProcessState::Zombie | ProcessState::Dead))
    }

    fn words_for_call_of(&mut self, process: &ProcessDir, files: Files, call: Syscall) -> Option<&'static str> {
        let (descriptor, words): (u64, fn(&[u8]) -> &'static str) = match words_for_call(call)? {
            Call::For(words) => return Some(words),
            Call::ReadsFrom(descriptor) => (descriptor, words_for_reading),
            Call::WritesTo(descriptor) => (descriptor, words_for_writing),
        };
        // A thread's descriptors may be its own (unshare(CLONE_FILES)), so they are read from its own folder.
        self.thread_path(files, format_args!("fd/{descriptor}"));
        let target = readlinkat(&process.dir, &self.path, Vec::new()).map(std::ffi::CString::into_bytes).unwrap_or_default();
        Some(words(&target))
    }

    fn thread_path(&mut self, files: Files, file: std::fmt::Arguments<'_>) {
        match files {
            Files::OfProcess => format(&mut self.path, file),
            Files::OfThread(tid) => format(&mut self.path, format_args!("task/{tid}/{file}")),
        }
    }
}

/// The number of calls that write, in /proc/PID/io.
fn parse_writes(io: &[u8]) -> Option<u64> {
    let line = io.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"syscw: "))?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

fn open_dir<P: rustix::path::Arg>(at: impl AsFd, path: P) -> rustix::io::Result<OwnedFd> {
    openat(at, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn format(path: &mut String, arguments: std::fmt::Arguments<'_>) {
    path.clear();
    // Writing to a String cannot fail.
    let _ = path.write_fmt(arguments);
}

/// Reads a small file by a single `read`, which the kernel answers in full or not at all.
fn read<'b>(at: impl AsFd, path: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    // A full buffer may lack the end of the line.
    try_read(at, path, buffer).ok().filter(|bytes| !bytes.is_empty() && bytes.len() < LINE)
}

fn try_read<'b>(at: impl AsFd, path: &str, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let file = openat(at, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let length = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *buffer))?;
    Ok(&buffer[..length])
}

/// Reads a file of /proc anew through `kept`, which is opened at first. A read from the start makes the kernel fill it again.
fn read_kept<'b>(at: impl AsFd, kept: &mut Option<OwnedFd>, path: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    if kept.is_none() {
        *kept = openat(at, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
    }
    let file = kept.as_ref()?;
    let length = rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *buffer, 0)).ok()?;
    (length > 0 && length < buffer.len()).then(|| &buffer[..length])
}

fn list_numbers(dir: impl AsFd, entries: &mut [MaybeUninit<u8>], mut each: impl FnMut(i32, u64)) {
    let mut listing = RawDir::new(dir, entries);
    while let Some(Ok(entry)) = listing.next() {
        let name = entry.file_name().to_bytes();
        if name.first().is_some_and(u8::is_ascii_digit)
            && let Some(number) = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok())
        {
            each(number, entry.ino());
        }
    }
}
