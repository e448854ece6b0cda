//! Promise 3: a PID that has passed to somebody else. Inside a PID namespace, where that can be forced.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use support::namespace::{is_inside, occupy};
use support::stress::{kill, rounds};
use support::{Supervisor, eventually, skipped, state_of, survivors};
use tasklab::model::{ChildSpec, ExitStatus, OutputTo, Pid, Scope, Signal};
use tasklab::supervisor::{Report, Request, SignalRequestId};
use tasklab::sys::SignalScope;

fn quiet(spec: ChildSpec) -> ChildSpec {
    ChildSpec { stdout: OutputTo::Null, stderr: OutputTo::Null, ..spec }
}

fn is_alive(innocent: &mut Child) -> bool {
    innocent.try_wait().expect("ours").is_none()
}

/// The way before there were pidfds: a signal to a number.
#[track_caller]
fn control_by_bare_kill(mut innocent: Child) {
    kill(innocent.id().cast_signed(), rustix::process::Signal::KILL);
    assert_eq!(innocent.wait().expect("ours").signal(), Some(9), "the control must hit, or the test proves nothing");
}

/// Covers: promise 3, F1, F12, F62, facts 13, 14.
#[test]
fn no_innocent_is_hit_by_a_number_that_came_back() {
    if !is_inside("pid_reuse::no_innocent_is_hit_by_a_number_that_came_back") {
        return;
    }
    let mut supervisor = Supervisor::start();
    let count = rounds(20, 1_000);
    for round in 0..count {
        let (pid, pipes) = supervisor.launch_one(quiet(ChildSpec::new(["sleep", "600"])));
        supervisor.signal(pid, &[Signal::KILL], Scope::Process).expect("signalled");
        assert!(supervisor.exited(pid).1, "reaped: its number is free");
        let Some(mut innocent) = occupy(pid.number()) else {
            return skipped("the kernel gave the PID to nobody");
        };
        for scope in [Scope::Process, Scope::Group, Scope::Tree] {
            let refused = supervisor.signal(pid, &[Signal::KILL], scope).expect_err("there is no such child any more");
            assert!(refused.to_string().contains("has ended"), "{refused}");
        }
        let by_pidfd = pipes.pidfd.signal(Signal::KILL, SignalScope::Process);
        assert_eq!(by_pidfd.expect_err("it is gone").raw_os_error(), Some(libc_esrch()), "by the descriptor from its birth");
        assert!(is_alive(&mut innocent), "round {round}");
        control_by_bare_kill(innocent);
    }
    println!("{count} forced reuses: 0 innocents hit by Task Lab, {count} by a bare kill");
}

fn libc_esrch() -> i32 {
    rustix::io::Errno::SRCH.raw_os_error()
}

/// The number changes hands between the look into /proc and the signal. The supervisor is slowed down there from outside.
///
/// Covers: promise 3, F1, F62, fact 14.
#[test]
fn no_innocent_is_hit_even_between_looking_and_sending() {
    if !is_inside("pid_reuse::no_innocent_is_hit_even_between_looking_and_sending") {
        return;
    }
    let mut supervisor = Supervisor::start();
    let (first, _) = supervisor.launch_one(quiet(ChildSpec::new(["true"])));
    supervisor.exit_of(first);
    let own = supervisor.pid().number();
    let mut strace = Command::new("strace")
        .args([
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=pidfd_open",
            "-e",
            "inject=pidfd_open:delay_enter=2000000",
            "-p",
            &own.to_string(),
        ])
        .stderr(Stdio::null())
        .spawn()
        .expect("strace is needed; `make test` installs it");
    let is_traced = |own: i32| {
        std::fs::read_to_string(format!("/proc/{own}/status"))
            .is_ok_and(|status| status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0")))
    };
    let mut ended = false;
    eventually("strace has attached, or may not", || {
        ended = strace.try_wait().expect("ours").is_some();
        ended || is_traced(own)
    });
    if ended {
        return skipped("strace may not attach here");
    }
    for scope in [Scope::Process, Scope::Tree].into_iter().cycle().take(rounds(3, 40)) {
        // The grandchild is reaped by its own parent, whenever that is; the supervisor has no say in it.
        let script = "sleep 600 & echo $!; wait; exec sleep 601";
        let (parent, pipes) = supervisor.launch_one(ChildSpec::new(["sh", "-c", script]));
        let stdout = pipes.stdout.expect("captured");
        rustix::fs::fcntl_setfl(&stdout, rustix::fs::OFlags::empty()).expect("blocking again");
        let mut line = String::new();
        BufReader::new(std::fs::File::from(stdout)).read_line(&mut line).expect("a line");
        let grandchild: i32 = line.trim().parse().expect("a PID");
        eventually("the grandchild sleeps", || state_of(grandchild) == Some('S'));
        let id = SignalRequestId(u64::MAX);
        supervisor.request(&Request::Signal { id, pid: Pid::new(grandchild), signals: vec![Signal::KILL], scope });
        // It stops for a moment at every system call, and for long before it opens the descriptor: then it has read /proc.
        let mut held = 0;
        eventually("the supervisor is held", || {
            held = if state_of(own) == Some('t') { held + 1 } else { 0 };
            held > 20
        });
        kill(grandchild, rustix::process::Signal::KILL);
        eventually("its parent has reaped it", || state_of(grandchild).is_none());
        let Some(mut innocent) = occupy(grandchild) else { return skipped("the kernel gave the PID to nobody") };
        let result = supervisor.wait_for("the answer", |report| match report {
            Report::Signaled { id: answered, result } if *answered == id => Some(result.clone()),
            _ => None,
        });
        println!("{scope:?}: {result:?}");
        assert!(is_alive(&mut innocent), "{scope:?}: {result:?}");
        control_by_bare_kill(innocent);
        supervisor.signal(parent, &[Signal::KILL], Scope::Process).expect("signalled");
        supervisor.exit_of(parent);
    }
    supervisor.close();
    let _ = strace.wait();
}

/// A group's number outlives its leader, and comes free with its last member.
///
/// Covers: promise 3, F2.
#[test]
fn a_group_number_that_came_back_reaches_nobody() {
    if !is_inside("pid_reuse::a_group_number_that_came_back_reaches_nobody") {
        return;
    }
    let mut supervisor = Supervisor::start();
    for _ in 0..rounds(10, 200) {
        let (leader, _pipes) = supervisor.launch_one(quiet(ChildSpec::new(["sh", "-c", "sleep 600 & exit 0"])));
        assert_eq!(supervisor.exit_of(leader), ExitStatus::Exited(0));
        let member = survivors(&supervisor);
        assert_eq!(member.len(), 1, "the sleeper, still in its leader's group");
        supervisor.signal(leader, &[Signal::KILL], Scope::Group).expect_err("the leader is gone");
        supervisor.signal(Pid::new(member[0]), &[Signal::KILL], Scope::Group).expect("a living member stands for the group");
        supervisor.exit_of(Pid::new(member[0]));
        let Some(mut innocent) = occupy(leader.number()) else {
            return skipped("the kernel gave the PID to nobody");
        };
        supervisor.signal(leader, &[Signal::KILL], Scope::Group).expect_err("not ours");
        assert!(is_alive(&mut innocent));
        control_by_bare_kill(innocent);
    }
}
