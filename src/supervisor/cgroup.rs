//! Control groups for runs with limits (cgroups(7), version 2): below our own group, where that is delegated to us.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::descendants::descendants;
use crate::model::{GroupLimits, Pid, RunId};
use crate::sys::{lacks_controller, own_cgroup};

/// The groups that were made, and are removed once nobody is in them.
#[derive(Debug, Default)]
pub(super) struct Cgroups {
    /// The group that we were started in, once it is ready for groups below it.
    home: Option<PathBuf>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    run: RunId,
    path: PathBuf,
    /// Kills for want of memory that were told.
    told: u64,
}

impl Cgroups {
    /// Makes a group with these limits: the file by which processes join it, or why there can be none.
    pub(super) fn make(&mut self, run: RunId, limits: GroupLimits) -> Result<OwnedFd, String> {
        let home = if let Some(home) = &self.home {
            home.clone()
        } else {
            let own = own_cgroup().ok_or("no control groups of version 2 are mounted")?;
            if let Some(name) = wanted(limits).into_iter().find(|name| lacks_controller(&own, name)) {
                return Err(no_controller(name, &own));
            }
            settle(&own)?;
            self.home.insert(own).clone()
        };
        let path = home.join(format!("tasklab-{}-run-{run}", std::process::id()));
        let failed = |error: io::Error| format!("{} cannot be set up: {error}", path.display());
        fs::create_dir(&path).map_err(failed)?;
        self.groups.push(Group { run, path: path.clone(), told: 0 });
        limit(&home, &path, limits).map_err(failed)?;
        let file = fs::File::options().write(true).open(path.join("cgroup.procs"));
        file.map(OwnedFd::from).map_err(failed)
    }

    /// Looks after the groups: removes those that are empty, and says which runs have lost processes for want of memory.
    pub(super) fn look_after(&mut self) -> Vec<(RunId, String)> {
        let mut news = Vec::new();
        self.groups.retain_mut(|group| {
            let killed = oom_kills(&fs::read_to_string(group.path.join("memory.events")).unwrap_or_default());
            if killed > group.told {
                group.told = killed;
                news.push((
                    group.run,
                    "the run has used up its memory limit: the kernel killed a process (out of memory)".to_owned(),
                ));
            }
            // Refused while somebody is in it.
            fs::remove_dir(&group.path).is_err()
        });
        news
    }

    /// Removes what is left, after everybody has gone.
    pub(super) fn remove(&mut self) {
        self.look_after();
    }
}

/// The controllers that these limits need.
pub(super) fn wanted(limits: GroupLimits) -> Vec<&'static str> {
    limits.memory.map(|_| "memory").into_iter().chain(limits.cpu_percent.map(|_| "cpu")).collect()
}

/// Why a limit would not hold, and what helps on a Raspberry Pi, whose firmware switches the memory controller off.
pub(super) fn no_controller(name: &str, group: &Path) -> String {
    let fix = if name == "memory" { "; add cgroup_enable=memory to /boot/firmware/cmdline.txt and restart" } else { "" };
    format!("the kernel offers no {name} controller in {}{fix}", group.display())
}

/// Makes our own group ready to have groups with limits below it: a group with processes cannot have them, so these move into a leaf.
fn settle(own: &Path) -> Result<(), String> {
    let show = own.display();
    let is_ours = |name: &str| access(own.join(name), Access::WRITE_OK).is_ok();
    if !(access(own, Access::WRITE_OK).is_ok() && is_ours("cgroup.procs") && is_ours("cgroup.subtree_control")) {
        return Err(format!("the control group {show} is not delegated to this user"));
    }
    let members = || -> io::Result<Vec<Pid>> {
        let text = fs::read_to_string(own.join("cgroup.procs"))?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).map(Pid::new).collect())
    };
    let failed = |error: io::Error| format!("{show} cannot be set up: {error}");
    let myself = Pid::new(std::process::id().cast_signed());
    let mut family: Vec<Pid> = descendants(myself).map_err(failed)?.iter().map(|found| found.pid).collect();
    family.extend([myself, Pid::new(std::os::unix::process::parent_id().cast_signed())]);
    let found = members().map_err(failed)?;
    if found.iter().any(|pid| !family.contains(pid)) {
        return Err(format!("others than Task Lab are in the control group {show}"));
    }
    let leaf = own.join(format!("tasklab-{myself}"));
    fs::create_dir(&leaf).map_err(failed)?;
    for pid in found {
        match fs::write(leaf.join("cgroup.procs"), pid.to_string()) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            result => result.map_err(failed)?,
        }
    }
    Ok(())
}

/// Writes the limits of one group.
fn limit(home: &Path, group: &Path, limits: GroupLimits) -> io::Result<()> {
    let write = |folder: &Path, name: &str, text: &str| {
        fs::File::options()
            .write(true)
            .open(folder.join(name))
            .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
    };
    if let Some(bytes) = limits.memory {
        write(home, "cgroup.subtree_control", "+memory")?;
        write(group, "memory.max", &bytes.to_string())?;
        // Else it would go to the swap instead. A kernel without swap has no such file.
        let _ = write(group, "memory.swap.max", "0");
    }
    if let Some(percent) = limits.cpu_percent {
        write(home, "cgroup.subtree_control", "+cpu")?;
        write(group, "cpu.max", &format!("{} 100000", u64::from(percent) * 1000))?;
    }
    Ok(())
}

/// `oom_kill` of `memory.events`.
fn oom_kills(events: &str) -> u64 {
    events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_not_ours_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(settle(folder.path()).expect_err("no group at all").contains("not delegated"));
        for name in ["cgroup.procs", "cgroup.subtree_control"] {
            fs::write(folder.path().join(name), "1\n").expect("a file");
        }
        assert!(settle(folder.path()).expect_err("init is in it").contains("others than Task Lab"));
        fs::write(folder.path().join("cgroup.procs"), format!("{}\n", std::process::id())).expect("a file");
        assert_eq!(settle(folder.path()), Ok(()));
        let leaf = folder.path().join(format!("tasklab-{}/cgroup.procs", std::process::id()));
        assert_eq!(fs::read_to_string(leaf).expect("moved"), std::process::id().to_string());
    }

    #[test]
    fn limits_are_written_as_the_kernel_wants_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let (home, group) = (folder.path(), folder.path().join("run"));
        fs::create_dir(&group).expect("a folder");
        for file in [home.join("cgroup.subtree_control"), group.join("memory.max"), group.join("cpu.max")] {
            fs::write(file, "").expect("a file");
        }
        limit(home, &group, GroupLimits { memory: Some(64 << 20), cpu_percent: Some(50) }).expect("written");
        let read = |name: &str| fs::read_to_string(group.join(name)).expect("there");
        assert_eq!((read("memory.max").as_str(), read("cpu.max").as_str()), ("67108864", "50000 100000"));
        let missing = limit(home, &home.join("gone"), GroupLimits { memory: Some(1), cpu_percent: None });
        assert!(missing.is_err(), "a controller that is not there is an error, and no limit that does not hold");
        assert_eq!(oom_kills("low 0\noom 2\noom_kill 1\noom_group_kill 0\n"), 1);
    }
}
