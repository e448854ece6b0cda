//! Promise 1: the app is killed at random moments, and nothing that it has started survives.
#![allow(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{eventually, tagged};

/// A tree that wants to stay: ignores what can be ignored, leaves its session, forks twice.
const STUBBORN: &str = "trap '' TERM HUP INT; \
    setsid sh -c 'trap \"\" TERM HUP; setsid sleep 300 & sleep 300' & \
    (setsid sleep 300 &) ; \
    echo up; while :; do sleep 1; done";

/// A small generator for the moments: the seed is printed, and the same seed gives the same moments.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % 60_000)
    }
}

/// The app; killed if a test fails before it has ended.
struct App(std::process::Child);

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whoever started the tests may have had signals blocked, or SIGCHLD ignored: then nobody here could wait for anybody.
fn own_signals() {
    tasklab::sys::reset_inherited_signals().expect("ours");
}

fn start(tag: &str) -> App {
    own_signals();
    let (name, value) = tag.split_once('=').expect("a variable");
    let app = Command::new(env!("CARGO_BIN_EXE_tasklab"))
        .args(["exec", "--stdin", "null", "--", "sh", "-c", STUBBORN])
        .env(name, value)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    App(app.expect("starts"))
}

/// Covers: promise 1, F4, F50, fact 61.
#[test]
fn nothing_survives_a_sigkill_of_the_app_at_any_moment() {
    let rounds = if std::env::var("TASKLAB_STRESS").is_ok_and(|value| value == "long") { 500 } else { 50 };
    let seed =
        std::env::var("TASKLAB_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}: TASKLAB_SEED={seed} repeats it");
    let mut moments = Moments(seed);
    let mut worst = Duration::ZERO;
    for round in 0..rounds {
        let tag = format!("TASKLAB_TEST=death-{}-{round}", std::process::id());
        let mut app = start(&tag);
        // Every other time the tree stands before the moment comes, so that what is killed is not always a beginning.
        if round % 2 == 1 {
            eventually("the tree stands", || tagged(&tag).len() >= 6);
        }
        std::thread::sleep(moments.next());
        app.0.kill().expect("ours");
        let killed = Instant::now();
        eventually("nothing of it is left", || tagged(&tag).is_empty());
        worst = worst.max(killed.elapsed());
        app.0.wait().expect("ours");
    }
    println!("{rounds} kills, 0 survivors, the slowest clean-up took {worst:?}");
}

/// Covers: promise 1.
#[test]
fn the_control_without_a_supervisor_leaves_survivors() {
    own_signals();
    let tag = format!("TASKLAB_TEST=control-{}", std::process::id());
    let (name, value) = tag.split_once('=').expect("a variable");
    let mut shell = Command::new("sh")
        .args(["-c", STUBBORN])
        .env(name, value)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut line).expect("says that it is up");
    eventually("the sleepers run", || tagged(&tag).len() >= 5);
    shell.kill().and_then(|()| shell.wait()).expect("ours");
    assert!(tagged(&tag).len() >= 3, "without a supervisor the tree must survive, or the test above proves nothing");
    eventually("the control is cleaned up", || {
        // Again and again: one that forked after the list was read is not in it.
        let left = tagged(&tag);
        for pid in &left {
            let pid = rustix::process::Pid::from_raw(*pid).expect("a PID");
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        left.is_empty()
    });
}

/// Covers: promises 1, 7, F54.
#[test]
fn every_way_out_leaves_nothing() {
    for signal in ["-INT", "-TERM", "-HUP", "-QUIT", "-ABRT"] {
        let tag = format!("TASKLAB_TEST=way{signal}-{}", std::process::id());
        let mut app = start(&tag);
        eventually("the tree stands", || tagged(&tag).len() >= 6);
        Command::new("kill").args([signal, &app.0.id().to_string()]).status().expect("kill runs");
        eventually(&format!("the app ends by kill {signal}"), || app.0.try_wait().expect("ours").is_some());
        eventually("nothing of it is left", || tagged(&tag).is_empty());
    }
}

/// In a container, or below an init that opened no session, getsid(2) and getpgid(2) answer 0.
#[test]
fn a_run_works_where_the_session_is_outside_of_the_namespace() {
    own_signals();
    let inside = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-current-user", "--pid", "--fork", "--kill-child", "--mount-proc"]).args(command);
        unshare.stdin(Stdio::null()).output().expect("unshare runs")
    };
    let probe = inside(&["ps", "-o", "sid=", "-p", "1"]);
    if !probe.status.success() {
        println!("NOT CHECKED: no user namespaces here: {}", String::from_utf8_lossy(&probe.stderr));
        return;
    }
    assert_eq!(String::from_utf8_lossy(&probe.stdout).trim(), "0", "the control: nobody in there knows the session");
    let run = inside(&[env!("CARGO_BIN_EXE_tasklab"), "exec", "--", "sh", "-c", "echo alive; exit 7"]);
    assert_eq!(
        (run.status.code(), run.stdout.as_slice()),
        (Some(7), &b"alive\n"[..]),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
}
