//! Limits on processes, memory and descriptors. A limit that is met is reported, the app lives, and the counts are right.

use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, prlimit};
use support::program::{exec, said, tasklab};
use support::{Supervisor, eventually, skipped, survivors};
use tasklab::model::{ChildSpec, GroupLimits, Input, OutputTo, RunId, Scope, Signal};
use tasklab::supervisor::{Report, Request};

use crate::alone;

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

/// Runs a command as a user who is not the superuser, whom most limits do not hold.
fn as_plain_user(command: &[&str]) -> Command {
    let mut plain = if rustix::process::geteuid().is_root() {
        let mut setpriv = Command::new("setpriv");
        // A user of its own: the limit counts all processes of the user.
        let user = 60_000 + std::process::id() % 5_000;
        setpriv.args([&format!("--reuid={user}"), "--regid=65534", "--clear-groups", "--inh-caps=-all"]).args(command);
        setpriv
    } else {
        let mut direct = Command::new(command[0]);
        direct.args(&command[1..]);
        direct
    };
    plain.stdin(Stdio::null()).current_dir("/");
    plain
}

/// Covers: F27.
#[test]
fn children_meet_the_limit_on_processes_before_the_app_does() {
    let _alone = alone();
    let show = r"s/Max processes *\([0-9]*\).*/\1/p";
    let command = ["--nproc=200:200", TASKLAB, "exec", "--", "sed", "-n", show, "/proc/self/limits"];
    let (status, out, err) = said(&Command::new("prlimit").args(command).stdin(Stdio::null()).output().expect("runs"));
    assert_eq!((status, out.as_str()), (0, "184\n"), "{err}");
}

/// Covers: promise 10, F36.
#[test]
fn a_bomb_under_the_limit_ends_and_leaves_nothing() {
    let _alone = alone();
    let reachable = as_plain_user(&[TASKLAB, "--version"]).output().is_ok_and(|output| output.status.success());
    if !reachable {
        return skipped(format!("a plain user cannot execute {TASKLAB}"));
    }
    let tag = format!("TASKLAB_TEST=bomb-{}", std::process::id());
    let (name, value) = tag.split_once('=').expect("a variable");
    // As many as there may be: the limit counts all processes of that user, and there may be others.
    let bomb = "i=0; while [ $i -lt 200 ]; do sleep 99 & i=$((i+1)); done; echo all of them; wait";
    let command = ["prlimit", "--nproc=120:120", TASKLAB, "exec", "--timeout", "20", "--grace", "0.2", "--", "sh", "-c", bomb];
    let output = as_plain_user(&command).env(name, value).output().expect("runs");
    let (status, out, err) = said(&output);
    assert!(status != 0 && !out.contains("all of them") && err.contains("fork"), "{status}: {out}{err}");
    eventually("nothing of it is left", || support::tagged(&tag).is_empty());
}

/// /proc/meminfo as the test wants it, for whatever is run in there.
fn with_memory(available_kb: u64, command: &str) -> Option<(i32, String, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = folder.path().join("meminfo");
    std::fs::write(&fake, format!("MemTotal: 1024000 kB\nMemFree: 10240 kB\nMemAvailable: {available_kb} kB\n"))
        .expect("written");
    let script = format!("mount --bind {} /proc/meminfo || exit 99; {command}", fake.display());
    let output = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).stdin(Stdio::null()).output().expect("unshare runs");
    let told = said(&output);
    if told.0 == 99 || told.2.contains("unshare:") {
        skipped(format!("no user namespaces with mounts here: {}", told.2));
        return None;
    }
    Some(told)
}

/// Covers: F38.
#[test]
fn no_child_is_started_into_a_full_memory() {
    let _alone = alone();
    let command = format!("{TASKLAB} exec -- echo started");
    let Some((status, out, err)) = with_memory(65_000, &command) else { return };
    assert!(status == 125 && out.is_empty(), "{status}: {out}{err}");
    assert!(err.contains("only 63 MiB of memory are available") && err.contains("64 MiB are kept free"), "{err}");
    let control = with_memory(200_000, &command).expect("worked before");
    assert_eq!((control.0, control.1.as_str()), (0, "started\n"), "{}", control.2);
}

/// Covers: F64.
#[test]
fn where_proc_hides_the_processes_of_others_a_run_is_complete_all_the_same() {
    let _alone = alone();
    let run = format!("{TASKLAB} exec --json --timeout 60 -- sh -c 'setsid sleep 90 & exit 3'");
    let look = "status=$?; grep -lx sleep /proc/[0-9]*/comm && echo LEFT; exit $status";
    let script = format!("mount -o remount,hidepid=2 /proc || exit 99; {TASKLAB} doctor; {run}; {look}");
    let command = ["-Urpfm", "--mount-proc", "sh", "-c", &script];
    let output = Command::new("unshare").args(command).stdin(Stdio::null()).output().expect("unshare runs");
    let (status, out, err) = said(&output);
    if status == 99 || err.contains("unshare:") {
        return skipped(format!("no user namespaces with mounts here: {err}"));
    }
    assert_eq!(status, 3, "{out}{err}");
    assert!(out.contains("hidden (hidepid="), "{out}");
    assert!(out.contains("\"processes_left\":0") && !out.contains("LEFT"), "the one that left its session was found: {out}");
}

/// Covers: promise 10, F29.
#[test]
fn a_launch_for_which_no_descriptors_are_left_is_refused_and_the_next_one_works() {
    let _alone = alone();
    let few = |arguments: &[&str]| {
        let script = format!("ulimit -n 64; exec {TASKLAB} exec \"$@\"");
        said(&Command::new("sh").args(["-c", &script, "sh"]).args(arguments).stdin(Stdio::null()).output().expect("runs"))
    };
    let mut long = vec!["--", "true"];
    for _ in 0..14 {
        long.extend([":::", "true"]);
    }
    let (status, _, err) = few(&long);
    assert!(status == 125 && err.contains("files are open") && err.contains("ulimit -n"), "{status}: {err}");
    assert_eq!(few(&["--", "echo", "lime", ":::", "cat"]), (0, "lime\n".to_owned(), String::new()));
}

fn set_open_files(pid: tasklab::model::Pid, limit: u64) {
    let pid = rustix::process::Pid::from_raw(pid.number());
    let maximum = prlimit(pid, Resource::Nofile, Rlimit { current: Some(limit), maximum: Some(1 << 14) }).expect("ours").maximum;
    assert!(maximum.is_none_or(|maximum| maximum >= limit));
}

/// Covers: promise 10, F29.
#[test]
fn a_supervisor_without_descriptors_still_sees_counts_and_signals() {
    let _alone = alone();
    let mut supervisor = Supervisor::start();
    set_open_files(supervisor.pid(), 64);
    let quiet = |script: &str| ChildSpec {
        stdin: Input::Null,
        stdout: OutputTo::Null,
        stderr: OutputTo::Null,
        ..ChildSpec::new(["sh", "-c", script])
    };
    let mut children = Vec::new();
    let failure = loop {
        match supervisor.launch(vec![quiet("sleep 97 & wait")]) {
            Ok(mut started) => children.push((supervisor.run(), started.remove(0).0.pid)),
            Err(failure) => break failure,
        }
        assert!(children.len() < 64, "the limit must be met");
    };
    assert!(failure.to_string().contains("Too many open files"), "{failure}");
    let (run, pid) = children[0];
    eventually("every shell has its sleeper", || survivors(&supervisor).len() == 2 * children.len());
    assert_eq!(supervisor.signal_run(run, &[]).len(), 2, "none of the run's two processes is overlooked");
    supervisor.request(&Request::CountAll);
    let all = supervisor.wait_for("the count", |report| match report {
        Report::Counted { result } => Some(result.clone()),
        _ => None,
    });
    assert_eq!(all.expect("counted").len(), 2 * children.len());
    assert_eq!(supervisor.signal(pid, &[Signal::KILL], Scope::Tree), Ok(2));
    supervisor.exit_of(pid);
    let (brief, _) = supervisor.launch_one(quiet("exit 0"));
    supervisor.exit_of(brief);
    // A request so long that it travels as a file needs one more descriptor to be read.
    let failure = loop {
        match supervisor.launch(vec![quiet("sleep 97")]) {
            Ok(_) => {}
            Err(failure) => break failure,
        }
    };
    assert!(failure.to_string().contains("Too many open files"), "{failure}");
    let long = ChildSpec { argv: vec!["echo".into(), "x".repeat(100_000).into()], ..quiet("") };
    let failure = supervisor.launch(vec![long]).expect_err("there is no room");
    assert!(failure.to_string().contains("Too many open files"), "{failure}");
}

/// Covers: F56.
#[test]
fn limits_on_memory_and_cpu_hold_or_are_refused_with_the_reason() {
    const EATER: &str = "import sys; hoard = []\nwhile True: hoard.append(bytearray(1 << 20))";
    let _alone = alone();
    let run = exec(&["--memory-max", "64M", "--cpu-max", "50", "--timeout", "30", "--", "python3", "-c", EATER]);
    let doctor: Vec<serde_json::Value> =
        serde_json::from_slice(&tasklab(&["doctor", "--json"]).output().expect("runs").stdout).expect("JSON");
    let finding = doctor.iter().find(|finding| finding["topic"] == "limits of a run").expect("said by the doctor");
    if finding["ok"] == true {
        assert_eq!(run.0, 137, "killed for want of memory: {}", run.2);
    } else {
        assert!(run.0 == 125 && run.2.contains("cannot be limited"), "{run:?}");
        skipped(format!("no control group holds a run to a limit here: {}", run.2));
    }
}

/// A systemd of the user's, as far as the supervisor can see: a script that stands for busctl(1).
struct Systemd(tempfile::TempDir);

impl Systemd {
    /// `None`, aloud, where the supervisor has no reason to ask.
    fn new() -> Option<Self> {
        let refused = exec(&["--memory-max", "64M", "--", "true"]);
        if refused.0 != 125 || refused.2.contains("no control groups of version 2") {
            skipped("there is a control group of our own, or none at all");
            return None;
        }
        let systemd = Self(tempfile::tempdir().expect("a folder"));
        std::fs::create_dir(systemd.path("systemd")).expect("a folder");
        std::fs::write(systemd.path("bus"), "").expect("written");
        Some(systemd)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn script(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(self.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    }

    /// Makes busctl a script with this text.
    fn answers(&self, text: &str) {
        self.script("busctl", &format!("echo $$ \"$@\" >{0}.new; mv {0}.new {0}\n{text}", self.path("asked")));
    }

    /// The words that busctl was called with, its PID first.
    fn asked(&self) -> Option<Vec<String>> {
        let words = std::fs::read_to_string(self.path("asked")).ok()?;
        Some(words.split_whitespace().map(str::to_owned).collect())
    }

    /// A supervisor that sees this one.
    fn supervisor(&self) -> Supervisor {
        let folder = self.0.path().display();
        let variables = format!("unset DBUS_SESSION_BUS_ADDRESS; export XDG_RUNTIME_DIR={folder} PATH={folder}:$PATH");
        self.script("tasklab", &format!("{variables}\nexec {TASKLAB} \"$@\""));
        Supervisor::of(&self.0.path().join("tasklab"))
    }

    /// The same for a whole program.
    fn seen_by<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let folder = self.0.path().display();
        let path = format!("{folder}:{}", std::env::var("PATH").expect("set"));
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").env("XDG_RUNTIME_DIR", self.0.path()).env("PATH", path)
    }
}

fn limited() -> ChildSpec {
    let group_limits = GroupLimits { memory: Some(64 << 20), cpu_percent: Some(50) };
    ChildSpec { group_limits, ..ChildSpec::new(["echo", "has run"]) }
}

/// Without a group of our own, the user's systemd is asked through busctl(1) for a scope that holds the supervisor, and in which it makes
/// groups itself: what it is asked for is looked at here, in its place. Nothing runs without the limits that were asked for.
#[test]
fn a_scope_of_systemds_is_asked_for_where_no_group_is_ours() {
    let _alone = alone();
    let Some(systemd) = Systemd::new() else { return };
    systemd.answers("echo Call failed: no such thing >&2; exit 1");
    let mut supervisor = systemd.supervisor();
    let failure = supervisor.launch(vec![limited()]).expect_err("no limits").to_string();
    let Some(asked) = systemd.asked() else {
        return skipped(format!("the kernel has no such controllers for the user's systemd: {failure}"));
    };
    assert!(failure.contains("cannot be limited: systemd has made no scope for it: Call failed: no such thing"), "{failure}");
    let asked = asked[1..].join(" ");
    let pid = supervisor.pid();
    assert!(asked.contains(&format!(" StartTransientUnit ssa(sv)a(sa(sv)) tasklab-{pid}.scope fail ")), "{asked}");
    assert!(asked.contains(&format!(" PIDs au 1 {pid} ")) && asked.contains(" Delegate b true "), "{asked}");
    // A systemd that says yes and does nothing.
    systemd.answers("exit 0");
    let failure = supervisor.launch(vec![limited()]).expect_err("no limits").to_string();
    assert!(failure.contains("was not moved into it"), "{failure}");
}

/// While systemd thinks it over, other children are started and ended, and nobody takes the supervisor for lost; whoever goes leaves
/// nothing.
#[test]
fn the_supervisor_goes_on_while_systemd_is_asked() {
    let _alone = alone();
    let Some(systemd) = Systemd::new() else { return };
    systemd.answers("exec sleep 98");
    let mut supervisor = systemd.supervisor();
    let slow = RunId::new(77);
    supervisor.request(&Request::Launch { run: slow, stages: vec![limited()] });
    let (child, _) = supervisor.launch_one(ChildSpec::new(["true"]));
    let is_refused = |report: &Report| matches!(report, Report::NotLaunched { run, .. } if *run == slow);
    if supervisor.has_seen(is_refused) {
        return skipped("the kernel has no such controllers for the user's systemd");
    }
    supervisor.exit_of(child);
    eventually("busctl asks", || systemd.asked().is_some());
    let busctl = || format!("/proc/{}", systemd.asked().expect("it asks")[0]);
    supervisor.close();
    eventually("busctl has gone", || !std::path::Path::new(&busctl()).exists());

    let mut command = tasklab(&["exec", "--memory-max", "64M", "--", "echo", "has run"]);
    let (status, out, err) = said(&systemd.seen_by(&mut command).output().expect("runs"));
    assert!(status == 125 && out.is_empty() && err.contains("it did not answer within 5 s"), "{status}: {out}{err}");
    eventually("busctl has gone", || !std::path::Path::new(&busctl()).exists());
}
