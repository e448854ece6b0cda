//! The findings of `tasklab doctor` about this machine, from /proc, sysfs and the environment. Starts no process and changes nothing.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{Group, getgid, getgroups};
use rustix::process::{PidfdFlags, Resource, getpid, getrlimit, pidfd_open};

use super::Machine;
use crate::model::MachineFinding;
use crate::sys::{
    SwitchesRefused, check_group_for_runs, counts_turns, emulated_on, find_busctl, find_program, foreign_proc, kernel_release,
    lacks_controller, monotonic_now, own_cgroup, own_pid, try_switches, user_manager_cgroup,
};

/// Fewer open files than this are too few for a run with hundreds of children, each with its pipes.
const FILES_WANTED: u64 = 1024;

/// Fewer processes than this are too few for the larger lessons.
const PROCESSES_WANTED: u64 = 512;

/// Everything about the machine but GPIO and the window.
pub fn findings() -> Vec<MachineFinding> {
    let release = kernel_release();
    let machine = Machine::new(monotonic_now()).sample(monotonic_now());
    let mut found = vec![MachineFinding::good("machine", machine_model(Path::new("/"))), kernel(&release)];
    let proc = fs::metadata("/proc/self/stat");
    match &proc {
        Ok(_) => found.extend([MachineFinding::good("cores", machine.percent.len().to_string()), memory(machine.memory_total)]),
        Err(error) => found.push(without_proc(error)),
    }
    found.push(temperature(machine.celsius));
    found.extend(emulated_on().map(|kernel| emulation(&kernel)));
    found.extend(machine.throttled.map(throttling));
    found.extend([pidfd(), group_signals(&release), scheduler(try_switches(), counts_turns())]);
    if proc.is_ok() {
        found.extend([
            own_proc(foreign_proc()),
            hidden_processes(&fs::read_to_string("/proc/self/mounts").unwrap_or_default()),
            limits(own_group().as_deref(), find_busctl().map(|_| user_manager_cgroup()).as_ref()),
        ]);
    }
    found.extend(owners_of_locks(
        &fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default(),
        rustix::process::geteuid().is_root(),
    ));
    found.extend([
        limit("process limit", getrlimit(Resource::Nproc).current, PROCESSES_WANTED, "ulimit -u"),
        limit("open files limit", getrlimit(Resource::Nofile).current, FILES_WANTED, "ulimit -n"),
        python(env::var_os("PATH").as_deref()),
        graphics(Path::new("/")),
        display(env::var_os("WAYLAND_DISPLAY").as_deref(), env::var_os("DISPLAY").as_deref()),
        MachineFinding::good("groups", own_groups().join(" ")),
    ]);
    found
}

/// From the device tree (a Pi), the firmware's tables (a PC), or the processor's name.
fn machine_model(root: &Path) -> String {
    let read = |path: &str| {
        let text = fs::read_to_string(root.join(path)).ok()?;
        Some(text.trim_end_matches(['\0', '\n']).trim().to_owned()).filter(|text| !text.is_empty())
    };
    let table = || {
        let product = read("sys/class/dmi/id/product_name")?;
        Some(match read("sys/class/dmi/id/sys_vendor") {
            Some(vendor) => format!("{vendor} {product}"),
            None => product,
        })
    };
    let processor = || {
        let text = read("proc/cpuinfo")?;
        let name = text.lines().find_map(|line| line.strip_prefix("model name"))?;
        Some(name.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    read("proc/device-tree/model").or_else(table).or_else(processor).unwrap_or_else(|| format!("unknown ({})", env::consts::ARCH))
}

fn kernel(release: &str) -> MachineFinding {
    let value = format!("{release} {}", env::consts::ARCH);
    if is_at_least(release, (5, 10)) {
        MachineFinding::good("kernel", value)
    } else {
        MachineFinding::bad("kernel", value, "Task Lab needs Linux 5.10 or later: sudo apt full-upgrade")
    }
}

/// Cores, memory, other processes and control groups are all read there.
fn without_proc(error: &io::Error) -> MachineFinding {
    let value = format!("nothing can be launched: could not read /proc/self/stat: {error}");
    MachineFinding::bad("/proc", value, "mount -t proc proc /proc, as root")
}

fn emulation(kernel: &str) -> MachineFinding {
    MachineFinding::bad(
        "emulation",
        format!(
            "this program is for {}, the kernel is {kernel}'s: each process has a thread of the emulator's",
            env::consts::ARCH
        ),
        format!("install the package for {kernel}; lessons that count threads or look at each other's /proc can fail here"),
    )
}

fn memory(bytes: u64) -> MachineFinding {
    MachineFinding::good("memory", format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)))
}

fn temperature(celsius: Option<f32>) -> MachineFinding {
    let value = celsius.map_or_else(|| "no sensor that the kernel shows".to_owned(), |celsius| format!("{celsius:.1} °C"));
    MachineFinding::good("temperature", value)
}

fn throttling(is_throttled: bool) -> MachineFinding {
    if is_throttled {
        MachineFinding::bad(
            "throttling",
            "the firmware holds the clock back now",
            "use the board's own power supply, and cool the processor",
        )
    } else {
        MachineFinding::good("throttling", "none now")
    }
}

fn pidfd() -> MachineFinding {
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(_) => MachineFinding::good("pidfd", "processes can be named without mistake"),
        Err(errno) => MachineFinding::bad(
            "pidfd",
            format!("not available: {errno}"),
            "a Linux kernel from 5.10 on, and no filter on pidfd_open",
        ),
    }
}

/// Owners of locks, and the calls that threads are in, are read as a debugger reads them. The kernel's Yama module has a say in that.
fn owners_of_locks(scope: &str, is_root: bool) -> Option<MachineFinding> {
    let scope = scope.trim();
    let fix = match scope {
        "2" if !is_root => "sudo sysctl kernel.yama.ptrace_scope=1",
        "3" => "set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d, and start the machine again",
        _ => return None,
    };
    let value = format!("unknown: kernel.yama.ptrace_scope is {scope}, so that nobody may look into a program of one's own");
    Some(MachineFinding::bad("owners of locks", value, fix))
}

/// The source of what the kernel's scheduler does with each thread. For this one event is opened, on this process, and closed again.
fn scheduler(switches: Result<(), SwitchesRefused>, has_schedstat: bool) -> MachineFinding {
    const TOPIC: &str = "scheduler";
    match switches {
        Ok(()) => MachineFinding::good(TOPIC, "switch records: each time that a thread gets or leaves a core is known"),
        Err(refused) => {
            let instead = if has_schedstat {
                "shares of time from schedstat, since there are no switch records"
            } else {
                "unknown: there is no schedstat, and there are no switch records"
            };
            MachineFinding::bad(TOPIC, format!("{instead}: {refused}"), refused.remedy())
        }
    }
}

fn group_signals(release: &str) -> MachineFinding {
    const TOPIC: &str = "signals to groups";
    // PIDFD_SIGNAL_PROCESS_GROUP, pidfd_send_signal(2).
    if is_at_least(release, (6, 9)) {
        MachineFinding::good(TOPIC, "by pidfd")
    } else {
        MachineFinding::good(TOPIC, "by number, while the leader is kept unreaped (by pidfd from kernel 6.9 on)")
    }
}

fn own_proc(trouble: Option<String>) -> MachineFinding {
    match trouble {
        None => MachineFinding::good("/proc", "shows this PID namespace"),
        Some(why) => MachineFinding::bad(
            "/proc",
            format!(
                "{why}: of what is launched only the children of the supervisor are known, and lessons that look at /proc fail"
            ),
            "mount -t proc proc /proc, or unshare --pid --fork --mount-proc",
        ),
    }
}

fn hidden_processes(mounts: &str) -> MachineFinding {
    const TOPIC: &str = "processes of others";
    // Of several mounts on top of each other, the last one is seen.
    let options =
        mounts.lines().rev().find_map(|line| line.split(' ').nth(3).filter(|_| line.split(' ').nth(1) == Some("/proc")));
    let hides = options.into_iter().flat_map(|options| options.split(',')).find(|option| option.starts_with("hidepid="));
    match hides {
        Some(option) if !["hidepid=0", "hidepid=off"].contains(&option) => {
            MachineFinding::good(TOPIC, format!("hidden ({option}); your own are complete"))
        }
        _ => MachineFinding::good(TOPIC, "visible"),
    }
}

/// The control group in which Task Lab would make one for each run with limits, or the reason why it could not.
fn own_group() -> Result<PathBuf, String> {
    let group = own_cgroup().ok_or("no control groups of version 2 are mounted")?;
    let me = own_pid();
    check_group_for_runs(&group, &[me]).map(|()| group)
}

/// Whether a run can be held to limits on memory and CPU: by a group of our own, or by a scope of the user's systemd, whose own group
/// this is, if it is known.
fn limits(own: Result<&Path, &String>, systemd: Result<&Option<PathBuf>, &&str>) -> MachineFinding {
    const TOPIC: &str = "limits of a run";
    const DELEGATE: &str = "systemd-run --user --scope -p Delegate=yes tasklab";
    const MEMORY: &str = "add cgroup_enable=memory to /boot/firmware/cmdline.txt and restart";
    let lacking = |group: Option<&Path>| -> Vec<&str> {
        let group = group.into_iter();
        group.flat_map(|group| ["memory", "cpu"].into_iter().filter(|name| lacks_controller(group, name))).collect()
    };
    let (by, missing) = match (own, systemd) {
        (Ok(group), _) if lacking(Some(group)).is_empty() => ("a control group for each run", Vec::new()),
        (_, Ok(manager)) => ("a control group for each run, in a scope of systemd's", lacking(manager.as_deref())),
        (Ok(group), Err(_)) => ("a control group for each run", lacking(Some(group))),
        (Err(why), Err(no)) => {
            return MachineFinding::bad(
                TOPIC,
                format!("none, exec refuses --memory-max and --cpu-max: {why}, and {no}"),
                DELEGATE,
            );
        }
    };
    match missing[..] {
        [] => MachineFinding::good(TOPIC, format!("memory and CPU, by {by}")),
        ["memory"] => MachineFinding::bad(
            TOPIC,
            format!("CPU alone, by {by}; exec refuses --memory-max: the kernel's memory controller is switched off"),
            MEMORY,
        ),
        ["cpu"] => MachineFinding::bad(
            TOPIC,
            format!("memory alone, by {by}; exec refuses --cpu-max: the kernel offers no cpu controller there"),
            "sudo systemctl set-property user@.service Delegate='cpu memory pids', and log in again",
        ),
        _ => MachineFinding::bad(
            TOPIC,
            "none, exec refuses --memory-max and --cpu-max: the kernel offers neither controller in version 2 of control groups",
            "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line",
        ),
    }
}

fn limit(topic: &str, current: Option<u64>, wanted: u64, command: &str) -> MachineFinding {
    match current {
        None => MachineFinding::good(topic, "none"),
        Some(current) if current >= wanted => MachineFinding::good(topic, current.to_string()),
        Some(current) => MachineFinding::bad(topic, current.to_string(), format!("{command} {wanted} before starting Task Lab")),
    }
}

fn python(path: Option<&OsStr>) -> MachineFinding {
    const TOPIC: &str = "python3";
    let Some(file) = find_program("python3", path) else {
        return MachineFinding::bad(TOPIC, "not in PATH; scenarios run as Rust only", "sudo apt install python3");
    };
    let program = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
    match version_in_name(&program) {
        Some(version) => MachineFinding::good(TOPIC, format!("{} ({version})", file.display())),
        None => MachineFinding::good(TOPIC, format!("{} (its name does not tell the version)", file.display())),
    }
}

/// `3.11` of `/usr/bin/python3.11`.
fn version_in_name(program: &Path) -> Option<&str> {
    let version = program.file_name()?.to_str()?.strip_prefix("python")?;
    version.split_once('.').filter(|(major, minor)| major.parse::<u32>().is_ok() && minor.parse::<u32>().is_ok())?;
    Some(version)
}

/// The drivers of the GPUs that programs may draw with: v3d on a Pi 4 or 5, vc4 on those before.
fn graphics(root: &Path) -> MachineFinding {
    const TOPIC: &str = "graphics";
    let devices = fs::read_dir(root.join("sys/class/drm")).into_iter().flatten().flatten();
    let renders = devices.filter(|device| device.file_name().to_string_lossy().starts_with("renderD"));
    let mut drivers: Vec<String> = renders
        .filter_map(|device| {
            Some(fs::read_link(device.path().join("device/driver")).ok()?.file_name()?.to_string_lossy().into_owned())
        })
        .collect();
    drivers.sort();
    if drivers.is_empty() {
        MachineFinding::bad(
            TOPIC,
            "the kernel offers no GPU: the processor draws the window",
            "on a Raspberry Pi: dtoverlay=vc4-kms-v3d in /boot/firmware/config.txt, then restart",
        )
    } else {
        MachineFinding::good(TOPIC, format!("the kernel offers a GPU ({})", drivers.join(", ")))
    }
}

fn display(wayland: Option<&OsStr>, x11: Option<&OsStr>) -> MachineFinding {
    const TOPIC: &str = "display";
    let set = |value: Option<&OsStr>| value.filter(|value| !value.is_empty()).map(|value| value.display().to_string());
    match (set(wayland), set(x11)) {
        (Some(wayland), Some(x11)) => MachineFinding::good(TOPIC, format!("Wayland {wayland}, X11 {x11}; Wayland is used")),
        (Some(wayland), None) => MachineFinding::good(TOPIC, format!("Wayland {wayland}")),
        (None, Some(x11)) => MachineFinding::good(TOPIC, format!("X11 {x11}")),
        (None, None) => MachineFinding::bad(
            TOPIC,
            "neither WAYLAND_DISPLAY nor DISPLAY is set",
            "start it from the desktop, or use tasklab run on the command line",
        ),
    }
}

fn own_groups() -> Vec<String> {
    let mut gids = getgroups().unwrap_or_default();
    gids.insert(0, getgid());
    let mut names: Vec<String> = Vec::new();
    for gid in gids {
        let name = Group::from_gid(gid).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether a kernel's release (`6.12.25+rpt-rpi-v8`) is that version, major and minor, or a later one.
fn is_at_least(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    numbers.next().zip(numbers.next()).is_some_and(|running| running >= version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pid;
    use crate::sys::SwitchRings;

    #[test]
    fn every_finding_that_falls_short_has_a_fix() {
        let found = findings();
        for topic in [
            "machine",
            "kernel",
            "cores",
            "memory",
            "pidfd",
            "scheduler",
            "limits of a run",
            "python3",
            "graphics",
            "display",
            "groups",
            "open files limit",
        ] {
            assert!(found.iter().any(|finding| finding.topic == topic && !finding.value.is_empty()), "{topic} in {found:?}");
        }
        assert!(found.iter().all(|finding| finding.ok != finding.fix.is_some()), "{found:?}");
    }

    #[test]
    fn python_is_found_in_path_with_the_version_of_its_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (empty, bin) = (folder.path().join("empty"), folder.path().join("bin"));
        for path in [&empty, &bin] {
            fs::create_dir(path).expect("a folder");
        }
        let program = bin.join("python3.11");
        fs::write(&program, "").expect("a file");
        std::os::unix::fs::symlink("python3.11", bin.join("python3")).expect("a link");
        let path = env::join_paths([&empty, &bin]).expect("a PATH");
        assert!(!python(Some(&path)).ok, "a file that cannot be executed is no program");
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
        let found = python(Some(&path));
        assert!(found.ok && found.value.ends_with("python3 (3.11)"), "{found:?}");
        assert!(python(None).fix.is_some_and(|fix| fix.contains("apt install python3")));
        for name in ["python3", "pyenv", "python3.x", "python"] {
            assert_eq!(version_in_name(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_run_can_be_limited_where_there_are_controllers() {
        let folder = tempfile::tempdir().expect("a folder");
        let group = |controllers: &str| {
            let path = folder.path().join(controllers.replace(' ', "-"));
            fs::create_dir(&path).expect("a folder");
            fs::write(path.join("cgroup.controllers"), controllers).expect("a file");
            path
        };
        let (full, pi, neither) = (group("cpu memory pids"), group("cpu pids"), group("pids"));
        let (no_group, no_systemd) = ("the group is another's".to_owned(), "no systemd runs");
        let said = |own: Result<&Path, &String>, systemd: Result<Option<&Path>, &str>| {
            let systemd = systemd.map(|manager| manager.map(Path::to_owned));
            limits(own, systemd.as_ref())
        };
        let found = said(Ok(&full), Err(no_systemd));
        assert!(found.ok && found.value.contains("control group for each"), "{found:?}");
        for own in [Ok(pi.as_path()), Err(&no_group)] {
            for manager in [Some(full.as_path()), None] {
                let found = said(own, Ok(manager));
                assert!(found.ok && found.value.contains("scope"), "{found:?}");
            }
        }
        for found in [said(Ok(&pi), Err(no_systemd)), said(Err(&no_group), Ok(Some(&pi)))] {
            assert!(found.value.contains("CPU alone") && found.fix.is_some_and(|fix| fix.contains("cgroup_enable=memory")));
        }
        assert!(said(Ok(&neither), Err(no_systemd)).fix.is_some_and(|fix| fix.contains("unified_cgroup_hierarchy")));
        let found = said(Err(&no_group), Err(no_systemd));
        assert!(found.value.contains(&no_group) && found.value.contains(no_systemd), "{found:?}");
        assert!(found.fix.is_some_and(|fix| fix.contains("Delegate=yes")));
    }

    #[test]
    fn the_model_comes_from_the_best_source() {
        let root = tempfile::tempdir().expect("a folder");
        let put = |path: &str, text: &str| {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, text).expect("a file");
        };
        assert!(machine_model(root.path()).starts_with("unknown"));
        put("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\n");
        assert_eq!(machine_model(root.path()), "Some CPU");
        put("sys/class/dmi/id/product_name", "Laptop 3\n");
        put("sys/class/dmi/id/sys_vendor", "Maker\n");
        assert_eq!(machine_model(root.path()), "Maker Laptop 3");
        put("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0");
        assert_eq!(machine_model(root.path()), "Raspberry Pi 4 Model B Rev 1.4");
    }

    #[test]
    fn a_gpu_is_named_by_its_driver() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(graphics(root.path()).fix.is_some_and(|fix| fix.contains("vc4-kms-v3d")));
        for (device, driver) in [("renderD128", "v3d"), ("card1", "vc4")] {
            let folder = root.path().join("sys/class/drm").join(device).join("device");
            fs::create_dir_all(&folder).expect("a folder");
            std::os::unix::fs::symlink(format!("../../bus/platform/drivers/{driver}"), folder.join("driver")).expect("a link");
        }
        let found = graphics(root.path());
        assert!(found.ok && found.value.ends_with("(v3d)"), "a card without a render node draws for nobody: {found:?}");
    }

    #[test]
    fn the_source_of_switches_is_said_with_what_would_change_it() {
        assert!(scheduler(Ok(()), false).ok);
        for (has_schedstat, says) in [(true, "shares of time from schedstat"), (false, "unknown")] {
            let refused = SwitchRings::open(Pid::new(i32::MAX), 1).map(drop).expect_err("nobody has this PID");
            let (why, remedy) = (refused.to_string(), refused.remedy());
            let found = scheduler(Err(refused), has_schedstat);
            assert!(found.value.starts_with(says) && found.value.ends_with(&why), "{found:?}");
            assert_eq!(found.fix, Some(remedy));
        }
    }

    /// Covers: F64.
    #[test]
    fn what_the_kernel_hides_or_lacks_is_said() {
        assert!(hidden_processes("proc /proc proc rw,hidepid=invisible 0 0").value.starts_with("hidden"));
        assert_eq!(hidden_processes("proc /proc proc rw,hidepid=0 0 0").value, "visible");
        assert!(hidden_processes("proc /proc proc rw 0 0\nproc /proc proc rw,hidepid=2 0 0\n").value.starts_with("hidden"));
        assert_eq!(group_signals("6.12.25+rpt-rpi-v8").value, "by pidfd");
        assert!(group_signals("6.6.51+rpt-rpi-v8").value.contains("6.9"));
        assert_eq!(["", "0\n", "1\n"].map(|scope| owners_of_locks(scope, false)), [None, None, None]);
        assert!(owners_of_locks("2\n", true).is_none() && owners_of_locks("3\n", true).is_some());
        let found = owners_of_locks("2\n", false).expect("only root may");
        assert!(found.value.contains("ptrace_scope is 2") && found.fix.is_some_and(|fix| fix.contains("ptrace_scope=1")));
        assert!(kernel("5.4.0").fix.is_some() && kernel("6.1.0-18-amd64").ok);
        assert!(limit("x", Some(64), 1024, "ulimit -n").fix.is_some_and(|fix| fix.contains("ulimit -n 1024")));
        assert!(display(None, Some(OsStr::new(""))).fix.is_some() && display(Some(OsStr::new("wayland-0")), None).ok);
    }
}
