//! Promise 1: the app is killed at random moments, and nothing that it has started survives.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::stress::{Chance, rounds};
use support::{App, STUBBORN, eventually, skipped};

/// With null input, so that it is the test's alone.
fn start() -> App {
    let mut app = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    App::start(app.args(["exec", "--stdin", "null", "--", "sh", "-c", STUBBORN]).stdout(Stdio::piped()).stderr(Stdio::null()))
}

/// Covers: promise 1, F4, F50, fact 61.
#[test]
fn nothing_survives_a_sigkill_of_the_app_at_any_moment() {
    let rounds = rounds(50, 500);
    let mut chance = Chance::start();
    let mut worst = Duration::ZERO;
    for round in 0..rounds {
        let mut app = start();
        // Every other time the tree stands before the moment comes, so that what is killed is not always a beginning.
        if round % 2 == 1 {
            eventually("the tree stands", || app.all().len() >= 6);
        }
        std::thread::sleep(Duration::from_micros(chance.below(60_000) as u64));
        app.process.kill().expect("ours");
        let killed = Instant::now();
        eventually("nothing of it is left", || app.all().is_empty());
        worst = worst.max(killed.elapsed());
    }
    println!("{rounds} kills, 0 survivors, the slowest clean-up took {worst:?}");
}

/// Covers: promise 1.
#[test]
fn the_control_without_a_supervisor_leaves_survivors() {
    let mut shell = App::start(Command::new("sh").args(["-c", STUBBORN]).stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut line = String::new();
    BufReader::new(shell.process.stdout.take().expect("piped")).read_line(&mut line).expect("says that it is up");
    eventually("the sleepers run", || shell.all().len() >= 5);
    shell.process.kill().and_then(|()| shell.process.wait()).expect("ours");
    assert!(shell.all().len() >= 3, "without a supervisor the tree must survive, or the test above proves nothing");
}

/// Covers: promises 1, 7, F54.
#[test]
fn every_way_out_leaves_nothing() {
    for signal in ["-INT", "-TERM", "-HUP", "-QUIT", "-ABRT"] {
        let mut app = start();
        eventually("the tree stands", || app.all().len() >= 6);
        Command::new("kill").args([signal, &app.pid().to_string()]).status().expect("kill runs");
        app.status(&format!("kill {signal}"));
    }
}

/// In a container, or below an init that opened no session, getsid(2) and getpgid(2) answer 0.
#[test]
fn a_run_works_where_the_session_is_outside_of_the_namespace() {
    let inside = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-current-user", "--pid", "--fork", "--kill-child", "--mount-proc"]).args(command);
        unshare.stdin(Stdio::null()).output().expect("unshare runs")
    };
    let probe = inside(&["ps", "-o", "sid=", "-p", "1"]);
    if !probe.status.success() {
        return skipped(format!("no user namespaces here: {}", String::from_utf8_lossy(&probe.stderr)));
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
