//! Facts from /proc on a body's own processes and threads: what `sys` parses, and the files that lessons alone look at. Any thread; never
//! waits.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::model::{Pid, ProcessState, Tid};
pub(crate) use crate::sys::{Stat, link_of, own_thread_stat, stat_of, texts};
use crate::sys::{all_pids, foreign_proc, queued_bytes};

/// Where a link of `/proc/PID` points, as text; empty where there is no such link.
pub(crate) fn target_of(pid: Pid, link: &str) -> String {
    link_of(pid, link).map_or_else(String::new, |target| target.to_string_lossy().into_owned())
}

/// The numbers of a process's open descriptors, in order.
pub(crate) fn descriptors_of(pid: Pid) -> Vec<u32> {
    let listed = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The living children of a process, oldest first. None where /proc is another PID namespace's: they would be others' children.
pub(crate) fn children_of(pid: Pid) -> Vec<Stat> {
    if foreign_proc().is_some() {
        return Vec::new();
    }
    let all = all_pids().unwrap_or_default();
    let mut children: Vec<Stat> = all.into_iter().filter_map(stat_of).filter(|stat| stat.ppid == pid).collect();
    children.retain(|stat| stat.state != ProcessState::Zombie);
    children.sort_by_key(|stat| (stat.start_ticks, stat.id));
    children
}

/// Bytes that a process has read and written so far, in all (proc(5), `/proc/PID/io`); `None` once it has ended, and on
/// kernels without that accounting.
pub(crate) fn bytes_moved(pid: Pid) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let bytes = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Some((bytes("rchar:")?, bytes("wchar:")?))
}

/// Bytes that wait in the pipe which is a process's standard output. The pipe is opened as one more writer for a moment,
/// since one more reader would keep SIGPIPE away; `O_NONBLOCK` because opening waits where there is no reader.
pub(crate) fn bytes_waiting(pid: Pid) -> Option<u64> {
    let path = format!("/proc/{pid}/fd/1");
    let pipe = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    Some(queued_bytes(&pipe).ok()? as u64)
}

/// How many threads the kernel counts in a process; 0 if it has ended.
pub(crate) fn threads_of(pid: Pid) -> usize {
    stat_of(pid).filter(|stat| stat.state != ProcessState::Zombie).map_or(0, |stat| stat.threads as usize)
}

/// How many threads the kernel counts in this process.
pub(crate) fn own_threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Whether the kernel has this thread of this process.
pub(crate) fn thread_exists(tid: Tid) -> bool {
    Path::new(&format!("/proc/self/task/{tid}")).exists()
}

/// The name of a thread of this process in the kernel, at most 15 bytes.
pub(crate) fn thread_name(tid: Tid) -> String {
    own_thread_stat(tid).map_or_else(String::new, |stat| stat.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::own_pid;

    #[test]
    fn this_process_runs_has_a_parent_memory_and_a_program() {
        let pid = own_pid();
        let stat = stat_of(pid).expect("this process");
        assert!(stat.rss > 100_000 && stat.state != ProcessState::Zombie, "{stat:?}");
        assert_eq!(stat_of(Pid::new(i32::MAX)), None);
        assert!(children_of(stat.ppid).iter().any(|child| child.id == pid.number()));
        assert!(children_of(Pid::new(i32::MAX)).is_empty());
        assert_eq!(link_of(pid, "exe"), std::env::current_exe().ok());
        assert_eq!((link_of(pid, "no"), target_of(pid, "no"), texts(pid, "no")), (None, String::new(), Vec::new()));
        assert!(bytes_moved(pid).is_none_or(|(read, _)| read > 0));
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
        let tid = Tid::new(tid.recv().expect("it runs"));
        assert!(own_threads() >= 2 && threads_of(own_pid()) >= 2 && thread_exists(tid));
        assert_eq!(thread_name(tid), "a thread's own ");
        drop(release);
        other.expect("a thread").join().expect("no panic").expect_err("nothing was sent");
        assert!(!thread_exists(Tid::new(i32::MAX)) && threads_of(Pid::new(i32::MAX)) == 0);
    }
}
