//! What /proc says of a body's own children. Any thread; never waits.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

use procfs::process::Process;

use crate::model::{Pid, ProcessState};
use crate::sys::queued_bytes;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) state: ProcessState,
    pub(super) parent: Pid,
    /// Resident memory.
    pub(super) memory_kib: u64,
}

/// What /proc/PID/stat says; `None` if there is no such process.
pub(super) fn look_at(pid: Pid) -> Option<Seen> {
    let stat = Process::new(pid.number()).and_then(|process| process.stat()).ok()?;
    Some(Seen {
        state: u8::try_from(stat.state).map_or(ProcessState::Unknown(0), ProcessState::from_letter),
        parent: Pid::new(stat.ppid),
        memory_kib: stat.rss * procfs::page_size() / 1024,
    })
}

/// Bytes that a process has read and written so far, in all (proc(5), `/proc/PID/io`); `None` once it has ended, and on
/// kernels without that accounting.
pub(super) fn bytes_moved(pid: Pid) -> Option<(u64, u64)> {
    let io = Process::new(pid.number()).and_then(|process| process.io()).ok()?;
    Some((io.rchar, io.wchar))
}

/// Bytes that wait in the pipe which is a process's standard output. The pipe is opened as one more writer for a moment,
/// since one more reader would keep SIGPIPE away; `O_NONBLOCK` because opening waits where there is no reader.
pub(super) fn bytes_waiting(pid: Pid) -> Option<u64> {
    let path = format!("/proc/{pid}/fd/1");
    let pipe = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    Some(queued_bytes(&pipe).ok()? as u64)
}

/// Where a link of `/proc/PID` points, such as `exe`, `cwd` or `fd/1`.
pub(super) fn link(pid: Pid, name: &str) -> Option<String> {
    Some(std::fs::read_link(format!("/proc/{pid}/{name}")).ok()?.to_string_lossy().into_owned())
}

/// What a file of `/proc/PID` holds, such as `cmdline` or `environ`: texts that end with NUL.
pub(super) fn texts(pid: Pid, name: &str) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let texts = bytes.split(|byte| *byte == 0).filter(|text| !text.is_empty());
    texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// The name that the kernel has for a process.
pub(super) fn name_of(pid: Pid) -> Option<String> {
    Some(Process::new(pid.number()).and_then(|process| process.stat()).ok()?.comm)
}

/// The children of a process.
pub(super) fn children_of(parent: Pid) -> Vec<Pid> {
    let all = procfs::process::all_processes().into_iter().flatten().flatten();
    let stats = all.filter_map(|process| process.stat().ok());
    stats.filter(|stat| stat.ppid == parent.number()).map(|stat| Pid::new(stat.pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_has_a_parent_and_memory() {
        let pid = Pid::new(std::process::id().cast_signed());
        let seen = look_at(pid).expect("this process");
        assert_eq!(seen.parent.number(), std::os::unix::process::parent_id().cast_signed());
        assert!(seen.memory_kib > 100 && seen.state != ProcessState::Zombie, "{seen:?}");
        assert_eq!(look_at(Pid::new(i32::MAX)), None);
        assert!(children_of(seen.parent).contains(&pid) && name_of(pid).is_some());
        assert_eq!(link(pid, "exe").map(Into::into), std::env::current_exe().ok());
        assert_eq!(texts(pid, "cmdline"), std::env::args().collect::<Vec<_>>());
        assert_eq!((link(pid, "no"), texts(pid, "no")), (None, Vec::new()));
    }
}
