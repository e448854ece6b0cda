//! Facts from /proc on a body's own processes: what `sys` parses, and the files that lessons alone look at. Any thread; never
//! waits.

use std::fs;

use crate::model::{Pid, ProcessState};
pub(crate) use crate::sys::{Stat, stat_of, texts};
use crate::sys::{all_pids, foreign_proc};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{link_of, own_pid};

    #[test]
    fn this_process_runs_has_a_parent_memory_and_a_program() {
        let pid = own_pid();
        let stat = stat_of(pid).expect("this process");
        assert!(stat.rss > 100_000 && stat.state != ProcessState::Zombie, "{stat:?}");
        assert_eq!(stat_of(Pid::new(i32::MAX)), None);
        assert!(children_of(stat.ppid).iter().any(|child| child.id == pid.number()));
        assert!(children_of(Pid::new(i32::MAX)).is_empty());
        assert_eq!(link_of(pid, "exe"), std::env::current_exe().ok());
        assert_eq!((link_of(pid, "no"), texts(pid, "no")), (None, Vec::new()));
    }
}
