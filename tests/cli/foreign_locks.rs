//! Locks of programs that know nothing of us: who owns them, and the deadlocks that come of it. The programs say themselves which thread
//! has what.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::program::tasklab;
use support::runs::{engine, programs};
use support::stress::promised;
use support::{App, eventually, skipped};
use tasklab::engine::Command as Ask;
use tasklab::model::{ChildSpec, Lane, LaneNow, Pid, Snapshot, Tid};
use tasklab::monitor::{Reasons, WaitReason};

const LOCKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/locks.py");
/// Two mutexes in C.
const CROSS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/cross.c");
const PYTHON: &str = "/usr/bin/python3";
const UNKNOWN: &str = "a lock (owner unknown)";

/// What the program said until it was ready: the thread ids and addresses of its threads and things.
fn said_by(lines: &mut impl Iterator<Item = String>) -> HashMap<String, String> {
    let said = lines.take_while(|line| line != "ready");
    said.filter_map(|line| line.split_once(' ').map(|(name, what)| (name.to_owned(), what.to_owned()))).collect()
}

/// A program that waits in one way, and what it said.
struct Program {
    app: App,
    said: HashMap<String, String>,
    /// It would fail to write to a pipe that nobody reads.
    _output: BufReader<ChildStdout>,
}

fn start(mode: &str) -> Program {
    let mut app = App::start(Command::new(PYTHON).args([LOCKS, mode]).stdin(Stdio::null()).stdout(Stdio::piped()));
    let mut output = BufReader::new(app.process.stdout.take().expect("piped"));
    let said = said_by(&mut output.by_ref().lines().map_while(Result::ok));
    assert!(said.contains_key("waiter"), "{mode}: {said:?}");
    Program { app, said, _output: output }
}

fn tid(said: &HashMap<String, String>, name: &str) -> Tid {
    Tid::new(said[name].parse().unwrap_or_else(|_| panic!("{said:?}")))
}

/// Asks until the thread waits for what is wanted.
#[track_caller]
fn until_it_waits(app: &App, waiter: Tid, what: &str, mut is_wanted: impl FnMut(&WaitReason) -> bool) {
    let mut reasons = Reasons::new().expect("/proc");
    eventually(what, || reasons.ask(Pid::new(app.pid()), waiter, &[]).as_ref().is_some_and(&mut is_wanted));
}

#[test]
fn the_owner_of_a_foreign_mutex_is_the_thread_that_says_so() {
    for mode in ["plain", "timed", "recursive", "error-checking", "adaptive", "robust", "inheriting", "shared", "itself"] {
        let Program { app, said, .. } = &start(mode);
        let owner = tid(said, if mode == "itself" { "waiter" } else { "holder" });
        let words = format!("lock {}", said["a"]);
        until_it_waits(app, tid(said, "waiter"), mode, |reason| {
            assert!(reason.held_by.is_none_or(|held_by| held_by == owner), "{mode}: {reason:?}, {said:?}");
            reason.words == words && reason.held_by == Some(owner) && !reason.is_timer
        });
    }
}

#[test]
fn a_thread_that_is_joined_is_named_and_no_lock() {
    let Program { app, said, .. } = &start("join");
    let of = tid(said, "of-c");
    until_it_waits(app, tid(said, "waiter"), "the end of a thread", |reason| {
        reason.words == format!("the end of thread {of}") && reason.held_by == Some(of)
    });
}

#[test]
fn what_keeps_no_owner_is_never_given_one() {
    for mode in ["condition", "semaphore", "reading", "python", "ended"] {
        let Program { app, said, .. } = &start(mode);
        let mut times = 0;
        until_it_waits(app, tid(said, "waiter"), mode, |reason| {
            assert_eq!(reason.held_by, None, "{mode}: {reason:?}, {said:?}");
            times += u32::from(reason.words == UNKNOWN);
            times > 50
        });
    }
}

/// A set-uid program, which the kernel shows to nobody but root.
#[test]
fn a_program_that_runs_as_another_user_is_said_to_be_hidden() {
    let su = Path::new("/usr/bin/su");
    let is_set_uid = su.metadata().is_ok_and(|file| file.mode() & 0o4000 != 0 && file.uid() == 0);
    if !is_set_uid || rustix::process::geteuid().is_root() {
        return skipped("needs to be run as an ordinary user, with a set-uid su");
    }
    // It asks for a password that does not come.
    let app = App::start(Command::new(su).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()));
    until_it_waits(&app, Tid::new(app.pid()), "it waits", |reason| {
        assert_eq!((reason.held_by, reason.other_end), (None, None), "{reason:?}");
        reason.words == "something that the kernel does not show"
    });
}

/// A run of a foreign program: its events as they come, and what it has said so far.
struct Run {
    _app: App,
    lines: Box<dyn Iterator<Item = String>>,
    output: String,
    /// When its threads had met, in the run's time.
    met: Duration,
}

impl Run {
    fn start(program: &[&str]) -> Self {
        Self::of(&mut tasklab(&[&["exec", "--no-observe", "--json", "--timeout", "60", "--"], program].concat()))
    }

    fn of(command: &mut Command) -> Self {
        let mut app = App::start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
        let lines = BufReader::new(app.process.stdout.take().expect("piped")).lines().map_while(Result::ok);
        Self { _app: app, lines: Box::new(lines), output: String::new(), met: Duration::ZERO }
    }

    /// Reads on until a finding comes.
    #[track_caller]
    fn next_finding(&mut self) -> Value {
        for line in self.lines.by_ref() {
            let event: Value = serde_json::from_str(&line).expect("JSON");
            match event["kind"].as_str() {
                Some("output") => {
                    let text = event["text"].as_str().unwrap_or_default();
                    self.output += text;
                    if text.contains("met") {
                        self.met = at(&event);
                    }
                }
                Some("finding") => return event,
                _ => {}
            }
        }
        panic!("no finding came; it said {}", self.output)
    }

    fn said(&self) -> HashMap<String, String> {
        said_by(&mut self.output.lines().map(str::to_owned))
    }
}

fn at(event: &Value) -> Duration {
    Duration::from_nanos(event["t"].as_u64().unwrap_or_default())
}

/// The address of the futex that a thread of its own process waits for, read without the code under test.
fn futex_of(tid: Tid) -> String {
    let call = std::fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default();
    call.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[track_caller]
fn is_deadlock(run: &Run, finding: &Value) {
    let said = run.said();
    let (a, b) = (&said["a"], &said["b"]);
    let text = format!("Deadlock: left waits for lock {b}, held by right, which waits for lock {a}, held by left.");
    assert_eq!((&finding["text"], &finding["id"]), (&text.into(), &"deadlock".into()), "{finding}");
    assert_eq!((&finding["tasks"], &finding["over"]), (&serde_json::json!(["left", "right"]), &Value::Null), "{finding}");
    assert_eq!([tid(&said, "left"), tid(&said, "right")].map(futex_of), [b.clone(), a.clone()]);
    promised("a deadlock of a foreign program is named", at(finding).saturating_sub(run.met), Duration::from_secs(1));
}

#[test]
fn a_deadlock_of_a_foreign_program_is_named_with_both_threads_and_both_addresses() {
    let mut run = Run::start(&[PYTHON, LOCKS, "deadlock"]);
    let finding = run.next_finding();
    is_deadlock(&run, &finding);
}

#[test]
fn a_deadlock_in_c_is_named_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("cross");
    let compiled = Command::new("cc").args(["-pthread", CROSS, "-o"]).arg(&program).status();
    if compiled.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return skipped("needs a C compiler");
    }
    assert!(compiled.expect("runs").success());
    let program = program.to_str().expect("UTF-8");
    let mut run = Run::start(&[program]);
    let finding = run.next_finding();
    is_deadlock(&run, &finding);
    let said = tasklab(&["exec", "--no-observe", "--timeout", "3", "--", program]).output().expect("runs");
    let (text, own) = (String::from_utf8_lossy(&said.stderr), String::from_utf8_lossy(&said.stdout));
    let is_told = text.lines().any(|line| line.contains("Deadlock: ") && line.contains("left waits for lock 0x"));
    assert!(is_told && own.contains("met") && !own.contains("Deadlock"), "for people on the standard error: {text}{own}");
}

#[test]
fn a_deadlock_that_a_time_limit_ends_is_told_as_over() {
    let mut run = Run::start(&[PYTHON, LOCKS, "given-up"]);
    let finding = run.next_finding();
    let said = run.said();
    assert!(finding["over"].is_null() && finding["text"].as_str().is_some_and(|text| text.contains(&said["a"])), "{finding}");
    let over = run.next_finding();
    assert_eq!((&over["text"], &over["over"]), (&"The deadlock of left and right is over.".into(), &true.into()));
}

#[test]
fn without_switch_records_a_deadlock_is_named_as_well() {
    if !Path::new("/usr/bin/strace").exists() {
        return skipped("needs strace, to refuse perf_event_open");
    }
    let mut refused = Command::new("/usr/bin/strace");
    refused.args(["-f", "-qq", "--seccomp-bpf", "-e", "trace=perf_event_open", "-e", "inject=perf_event_open:error=EACCES"]);
    refused.args(["-o", "/dev/null"]).arg(support::program::path());
    let mut run = Run::of(refused.args(["exec", "--no-observe", "--json", "--timeout", "60", "--", PYTHON, LOCKS, "given-up"]));
    let finding = run.next_finding();
    let said = run.said();
    let text = finding["text"].as_str().unwrap_or_default();
    assert!(finding["over"].is_null() && text.contains(&said["a"]) && text.contains(&said["b"]), "{finding}");
    assert_eq!(run.next_finding()["text"], "The deadlock of left and right is over.", "it lasted, and then was given up");
}

#[test]
fn a_lock_whose_holder_has_ended_is_said_to_be_left_alone() {
    let mut run = Run::start(&[PYTHON, LOCKS, "abandoned"]);
    let finding = run.next_finding();
    let text = format!(
        "Nobody can let waiter go on: it waits for lock {}, and holder, which held it, has ended without releasing it.",
        run.said()["a"]
    );
    assert_eq!((&finding["id"], &finding["text"]), (&"abandoned".into(), &text.into()), "{finding}");
}

/// What the window shows: the waiter's lane has the lock's address and the holder's name, and no finding comes of it.
#[test]
fn lanes_say_the_owner_and_where_there_is_none_that_it_is_unknown() {
    for (mode, on, held_by) in [
        ("plain", "a", Some("holder")),
        ("itself", "a", Some("waiter")),
        ("join", "", Some("python3")),
        ("condition", "", None),
        ("semaphore", "", None),
        ("python", "", None),
        ("ended", "", None),
    ] {
        let engine = engine(None);
        let handle = engine.handle();
        handle.send(Ask::Launch(Box::new(programs(vec![ChildSpec::new([PYTHON, LOCKS, mode])])))).expect("taken");
        let mut seen = None;
        eventually(&format!("{mode}: the waiter's lane says it"), || {
            let snapshot = handle.snapshot();
            let Some(said) = said_in(&snapshot) else { return false };
            seen = lane(&snapshot, "waiter").and_then(Lane::now);
            let label = match (on, held_by) {
                ("a", _) => format!("lock {}", said["a"]),
                (_, Some(_)) => format!("the end of thread {}", said["of-c"]),
                _ => UNKNOWN.to_owned(),
            };
            seen.as_ref().is_some_and(|now| *now.label == *label)
        });
        let LaneNow { held_by: holder, .. } = seen.expect("just now");
        let is_holder = holder.as_deref().map(|name| held_by.is_some_and(|held_by| name.starts_with(held_by)));
        assert_eq!(is_holder, held_by.map(|_| true), "{mode}: {holder:?}");
    }
}

/// What the program has said, once it is ready.
fn said_in(snapshot: &Snapshot) -> Option<HashMap<String, String>> {
    let output = snapshot.runs.last()?.outputs.first()?;
    let is_ready = output.tail.lines().any(|line| line == "ready");
    is_ready.then(|| said_by(&mut output.tail.lines().map(str::to_owned)))
}

fn lane<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Lane> {
    snapshot.runs.last()?.lanes.iter().map(std::convert::AsRef::as_ref).find(|lane| &*lane.name == name)
}
