//! The tests' own view of processes, read from /proc without the code under test.

use std::collections::HashMap;

/// PIDs whose environment holds `needle`. Zombies have no environment.
pub fn tagged(needle: &str) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|variable| variable == needle.as_bytes()))
    })
    .collect()
}

/// (pid, ppid) of all processes.
pub fn parents() -> HashMap<i32, i32> {
    let pids = std::fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let ppid = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, ppid))
    })
    .collect()
}

/// All descendants of a process, zombies included.
pub fn descendants_of(root: i32) -> Vec<i32> {
    let parents = parents();
    let mut below = vec![root];
    let mut index = 0;
    while index < below.len() {
        let parent = below[index];
        below.extend(parents.iter().filter(|(_, ppid)| **ppid == parent).map(|(pid, _)| *pid));
        index += 1;
    }
    below.split_off(1)
}

/// The supervisor below a process that has one, found by its name.
pub fn supervisor_below(root: i32) -> Option<i32> {
    named_below(root, "tasklab-super").first().copied()
}

/// The descendants of a process that bear this name.
pub fn named_below(root: i32, name: &str) -> Vec<i32> {
    let is_named = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
    descendants_of(root).into_iter().filter(is_named).collect()
}

/// Descriptors that a process has open.
pub fn descriptors_of(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Zombies whose parent is this process.
pub fn zombies_of(ppid: i32) -> Vec<i32> {
    let parents = parents();
    let children = parents.iter().filter(|(_, parent)| **parent == ppid).map(|(pid, _)| *pid);
    children.filter(|pid| state_of(*pid) == Some('Z')).collect()
}

/// The state letter of a process, `None` once it is gone.
pub fn state_of(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// Resident memory of a process in KiB: what is its own (`RssAnon`), without the files that it maps.
pub fn memory_of(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The most memory that a process has ever had resident, in KiB.
pub fn peak_of(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
