//! Promise 9: any system call of Task Lab's may fail at any time. strace makes it fail; nothing crashes, hangs or leaks.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::stress::{Chance, rounds};
use support::watchdog::{Watchdog, report};
use support::{App, Supervisor, descendants_of, eventually, skipped};
use tasklab::model::{ChildSpec, ExitStatus};

use crate::alone;

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

/// The calls that fail. The C library chooses between `clone` and `clone3`, so both are here.
const CALLS: [&str; 14] = [
    "clone",
    "clone3",
    "execve",
    "pipe2",
    "pidfd_open",
    "waitid",
    "epoll_ctl",
    "read",
    "openat",
    "socketpair",
    "sendmsg",
    "recvmsg",
    "mmap",
    "ioctl",
];
const ERRORS: [&str; 5] = ["EMFILE", "ENOMEM", "EAGAIN", "EINTR", "EIO"];

/// The result of one run under strace.
struct Ran {
    /// `None`: killed by a signal.
    code: Option<i32>,
    signal: Option<i32>,
    stderr: String,
    /// Calls by name that our processes made, and those that were made to fail.
    calls: BTreeMap<String, usize>,
    injected: usize,
}

/// A small run with all that matters: a pipeline, captured output of both kinds, a signal, a child of a child.
fn run(folder: &Path, options: &[String], arguments: &[&str]) -> Ran {
    let log = folder.join("log");
    let _ = fs::remove_file(&log);
    let errors = fs::File::create(folder.join("stderr")).expect("a file");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&log).args(options).arg(TASKLAB).args(arguments).env("RUST_BACKTRACE", "0");
    let mut strace = App::start(strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors));
    let began = Instant::now();
    let limit = Duration::from_mins(5);
    let status = loop {
        if let Some(status) = strace.process.try_wait().expect("ours") {
            break status;
        }
        if began.elapsed() > limit {
            let below = descendants_of(strace.pid());
            let hung = report(&below);
            panic!("{options:?} hangs for {limit:?}\n{hung}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    eventually(&format!("nothing is left after {options:?}"), || strace.all().is_empty());
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    let mut calls = BTreeMap::new();
    for line in text.lines() {
        let call = line.split_whitespace().nth(1).and_then(|call| call.split('(').next()).unwrap_or_default();
        *calls.entry(call.to_owned()).or_default() += 1;
    }
    let stderr = fs::read_to_string(folder.join("stderr")).unwrap_or_default();
    let injected = text.matches("(INJECTED)").count();
    Ran { code: status.code(), signal: status.signal(), stderr, calls, injected }
}

const RUN: &[&str] = &["exec", "--json", "--stdin", "text", "--", "cat", ":::", "sh", "-c", "cat; (exit 3); echo done >&2"];

fn strace_works(folder: &Path) -> bool {
    let probe = Command::new("strace").args(["-f", "-o"]).arg(folder.join("probe")).arg("true").output();
    match probe {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            skipped(format!("strace may not trace here: {}", String::from_utf8_lossy(&output.stderr)));
            false
        }
        Err(error) => panic!("strace is needed; `make test` installs it: {error}"),
    }
}

#[track_caller]
fn assert_lives(what: &str, ran: &Ran) {
    // Without memory for a thread's signal stack, or for the next byte, Rust's runtime ends the program itself, and says why.
    let of_the_runtime = ["failed to allocate an alternative stack", "failed to allocate a guard page", "memory allocation of"];
    if what.starts_with("mmap") && of_the_runtime.iter().any(|text| ran.stderr.contains(text)) {
        return;
    }
    let own: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("tasklab: ")).collect();
    assert_eq!(ran.signal, None, "{what}: crashed: {}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
    // The loader's own words, where it is the loader that could not go on, are not ours.
    let is_loaders = ran.stderr.contains("error while loading shared libraries") || ran.stderr.contains("cannot allocate");
    let needs_words = matches!(ran.code, Some(1 | 3 | 125 | 126 | 127));
    assert!(!needs_words || !own.is_empty() || is_loaders, "{what}: status {:?} without a word: {:?}", ran.code, ran.stderr);
}

/// Covers: promise 9, F27, F28, F29, facts 16, 19, 20, 56.
#[test]
fn whichever_call_fails_nothing_crashes_hangs_or_is_left() {
    let _alone = alone();
    let scratch = tempfile::tempdir().expect("a folder");
    if !strace_works(scratch.path()) {
        return;
    }
    let count = std::env::var("TASKLAB_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| rounds(60, 1_500));
    let _watchdog = Watchdog::after(Duration::from_secs(600 + count as u64 * 10));
    let calls = run(scratch.path(), &[], RUN);
    assert_eq!(calls.code, Some(0), "the control: without a fault it runs: {}", calls.stderr);
    let mut chance = Chance::start();
    let (mut injected, mut failed) = (0, 0);
    for _ in 0..count {
        let call = *chance.pick(&CALLS);
        let Some(made) = calls.calls.get(call) else { continue };
        let error = chance.pick(&ERRORS);
        // The loader's own mappings come first; without them there is no program that could say anything.
        let when = if call == "mmap" { 18 + chance.below(8) } else { chance.below(*made.min(&40)) + 1 };
        // Which process makes the Nth is chance, too: the app, the supervisor, or a child.
        let options = vec![
            "-e".to_owned(),
            format!("trace={call}"),
            "--seccomp-bpf".to_owned(),
            "-e".to_owned(),
            format!("inject={call}:error={error}:when={when}"),
        ];
        let ran = run(scratch.path(), &options, RUN);
        injected += usize::from(ran.injected > 0);
        failed += usize::from(ran.code != Some(0));
        assert_lives(&format!("{call} #{when} {error}"), &ran);
    }
    println!("{count} runs, {injected} with a call that failed, {failed} of them ended with another status and a message");
    assert!(injected > count / 8 && failed > 0, "the control: {injected} faults, {failed} seen");
}

/// The supervisor alone, while it starts children: attached to, so that nobody else's calls are hit. Each fault is an answer, and
/// the launch after it works.
///
/// Covers: promise 9, F27, F28, F29, facts 19, 20.
#[test]
fn a_launch_that_fails_inside_the_supervisor_is_answered_and_the_next_one_works() {
    let _alone = alone();
    let scratch = tempfile::tempdir().expect("a folder");
    if !strace_works(scratch.path()) {
        return;
    }
    let _watchdog = Watchdog::after(Duration::from_mins(15));
    let mut supervisor = Supervisor::start();
    let child = || ChildSpec { stdin: tasklab::model::Input::Pipe, ..ChildSpec::new(["sh", "-c", "cat; exit 4"]) };
    let works = |supervisor: &mut Supervisor| {
        let (pid, pipes) = supervisor.launch_one(child());
        drop(pipes.stdin);
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(4));
    };
    works(&mut supervisor);
    let own = supervisor.pid().number();
    let before = support::descriptors_of(own);
    let (mut refused, mut tried) = (0, 0);
    for call in ["clone", "pipe2", "fcntl"] {
        for error in ["EMFILE", "ENOMEM", "EAGAIN"] {
            for when in 1..=rounds(2, 8) {
                let mut strace = Command::new("strace")
                    .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
                    .args(["-e", &format!("inject={call}:error={error}:when={when}"), "-p", &own.to_string()])
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("strace");
                eventually("strace has attached", || {
                    fs::read_to_string(format!("/proc/{own}/status")).is_ok_and(|text| !text.contains("TracerPid:\t0\n"))
                });
                tried += 1;
                match supervisor.launch(vec![child()]) {
                    Ok(mut children) => {
                        let (child, pipes) = children.remove(0);
                        drop(pipes);
                        supervisor.exit_of(child.pid);
                    }
                    Err(failure) => {
                        refused += 1;
                        let text = failure.to_string();
                        assert!(text.contains("could not") && text.contains("os error"), "{call} #{when} {error}: {text}");
                    }
                }
                let _ = rustix::process::kill_process(
                    rustix::process::Pid::from_raw(strace.id().cast_signed()).expect("a PID"),
                    rustix::process::Signal::INT,
                );
                strace.wait().expect("ours");
                works(&mut supervisor);
                assert_eq!(support::descriptors_of(own), before, "descriptors after {call} #{when} {error}");
                assert_eq!(support::survivors(&supervisor), Vec::<i32>::new());
            }
        }
    }
    println!("{tried} launches with a fault, {refused} refused with a reason");
    assert!(refused >= 6, "the control: the faults were met");
}

/// Nobody writes half a recording: killed at any write, the file under its name is whole, or not there.
///
/// Covers: F68.
#[test]
fn a_recording_is_whole_or_absent_whenever_its_writer_is_killed() {
    let _alone = alone();
    let scratch = tempfile::tempdir().expect("a folder");
    if !strace_works(scratch.path()) {
        return;
    }
    let record = scratch.path().join("run.jsonl");
    let path = record.to_str().expect("text");
    let arguments = ["exec", "--json", "--", "sh", "-c", "echo hello"];
    let record_run = ["run", "fork", "--language", "rust", "--record", path];
    assert_eq!(run(scratch.path(), &[], &arguments).code, Some(0));
    let (mut absent, mut whole) = (0, 0);
    for when in 1..=rounds(6, 60) {
        let _ = fs::remove_file(&record);
        let at = when * 3;
        let options = vec![
            "-e".to_owned(),
            "trace=write,rename".to_owned(),
            "-e".to_owned(),
            format!("inject=write:signal=KILL:when={at}"),
        ];
        let ran = run(scratch.path(), &options, &record_run);
        match fs::read_to_string(&record) {
            Err(_) => absent += 1,
            Ok(text) => {
                whole += 1;
                assert!(text.lines().last().is_some_and(|line| line.contains("run.finished")), "killed at write {at}: {text}");
            }
        }
        assert!(ran.code == Some(0) || !ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    println!("killed at a write: {absent} times no file, {whole} times a whole one");
    assert!(absent > 0, "the control: a kill came in between");
}
