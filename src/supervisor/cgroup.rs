//! Control groups for runs with limits (cgroups(7), version 2). They are made below our own group, if that is delegated to us; it may be
//! a scope that systemd has made for us. Each step can be tried again after it has failed halfway.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::descendants::descendants;
use crate::model::{GroupLimits, Pid, RunId};
use crate::sys::{check_group_for_runs, lacks_controller, own_cgroup, own_pid, parent_pid};

/// How often the members are read again while they move: a process that forks meanwhile leaves its child behind.
const MOST_LOOKS: usize = 20;

/// The groups of runs with limits.
#[derive(Debug)]
pub(super) struct Cgroups {
    app: Pid,
    parent: Option<ParentGroup>,
    groups: Vec<Group>,
}

/// The group that we were started in, once it is ready for groups below it.
#[derive(Debug)]
struct ParentGroup {
    path: PathBuf,
    /// The group below it to which its processes have moved.
    leaf: PathBuf,
    /// The controllers that we have switched on for the groups below. They are switched off at the end.
    switched_on: Vec<&'static str>,
}

#[derive(Debug)]
struct Group {
    run: RunId,
    path: PathBuf,
    /// Kills by the kernel for want of memory that were reported.
    reported_kills: u64,
}

impl Cgroups {
    /// No groups yet. The app moves together with its supervisor.
    pub(super) const fn of(app: Pid) -> Self {
        Self { app, parent: None, groups: Vec::new() }
    }

    /// Kills all processes in the group of a run, or of every run, at one moment (`cgroup.kill`, Linux 5.14).
    pub(super) fn kill(&self, run: Option<RunId>) {
        for group in self.groups.iter().filter(|group| run.is_none_or(|run| group.run == run)) {
            // Without it they are killed one by one.
            let _ = write(&group.path, "cgroup.kill", "1");
        }
    }

    /// Whether our group is ready for groups below it.
    pub(super) fn is_ready(&self) -> bool {
        self.parent.is_some()
    }

    /// Makes our own group ready for groups with such limits below it, unless it is, or says why that cannot be done.
    pub(super) fn make_ready(&mut self, limits: GroupLimits) -> Result<(), String> {
        let own = own_cgroup().ok_or("no control groups of version 2 are mounted")?;
        let path = self.parent.as_ref().map_or_else(|| parent_of(&own), |parent| parent.path.clone());
        if let Some(name) = controllers_for(limits).into_iter().find(|name| lacks_controller(&path, name)) {
            return Err(no_controller(name, &path));
        }
        if self.parent.is_none() {
            // If a supervisor before us has switched controllers on, we switch them off.
            let (leaf, switched_on) =
                if path == own { (path.join(format!("tasklab-{}", own_pid())), Vec::new()) } else { (own, switched_on(&path)) };
            let app = self.app;
            make_parent(&path, &leaf, || own_processes(app), move_to)?;
            remove_empty_groups(&path);
            self.parent = Some(ParentGroup { path, leaf, switched_on });
        }
        Ok(())
    }

    /// Makes a group with these limits. Returns the file by which processes join it, or why it cannot be made.
    pub(super) fn make(&mut self, run: RunId, limits: GroupLimits) -> Result<OwnedFd, String> {
        self.make_ready(limits)?;
        let Some(parent) = &mut self.parent else { return Err("no control group is ours".to_owned()) };
        let is_on = switched_on(&parent.path);
        parent.switched_on.extend(controllers_for(limits).into_iter().filter(|name| !is_on.contains(name)));
        let path = parent.path.join(format!("tasklab-{}-run-{run}", own_pid()));
        let made = fs::create_dir(&path).and_then(|()| {
            set_limits(&parent.path, &path, limits)?;
            fs::File::options().write(true).open(path.join("cgroup.procs"))
        });
        match made {
            Ok(procs) => {
                self.groups.push(Group { run, path, reported_kills: 0 });
                Ok(procs.into())
            }
            Err(error) => {
                let _ = fs::remove_dir(&path);
                Err(format!("{} cannot be set up: {error}", path.display()))
            }
        }
    }

    /// Removes the groups that are empty. Returns a notice for each run of which the kernel has killed a process for want of memory.
    pub(super) fn collect_notices(&mut self) -> Vec<(RunId, String)> {
        let mut notices = Vec::new();
        self.groups.retain_mut(|group| {
            let killed = oom_kills(&fs::read_to_string(group.path.join("memory.events")).unwrap_or_default());
            if killed > group.reported_kills {
                group.reported_kills = killed;
                notices.push((
                    group.run,
                    "the run has used up its memory limit: the kernel killed a process (out of memory)".to_owned(),
                ));
            }
            // Refused while it has members.
            fs::remove_dir(&group.path).is_err()
        });
        notices
    }

    /// After all children have ended: removes the groups, and restores our own as it was, with the app in it.
    pub(super) fn remove(&mut self) {
        self.collect_notices();
        if let Some(parent) = self.parent.take() {
            restore_parent(&parent.path, &parent.leaf, &parent.switched_on, move_to);
        }
    }
}

/// The controllers that these limits need.
pub(super) fn controllers_for(limits: GroupLimits) -> Vec<&'static str> {
    limits.memory.map(|_| "memory").into_iter().chain(limits.cpu_percent.map(|_| "cpu")).collect()
}

/// The reason if a controller is missing, and what helps: the firmware of a Raspberry Pi switches the memory controller off.
pub(super) fn no_controller(name: &str, group: &Path) -> String {
    let fix = if name == "memory" { "; add cgroup_enable=memory to /boot/firmware/cmdline.txt and restart" } else { "" };
    format!("the kernel offers no {name} controller in {}{fix}", group.display())
}

/// The group for groups: our own, or the one above it if a supervisor before us has moved us.
fn parent_of(own: &Path) -> PathBuf {
    let name = own.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_leaf = name.strip_prefix("tasklab-").is_some_and(|pid| pid.parse::<u32>().is_ok());
    own.parent().filter(|_| is_leaf).unwrap_or(own).to_owned()
}

/// This process, its parent (the guard), the app, and all that we have started.
fn own_processes(app: Pid) -> io::Result<Vec<Pid>> {
    let started = descendants(own_pid())?;
    Ok(started.iter().map(|found| found.pid).chain([own_pid(), parent_pid(), app]).collect())
}

/// Moves a process into a group. It is no error if it has ended meanwhile.
fn move_to(group: &Path, pid: Pid) -> io::Result<()> {
    match write(group, "cgroup.procs", &pid.to_string()) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        result => result,
    }
}

/// Makes a group ready for groups with limits below it. A group with processes cannot have them, so its processes move into a leaf. If
/// that fails, they move back.
fn make_parent(
    parent: &Path,
    leaf: &Path,
    ours: impl Fn() -> io::Result<Vec<Pid>>,
    mut move_to: impl FnMut(&Path, Pid) -> io::Result<()>,
) -> Result<(), String> {
    let failed = |error: io::Error| format!("{} cannot be set up: {error}", parent.display());
    check_group_for_runs(parent, &ours().map_err(failed)?)?;
    match fs::create_dir(leaf) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let mut move_all = || -> Result<(), String> {
        for _ in 0..MOST_LOOKS {
            let members = members(parent).map_err(failed)?;
            if members.is_empty() {
                return Ok(());
            }
            check_group_for_runs(parent, &ours().map_err(failed)?)?;
            members.into_iter().try_for_each(|pid| move_to(leaf, pid)).map_err(failed)?;
        }
        Err(format!("the control group {} does not become empty", parent.display()))
    };
    let moved = move_all();
    if moved.is_err() {
        restore_parent(parent, leaf, &[], move_to);
    }
    moved
}

/// Undoes [`make_parent`], as far as possible.
fn restore_parent(parent: &Path, leaf: &Path, switched_on: &[&str], mut move_to: impl FnMut(&Path, Pid) -> io::Result<()>) {
    for name in switched_on {
        // A group with members may have no controllers for the groups below it.
        let _ = write(parent, "cgroup.subtree_control", &format!("-{name}"));
    }
    for _ in 0..MOST_LOOKS {
        let left = members(leaf).unwrap_or_default();
        if left.is_empty() || left.into_iter().any(|pid| move_to(parent, pid).is_err()) {
            break;
        }
    }
    // Refused while it has members.
    let _ = fs::remove_dir(leaf);
}

/// Removes the empty groups that a killed supervisor has left.
fn remove_empty_groups(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("tasklab-")) {
            // Refused while it has members.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The controllers that are switched on for the groups below this one, of those that limits need.
fn switched_on(group: &Path) -> Vec<&'static str> {
    let text = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
    ["memory", "cpu"].into_iter().filter(|name| text.split_whitespace().any(|word| word == *name)).collect()
}

fn members(group: &Path) -> io::Result<Vec<Pid>> {
    let text = fs::read_to_string(group.join("cgroup.procs"))?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).map(Pid::new).collect())
}

fn write(group: &Path, name: &str, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().write(true).open(group.join(name))?;
    io::Write::write_all(&mut file, text.as_bytes())
}

/// Sets the limits of one group below `parent`.
fn set_limits(parent: &Path, group: &Path, limits: GroupLimits) -> io::Result<()> {
    if let Some(bytes) = limits.memory {
        write(parent, "cgroup.subtree_control", "+memory")?;
        write(group, "memory.max", &bytes.to_string())?;
        // Otherwise the run would use swap instead. A kernel without swap has no such file.
        let _ = write(group, "memory.swap.max", "0");
    }
    if let Some(percent) = limits.cpu_percent {
        write(parent, "cgroup.subtree_control", "+cpu")?;
        write(group, "cpu.max", &format!("{} 100000", u64::from(percent) * 1000))?;
    }
    Ok(())
}

/// The value of `oom_kill` in `memory.events`.
fn oom_kills(events: &str) -> u64 {
    events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that looks like a group with these members.
    fn group(folder: &Path, members: &str) {
        let _ = fs::create_dir(folder);
        fs::write(folder.join("cgroup.procs"), members).expect("a file");
        fs::write(folder.join("cgroup.subtree_control"), "").expect("a file");
    }

    fn lines(pids: &[Pid]) -> String {
        pids.iter().flat_map(|pid| [pid.to_string(), "\n".to_owned()]).collect()
    }

    /// Moves a process out of its group into another one, as the kernel does.
    fn moving(home: &Path, to: &Path, pid: Pid) {
        for entry in fs::read_dir(home).expect("a folder").flatten().map(|entry| entry.path()).chain([home.to_owned()]) {
            let left: Vec<Pid> = members(&entry).unwrap_or_default().into_iter().filter(|member| *member != pid).collect();
            if entry.join("cgroup.procs").exists() {
                fs::write(entry.join("cgroup.procs"), lines(&left)).expect("ours");
            }
        }
        let mut there = members(to).unwrap_or_default();
        there.push(pid);
        fs::write(to.join("cgroup.procs"), lines(&there)).expect("ours");
    }

    #[test]
    fn settling_goes_back_where_it_fails_and_can_be_done_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (home, leaf) = (folder.path().join("home"), folder.path().join("home/tasklab-7"));
        group(&home, "7\n8\n");
        let ours = || Ok(vec![Pid::new(7), Pid::new(8), Pid::new(9)]);
        let text =
            make_parent(&home, &leaf, || Ok(vec![Pid::new(7)]), |_, _| panic!("nobody moves")).expect_err("8 is a stranger");
        assert!(text.contains("others than Task Lab") && !leaf.exists(), "{text}");
        // The second process cannot be moved: the first one comes back. (A folder with files in it stays, unlike a group.)
        let refuse_8 = |to: &Path, pid: Pid| {
            if to == leaf && pid == Pid::new(8) {
                return Err(io::Error::from_raw_os_error(libc::EBUSY));
            }
            moving(&home, to, pid);
            Ok(())
        };
        let text = make_parent(&home, &leaf, ours, refuse_8).expect_err("half of it");
        assert!(text.contains("cannot be set up"), "{text}");
        assert_eq!(members(&leaf).expect("a file"), []);
        let mut back = members(&home).expect("a file");
        back.sort_by_key(|pid| pid.number());
        assert_eq!(back, [Pid::new(7), Pid::new(8)]);
        // Again, and the leaf is there; the last one to be moved has forked 9 meanwhile.
        let mut has_forked = false;
        let fork = |to: &Path, pid: Pid| {
            moving(&home, to, pid);
            if members(&home)?.is_empty() && !std::mem::replace(&mut has_forked, true) {
                fs::write(home.join("cgroup.procs"), "9\n")?;
            }
            Ok(())
        };
        assert_eq!(make_parent(&home, &leaf, ours, fork), Ok(()));
        let mut moved = members(&leaf).expect("a file");
        moved.sort_by_key(|pid| pid.number());
        assert_eq!((moved.len(), members(&home).expect("a file")), (3, vec![]));
        restore_parent(&home, &leaf, &[], |to, pid| {
            moving(&home, to, pid);
            Ok(())
        });
        assert_eq!((members(&home).expect("a file").len(), members(&leaf).expect("a file")), (3, vec![]));
    }

    #[test]
    fn a_supervisor_that_follows_another_finds_the_same_home() {
        for (own, home) in [("/c/app", "/c/app"), ("/c/app/tasklab-4711", "/c/app"), ("/c/tasklab-x", "/c/tasklab-x")] {
            assert_eq!(parent_of(Path::new(own)), Path::new(home));
        }
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["tasklab-1", "tasklab-1-run-1", "other"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        fs::write(folder.path().join("tasklab-1/busy"), "").expect("a file");
        remove_empty_groups(folder.path());
        assert!(folder.path().join("tasklab-1").exists() && folder.path().join("other").exists());
        assert!(!folder.path().join("tasklab-1-run-1").exists());
    }

    #[test]
    fn limits_are_written_as_the_kernel_wants_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let (home, group) = (folder.path(), folder.path().join("run"));
        fs::create_dir(&group).expect("a folder");
        for file in [home.join("cgroup.subtree_control"), group.join("memory.max"), group.join("cpu.max")] {
            fs::write(file, "").expect("a file");
        }
        let limits = GroupLimits { memory: Some(64 << 20), cpu_percent: Some(50) };
        set_limits(home, &group, limits).expect("written");
        let read = |name: &str| fs::read_to_string(group.join(name)).expect("there");
        assert_eq!((read("memory.max").as_str(), read("cpu.max").as_str()), ("67108864", "50000 100000"));
        let missing = set_limits(home, &home.join("gone"), GroupLimits { memory: Some(1), cpu_percent: None });
        assert!(missing.is_err(), "a controller that is not there is an error, and no limit that does not hold");
        assert_eq!(oom_kills("low 0\noom 2\noom_kill 1\noom_group_kill 0\n"), 1);
    }
}
