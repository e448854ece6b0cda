//! Facts from /proc on a body's own processes and threads: what `sys` parses, and the files that lessons alone look at. Any thread; never
//! waits.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::model::{Pid, ProcessState};
pub(crate) use crate::sys::{Stat, has_pending_signal, link_of, own_thread_stat, stat_of, texts};
use crate::sys::{all_pids, foreign_proc, queued_bytes, schedstat_of};

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

/// How many of a process's descriptors are this file, pipe or socket.
pub(crate) fn count_open(pid: Pid, what: &Path) -> usize {
    descriptors_of(pid)
        .into_iter()
        .filter(|number| link_of(pid, &format!("fd/{number}")).is_some_and(|file| file == what))
        .count()
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

/// A process, its parent, its parent's parent and so on, up to one that has none.
pub(crate) fn with_ancestors(pid: Pid) -> Vec<Stat> {
    let mut line = Vec::new();
    let mut next = pid;
    // A PID that is used again while this reads could close a circle.
    while line.len() < 1_000
        && let Some(stat) = stat_of(next)
    {
        next = stat.ppid;
        line.push(stat);
    }
    line
}

/// Resident memory of a process, and the part of it that it shares with no other, in KiB.
pub(crate) fn memory_of(pid: Pid) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
    };
    Some((kib("Rss")?, kib("Private_Clean")? + kib("Private_Dirty")?))
}

/// Milliseconds that the first thread of a process has been on a core; `None` on kernels without that accounting.
pub(crate) fn millis_on_a_core(pid: Pid) -> Option<f64> {
    Some(schedstat_of(Some(pid))?.ran.as_secs_f64() * 1e3)
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

/// How many threads the kernel counts in this process.
pub(crate) fn own_threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
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
        let file = fs::File::open("/dev/zero").expect("readable");
        assert_eq!(count_open(pid, Path::new("/dev/zero")), 1);
        drop(file);
    }

    #[test]
    fn the_line_of_parents_ends_where_nobody_is_above() {
        let line = with_ancestors(own_pid());
        assert_eq!(line[0].id, own_pid().number());
        assert!(line.len() > 1 && line.windows(2).all(|pair| pair[0].ppid.number() == pair[1].id), "{line:?}");
        assert_eq!(line.last().map(|last| last.ppid.number()), Some(0));
        assert!(with_ancestors(Pid::new(i32::MAX)).is_empty());
        assert_eq!((millis_on_a_core(Pid::new(i32::MAX)), memory_of(Pid::new(i32::MAX))), (None, None));
    }

    #[test]
    fn a_thread_is_counted_while_it_lives() {
        let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
        let other = std::thread::Builder::new().name("one more".to_owned()).spawn(move || held.recv());
        assert!(own_threads() >= 2);
        drop(release);
        other.expect("a thread").join().expect("no panic").expect_err("nothing was sent");
    }
}
