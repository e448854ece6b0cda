//! Facts from /proc on a body's own children. Any thread; never waits.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use procfs::process::Process;

use crate::model::{Pid, ProcessState};
use crate::sys::queued_bytes;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) state: ProcessState,
    pub(crate) parent: Pid,
    /// Resident memory.
    pub(crate) memory_kib: u64,
}

/// What /proc/PID/stat says; `None` if there is no such process.
pub(crate) fn look_at(pid: Pid) -> Option<Seen> {
    let stat = Process::new(pid.number()).and_then(|process| process.stat()).ok()?;
    Some(Seen {
        state: u8::try_from(stat.state).map_or(ProcessState::Unknown(0), ProcessState::from_letter),
        parent: Pid::new(stat.ppid),
        memory_kib: stat.rss * procfs::page_size() / 1024,
    })
}

/// Bytes that a process has read and written so far, in all (proc(5), `/proc/PID/io`); `None` once it has ended, and on
/// kernels without that accounting.
pub(crate) fn bytes_moved(pid: Pid) -> Option<(u64, u64)> {
    let io = Process::new(pid.number()).and_then(|process| process.io()).ok()?;
    Some((io.rchar, io.wchar))
}

/// Bytes that wait in the pipe which is a process's standard output. The pipe is opened as one more writer for a moment,
/// since one more reader would keep SIGPIPE away; `O_NONBLOCK` because opening waits where there is no reader.
pub(crate) fn bytes_waiting(pid: Pid) -> Option<u64> {
    let path = format!("/proc/{pid}/fd/1");
    let pipe = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    Some(queued_bytes(&pipe).ok()? as u64)
}

/// How many threads the kernel counts in a process, a PID or `self`; 0 if it has ended.
pub(crate) fn threads_of(pid: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let find = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim_ascii).unwrap_or_default();
    if find("State:").starts_with('Z') { 0 } else { find("Threads:").parse().unwrap_or(0) }
}

/// Whether the kernel has this thread of this process.
pub(crate) fn thread_exists(tid: i32) -> bool {
    Path::new(&format!("/proc/self/task/{tid}")).exists()
}

/// The name of a thread of this process in the kernel, at most 15 bytes.
pub(crate) fn thread_name(tid: i32) -> String {
    let name = fs::read(format!("/proc/self/task/{tid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned()
}

/// Where a link of `/proc/PID` points, such as `exe`, `cwd` or `fd/1`.
pub(crate) fn link(pid: Pid, name: &str) -> Option<String> {
    Some(std::fs::read_link(format!("/proc/{pid}/{name}")).ok()?.to_string_lossy().into_owned())
}

/// What a file of `/proc/PID` holds, such as `cmdline` or `environ`: texts that end with NUL.
pub(crate) fn texts(pid: Pid, name: &str) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let texts = bytes.split(|byte| *byte == 0).filter(|text| !text.is_empty());
    texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// The name that the kernel has for a process.
pub(crate) fn name_of(pid: Pid) -> Option<String> {
    Some(Process::new(pid.number()).and_then(|process| process.stat()).ok()?.comm)
}

/// The children of a process.
pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
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

    #[test]
    fn a_thread_is_counted_and_has_its_name_while_it_lives() {
        let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
        let other = std::thread::Builder::new().name("a thread's own name".to_owned());
        let (told, tid) = std::sync::mpsc::sync_channel(1);
        let other = other.spawn(move || {
            told.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("heard");
            held.recv()
        });
        let tid = tid.recv().expect("it runs");
        assert!(threads_of("self") >= 2 && thread_exists(tid));
        assert_eq!(thread_name(tid), "a thread's own ");
        drop(release);
        other.expect("a thread").join().expect("no panic").expect_err("nothing was sent");
        assert!(!thread_exists(i32::MAX) && threads_of("no process") == 0);
    }
}
