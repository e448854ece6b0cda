//! Control groups (cgroups(7), version 2): the group of a process, and whether this machine can limit runs by groups. Reads only.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::exec::find_program;
use crate::model::Pid;

/// The folder of our own group, if the unified hierarchy is mounted.
pub fn own_cgroup() -> Option<PathBuf> {
    cgroup_of("self")
}

/// The same for any process: a PID, or `self`.
pub fn cgroup_of(process: &str) -> Option<PathBuf> {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    cgroup_in(&read("/proc/self/mounts".to_owned()), &read(format!("/proc/{process}/cgroup")))
}

/// The same from the texts of /proc/self/mounts and /proc/PID/cgroup.
fn cgroup_in(mounts: &str, own: &str) -> Option<PathBuf> {
    let mount = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let point = fields.next()?;
        (fields.next()? == "cgroup2").then_some(point)
    })?;
    let group = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(mount).join(group))
}

/// Whether a group says that it lacks a controller: a limit of that kind could not be set, or would have no effect.
pub fn lacks_controller(group: &Path, name: &str) -> bool {
    let controllers = std::fs::read_to_string(group.join("cgroup.controllers"));
    controllers.is_ok_and(|controllers| !controllers.split_whitespace().any(|known| known == name))
}

/// Whether groups for runs can be made below this one, or why not. It must be delegated to this user, and hold no process except `ours`,
/// since a group with members cannot have limits below it.
pub fn check_group_for_runs(group: &Path, ours: &[Pid]) -> Result<(), String> {
    let show = group.display();
    let is_ours = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    if ![group, &group.join("cgroup.procs"), &group.join("cgroup.subtree_control")].into_iter().all(is_ours) {
        return Err(format!("the control group {show} is not delegated to this user"));
    }
    let members =
        std::fs::read_to_string(group.join("cgroup.procs")).map_err(|error| format!("{show} cannot be read: {error}"))?;
    if members.lines().any(|line| line.parse().is_ok_and(|number| !ours.contains(&Pid::new(number)))) {
        return Err(format!("others than Task Lab are in the control group {show}"));
    }
    Ok(())
}

/// The group of the user's own systemd, which holds the user's scopes.
pub fn user_manager_cgroup() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let uid = rustix::process::getuid().as_raw();
    cgroup_in(&mounts, &format!("0::/user.slice/user-{uid}.slice/user@{uid}.service"))
}

/// The path of busctl(1), which talks to the user's own systemd; or why that is not possible.
pub fn find_busctl() -> Result<PathBuf, &'static str> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let Some(runtime) = runtime.filter(|folder| folder.join("systemd").is_dir()) else {
        return Err("no systemd of the user's runs");
    };
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() && !runtime.join("bus").exists() {
        return Err("the user has no D-Bus (apt install dbus-user-session)");
    }
    find_program("busctl", std::env::var_os("PATH").as_deref()).ok_or("there is no busctl in PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_group_is_found_below_its_mount() {
        let mounts = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n";
        assert_eq!(cgroup_in(mounts, "0::/user.slice/x\n"), Some(PathBuf::from("/sys/fs/cgroup/user.slice/x")));
        assert_eq!(cgroup_in(mounts, "1:cpu:/\n"), None);
        assert_eq!(cgroup_in("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n", "0::/\n"), None);
    }

    #[test]
    fn a_group_that_is_not_ours_alone_is_none_for_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let ours = [Pid::new(7), Pid::new(8)];
        assert!(check_group_for_runs(folder.path(), &ours).expect_err("no group at all").contains("not delegated"));
        for name in ["cgroup.procs", "cgroup.subtree_control"] {
            std::fs::write(folder.path().join(name), "7\n1\n").expect("a file");
        }
        assert!(check_group_for_runs(folder.path(), &ours).expect_err("init is in it").contains("others than Task Lab"));
        std::fs::write(folder.path().join("cgroup.procs"), "8\n7\n").expect("a file");
        assert_eq!(check_group_for_runs(folder.path(), &ours), Ok(()));
    }
}
