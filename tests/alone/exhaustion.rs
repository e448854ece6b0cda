//! Promise 10: no descriptors, no processes, no memory, no disk left: Task Lab says so, lives, and recovers.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit};
use support::program::said;
use support::stress::{promised, read_all, rounds};
use support::{Supervisor, descriptors_of, eventually, skipped, survivors};
use tasklab::model::{ChildSpec, ExitStatus, Input, OutputTo, Scope, Signal};

use crate::alone;

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

fn quiet(spec: ChildSpec) -> ChildSpec {
    ChildSpec { stdout: OutputTo::Null, stderr: OutputTo::Null, ..spec }
}

/// Lowers the soft limit of the supervisor's alone.
fn limit(supervisor: &Supervisor, resource: Resource, to: Option<u64>) {
    let pid = rustix::process::Pid::from_raw(supervisor.pid().number());
    let hard = rustix::process::prlimit(pid, resource, Rlimit { current: to, maximum: None }).map(|old| old.maximum);
    if hard.is_err() {
        let old = rustix::process::getrlimit(resource);
        rustix::process::prlimit(pid, resource, Rlimit { current: to.or(old.maximum), maximum: old.maximum }).expect("prlimit");
    }
}

#[track_caller]
fn works(supervisor: &mut Supervisor) {
    let (pid, pipes) = supervisor.launch_one(ChildSpec::new(["sh", "-c", "echo lime; exit 4"]));
    assert_eq!(read_all(pipes.stdout.expect("captured")), b"lime\n");
    assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(4));
}

/// Covers: promise 10, F29, facts 19, 27.
#[test]
fn without_descriptors_launches_are_refused_by_name_and_all_come_back() {
    let _alone = alone();
    let mut supervisor = Supervisor::start();
    works(&mut supervisor);
    let own = supervisor.pid().number();
    let before = descriptors_of(own);
    limit(&supervisor, Resource::Nofile, Some(64));
    let mut alive = Vec::new();
    let refusal = loop {
        assert!(alive.len() < 100, "64 descriptors cannot hold so many children");
        match supervisor.launch(vec![quiet(ChildSpec { stdin: Input::Pipe, ..ChildSpec::new(["sleep", "600"]) })]) {
            Ok(mut children) => alive.push(children.remove(0)),
            Err(failure) => break failure.to_string(),
        }
    };
    assert!(refusal.contains("could not") && refusal.contains("os error 24"), "{refusal}");
    println!("{} children with 64 descriptors; then: {refusal}", alive.len());
    assert!(alive.len() >= 8, "a child costs few of them: {}", alive.len());
    // Again and again: nothing is half-built.
    for _ in 0..rounds(50, 1_024) {
        supervisor.launch(vec![ChildSpec::new(["true"])]).expect_err("still none left");
    }
    assert_eq!(survivors(&supervisor).len(), alive.len());
    let began = Instant::now();
    for (child, _) in &alive {
        supervisor.signal(child.pid, &[Signal::KILL], Scope::Process).expect("signalled: its descriptor is held since its birth");
    }
    for (child, _) in alive {
        supervisor.exit_of(child.pid);
    }
    works(&mut supervisor);
    promised("recovery from exhausted descriptors", began.elapsed(), Duration::from_secs(2));
    for _ in 0..15 {
        works(&mut supervisor);
    }
    assert_eq!(descriptors_of(own), before);
}

/// Covers: promise 10, F27, facts 19, 21.
#[test]
fn without_processes_launches_are_refused_by_name() {
    let _alone = alone();
    if rustix::process::geteuid().is_root() {
        return skipped("limits on processes do not hold for root");
    }
    let mut supervisor = Supervisor::start();
    works(&mut supervisor);
    let before = descriptors_of(supervisor.pid().number());
    limit(&supervisor, Resource::Nproc, Some(1));
    let refusal = supervisor.launch(vec![ChildSpec::new(["true"])]).expect_err("no process may be made").to_string();
    assert!(refusal.contains("make a process") && refusal.contains("os error 11"), "{refusal}");
    // A pipeline whose second stage would not start is none at all.
    supervisor.launch(vec![ChildSpec::new(["yes"]), ChildSpec::new(["cat"])]).expect_err("none");
    assert_eq!(survivors(&supervisor), Vec::<i32>::new());
    let began = Instant::now();
    limit(&supervisor, Resource::Nproc, None);
    works(&mut supervisor);
    promised("recovery from a full process table", began.elapsed(), Duration::from_secs(2));
    assert_eq!(descriptors_of(supervisor.pid().number()), before);
}

/// The whole program under the limit, as a person has it who types `ulimit -n`.
///
/// Covers: promise 10, F29, fact 27.
#[test]
fn the_whole_program_works_with_few_descriptors_and_says_when_there_are_too_few() {
    let _alone = alone();
    let run = |nofile: u32, arguments: &[&str]| {
        let output =
            Command::new("prlimit").arg(format!("--nofile={nofile}")).arg(TASKLAB).args(arguments).output().expect("runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let stages = ["exec", "--", "echo", "lime", ":::", "cat", ":::", "cat"];
    assert_eq!(run(64, &stages), (Some(0), "lime\n".to_owned(), String::new()));
    let (code, _, _) = run(64, &["run", "fork", "--language", "rust"]);
    assert_eq!(code, Some(0), "a lesson has enough in 64");
    let mut refused = 0;
    for nofile in 4..24 {
        let (code, out, err) = run(nofile, &stages);
        assert!(code.is_some() && !err.contains("panicked"), "{nofile}: {code:?} {err}");
        if code != Some(0) {
            refused += 1;
            assert!(!err.trim().is_empty() && out.is_empty(), "{nofile} descriptors: {code:?} without a word; {out}");
        }
    }
    assert!(refused > 0, "the control: too few are too few");
}

/// A user's limit on processes counts all of that user's, so that the first number that does is searched for.
///
/// Covers: promise 10, F27.
#[test]
fn the_whole_program_says_what_it_cannot_start_without_processes() {
    let _alone = alone();
    if rustix::process::geteuid().is_root() {
        return skipped("limits on processes do not hold for root");
    }
    let mut told = std::collections::BTreeSet::new();
    // A user namespace counts its own processes.
    for nproc in 1..8 {
        for arguments in
            [&["exec", "--", "true"][..], &["run", "lock", "--language", "rust", "--set", "rounds=1"], &["gpio", "list"]]
        {
            let limit = format!("--nproc={nproc}:{nproc}");
            let inside = ["-Ur", "prlimit", &limit, TASKLAB].into_iter().chain(arguments.iter().copied());
            let output = Command::new("unshare").args(inside).output().expect("unshare runs");
            let err = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
            if err.contains("unshare failed") || err.contains("unshare:") {
                return skipped(format!("no user namespaces here: {err}"));
            }
            if output.status.code() != Some(0) {
                let sentence = err.lines().find(|line| line.contains("os error 11")).unwrap_or_else(|| panic!("{nproc}: {err}"));
                assert!(sentence.contains("ulimit -u"), "{nproc}: {err}");
                let what = ["make a process", "the thread monitor", "the thread engine", "the thread signals", "the thread "];
                told.extend(what.into_iter().find(|what| sentence.contains(what)));
            }
        }
    }
    println!("could not start: {told:?}");
    assert!(told.len() >= 2, "the control: too few are too few: {told:?}");
}

/// Every verb where /proc is empty: it names what it could not do, and what helps.
///
/// Covers: promise 20.
#[test]
fn without_proc_it_says_so() {
    let _alone = alone();
    let run = |arguments: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["-Urm", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\"", TASKLAB]).args(arguments);
        said(&unshare.stdin(std::process::Stdio::null()).output().expect("unshare runs"))
    };
    let (_, _, err) = run(&["list"]);
    if err.contains("unshare failed") || err.contains("mount:") {
        return skipped(format!("no user namespaces with mounts here: {err}"));
    }
    for (arguments, status) in [
        (&["exec", "--", "true"][..], 125),
        (&["exec", "--keep-fd", "0", "--", "true"], 125),
        (&["run", "fork", "--language", "rust"], 3),
        (&["run", "lock", "--language", "python"], 3),
        (&["gpio", "list"], 3),
        (&["bench", "--quick", "fork_wait"], 3),
    ] {
        let (found, _, err) = run(arguments);
        assert!(
            found == status && err.contains("/proc/self/exe") && err.contains("mount -t proc"),
            "{arguments:?}: {found} {err}"
        );
    }
    let (status, _, err) = run(&["exec", "--keep-all-fds", "--", "true"]);
    assert!(status == 125 && err.contains("/proc/self/fdinfo") && err.contains("--keep-fd"), "{status}: {err}");
    let (status, _, err) = run(&["exec", "--keep-fd", "77", "--", "true"]);
    assert!(status == 125 && err.contains("77"), "{status}: {err}");
    let (status, found, _) = run(&["doctor"]);
    assert!(status == 0 && found.contains("mount -t proc") && found.contains("✓ kernel"), "{found}");
    assert_eq!(run(&["list"]).0, 0);
}

/// Covers: promise 10, F68.
#[test]
fn a_full_disk_is_told_and_the_old_recording_stays() {
    let _alone = alone();
    let script = format!(
        "set -e; mount -t tmpfs -o size=8k none /mnt; echo old > /mnt/run.jsonl; status=0\n\
         '{TASKLAB}' run fork --record /mnt/run.jsonl >/dev/null || status=$?\n\
         cat /mnt/run.jsonl; ls -A /mnt | wc -l; exit $status"
    );
    let output = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().expect("unshare runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if err.contains("unshare failed") || err.contains("mount:") {
        return skipped(format!("no user namespaces with mounts here: {err}"));
    }
    assert!(output.status.code() == Some(3) && err.contains("os error 28"), "{:?}: {err}", output.status.code());
    assert_eq!(out, "old\n2\n", "the old one is whole; the other is what was written so far");
    assert!(err.contains("run.jsonl.partial"), "and is named: {err}");
}

/// Covers: F37, F38.
#[test]
fn an_argument_list_that_is_too_long_is_an_answer_and_the_next_launch_works() {
    let _alone = alone();
    let mut supervisor = Supervisor::start();
    let text = "x".repeat(3 << 20);
    let refusal = supervisor.launch(vec![ChildSpec::new(["true", &text])]).expect_err("the kernel takes 128 KiB a piece");
    assert!(refusal.to_string().contains("os error 7"), "{refusal}");
    works(&mut supervisor);
    eventually("nothing is left", || survivors(&supervisor).is_empty());
}
