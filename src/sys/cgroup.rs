//! Where this process stands among the control groups (cgroups(7)).

use std::path::{Path, PathBuf};

/// The folder of our own group in the unified hierarchy, if that is mounted.
pub fn own_cgroup() -> Option<PathBuf> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    own_cgroup_in(&read("/proc/self/mounts"), &read("/proc/self/cgroup"))
}

/// The same, from what /proc/self/mounts and /proc/self/cgroup hold.
pub fn own_cgroup_in(mounts: &str, own: &str) -> Option<PathBuf> {
    let mount = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let point = fields.next()?;
        (fields.next()? == "cgroup2").then_some(point)
    })?;
    let group = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(mount).join(group))
}

/// Whether a group says that it has no such controller: then a limit of that kind would be accepted by nobody, or hold nobody.
pub fn lacks_controller(group: &Path, name: &str) -> bool {
    let controllers = std::fs::read_to_string(group.join("cgroup.controllers"));
    controllers.is_ok_and(|controllers| !controllers.split_whitespace().any(|known| known == name))
}

/// The group of the user's own systemd, below which its scopes are.
pub fn user_manager_cgroup() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let uid = rustix::process::getuid().as_raw();
    own_cgroup_in(&mounts, &format!("0::/user.slice/user-{uid}.slice/user@{uid}.service"))
}

/// systemd-run(1), if the user's own systemd is there to be asked.
pub fn systemd_run() -> Option<PathBuf> {
    let runtime = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    let folders = std::env::var_os("PATH")?;
    let program = std::env::split_paths(&folders).map(|folder| folder.join("systemd-run")).find(|file| file.is_file())?;
    runtime.join("systemd/private").exists().then_some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_group_is_found_below_its_mount() {
        let mounts = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n";
        assert_eq!(own_cgroup_in(mounts, "0::/user.slice/x\n"), Some(PathBuf::from("/sys/fs/cgroup/user.slice/x")));
        assert_eq!(own_cgroup_in(mounts, "1:cpu:/\n"), None);
        assert_eq!(own_cgroup_in("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n", "0::/\n"), None);
    }
}
