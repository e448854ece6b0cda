//! Promise 4: children that do not want to go. All are gone within the grace time and a second.

use std::process::Command as Program;
use std::time::{Duration, Instant};

use support::runs::{GRACE, engine, events_of, notices, outcome, programs, sh};
use support::stress::{kill, promised, read_all, rounds};
use support::watchdog::Watchdog;
use support::{Supervisor, descendants_of, eventually, skipped, state_of, survivors, tagged, zombies_of};
use tasklab::engine::Command;
use tasklab::model::{Action, ChildSpec, Event, EventKind, ExitStatus, OutputTo, Pid, RunId, Scope, Signal};

use crate::alone;

fn python(script: &str) -> ChildSpec {
    ChildSpec::new(["python3", "-c", script])
}

/// Runs it until it says "up", ends it as a person would, and tells what was told and how long the end took. Nothing that carries
/// the run's mark may be left.
#[track_caller]
fn end_when_up(what: &str, mut stages: Vec<ChildSpec>) -> Vec<Event> {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let tag = format!("TASKLAB_TEST=stubborn-{}-{}", std::process::id(), what.replace(' ', "-"));
    let (name, value) = tag.split_once('=').expect("a variable");
    for stage in &mut stages {
        stage.env.push((name.into(), value.into()));
    }
    let engine = engine(Some(4096));
    let mut asked = None;
    let events = events_of(&engine, programs(stages), |event| {
        let is_up = matches!(&event.kind, EventKind::Output { bytes, .. } if bytes.windows(2).any(|two| two == b"up"));
        if is_up && asked.is_none() {
            asked = Some(Instant::now());
            let end = Command::Act { run: RunId::new(1), action: Action::End };
            engine.handle().send(end).expect("taken");
        }
    });
    let took = asked.expect("it came up").elapsed();
    assert_eq!(outcome(&events).1, 0, "{what}: processes left");
    assert_eq!(tagged(&tag), Vec::<i32>::new(), "{what}");
    promised(what, took, GRACE + Duration::from_secs(1));
    events
}

/// Whether a script survives a polite SIGTERM and no more: the control of all kinds below.
fn survives_a_polite_request(script: &str) -> bool {
    let mut supervisor = Supervisor::start();
    let (pid, _pipes) = supervisor.launch_one(ChildSpec { stderr: OutputTo::Null, ..sh(script) });
    eventually("it has set itself up", || descendants_of(pid.number()).len() + 1 >= 2 || state_of(pid.number()) == Some('T'));
    supervisor.signal(pid, &[Signal::TERM], Scope::Process).expect("signalled");
    // Long enough for a process that would obey; one that is slow to does not make this test fail.
    std::thread::sleep(Duration::from_millis(100));
    !survivors(&supervisor).is_empty()
}

const IGNORES: &str = "trap '' TERM INT HUP; sleep 600 & echo up; while :; do sleep 1; done";
const STOPPED: &str = "sleep 600 & echo up; kill -STOP $$; wait; sleep 600";
const BOTH: &str = "trap '' TERM; sleep 600 & echo up; kill -STOP $$; while :; do sleep 1; done";

/// Covers: promise 4, F5, F6.
#[test]
fn one_that_ignores_sigterm_one_that_is_stopped_and_one_that_is_both_are_gone() {
    let _alone = alone();
    for (what, script) in [("ignores TERM", IGNORES), ("stopped", STOPPED), ("both", BOTH)] {
        end_when_up(what, vec![sh(script)]);
        assert!(survives_a_polite_request(script), "the control: {what} must survive a mere SIGTERM");
    }
}

/// Covers: promise 4, F4, F6.
#[test]
fn sessions_double_forks_blocked_signals_and_pipelines_hide_nobody() {
    let _alone = alone();
    let setsid = "trap '' TERM; setsid sh -c \"trap '' TERM; echo up; setsid sleep 600 & sleep 600\" & wait; sleep 600";
    end_when_up("setsid", vec![sh(setsid)]);
    end_when_up("double fork", vec![sh("(setsid sh -c \"trap '' TERM; sleep 600 & sleep 600\" &); echo up; exit 0")]);
    let blocked = "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n\
        print('up', flush=True)\nwhile True: time.sleep(600)";
    end_when_up("all signals blocked", vec![python(blocked)]);
    let last = "trap '' TERM; echo up; while :; do sleep 1; done";
    end_when_up("pipeline", vec![ChildSpec::new(["yes"]), sh("trap '' TERM; cat"), sh(last)]);
}

/// Covers: promise 4, F13, F24.
#[test]
fn a_parent_that_never_waits_and_its_hundred_zombies_are_gone() {
    let _alone = alone();
    let script = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nfor _ in range(100):\n\
        \x20   if os.fork() == 0: os._exit(3)\nprint('up', flush=True)\nwhile True: time.sleep(600)";
    end_when_up("parent that never waits", vec![python(script)]);
    let mut supervisor = Supervisor::start();
    let (pid, _pipes) = supervisor.launch_one(python(script));
    eventually("a hundred zombies", || zombies_of(pid.number()).len() == 100);
    supervisor.signal(pid, &[Signal::KILL], Scope::Process).expect("signalled");
    supervisor.exit_of(pid);
    eventually("the supervisor has reaped all that it adopted", || survivors(&supervisor).is_empty());
}

/// Covers: promise 4, facts 50, 51.
#[test]
fn a_tree_of_a_thousand_is_gone() {
    let _alone = alone();
    let script = "trap '' TERM; i=0; while [ $i -lt 1000 ]; do sleep 600 & i=$((i+1)); done; echo up; wait; sleep 600";
    end_when_up("1,000-process tree", vec![sh(script)]);
}

/// The first thread of a process may end before the others: /proc calls it a zombie, and it is alive.
///
/// Covers: promise 4, F21.
#[test]
fn a_process_whose_first_thread_has_ended_is_alive_and_then_gone() {
    let _alone = alone();
    let script = "import ctypes, platform, signal, threading, time\n\
        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
        threading.Thread(target=time.sleep, args=(600,)).start()\nprint('up', flush=True)\n\
        ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}.get(platform.machine(), 1), 0)";
    end_when_up("leader thread gone", vec![python(script)]);
    let mut supervisor = Supervisor::start();
    let (pid, _pipes) = supervisor.launch_one(python(script));
    eventually("its first thread is a zombie", || state_of(pid.number()) == Some('Z'));
    let (other, _) = supervisor.launch_one(ChildSpec { stdout: OutputTo::Null, ..sh("exit 4") });
    assert_eq!(supervisor.exit_of(other), ExitStatus::Exited(4), "and it hides nobody else's end");
    assert_eq!(survivors(&supervisor), vec![pid.number()], "it was not reaped: it has not ended");
    supervisor.signal(pid, &[Signal::KILL], Scope::Process).expect("signalled");
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    assert_eq!(supervisor.exit_of(pid), killed);
}

fn strace_works() -> bool {
    let works = Program::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    if !works {
        skipped("strace may not trace here");
    }
    works
}

/// Covers: promise 4, F20.
#[test]
fn a_traced_process_is_gone_and_its_tracer_with_it() {
    let _alone = alone();
    if !strace_works() {
        return;
    }
    let traced = "trap '' TERM; echo up; while :; do sleep 1; done";
    end_when_up("ptraced", vec![ChildSpec::new(["strace", "-f", "-o", "/dev/null", "sh", "-c", traced])]);
    // With -D the tracer is the grandchild: our child's end is first its tracer's to see, and then ours.
    let mut supervisor = Supervisor::start();
    for code in 0..rounds(10, 20) as i32 {
        let spec = ChildSpec::new(["strace", "-D", "-o", "/dev/null", "sh", "-c", &format!("sleep 0.05; exit {code}")]);
        let (pid, _pipes) = supervisor.launch_one(ChildSpec { stdout: OutputTo::Null, stderr: OutputTo::Null, ..spec });
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(code));
    }
    let used = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive");
        let fields: Vec<u64> =
            stat.rsplit(')').next().expect("fields").split_whitespace().filter_map(|n| n.parse().ok()).collect();
        fields[10] + fields[11]
    };
    // A stopped tracer keeps the dead child from us. That is no reason to spin.
    let spec = ChildSpec::new(["strace", "-D", "-o", "/dev/null", "sleep", "600"]);
    let (pid, _pipes) = supervisor.launch_one(ChildSpec { stdout: OutputTo::Null, stderr: OutputTo::Null, ..spec });
    let own = supervisor.pid().number();
    let comm = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    eventually("it is traced", || comm(pid.number()).trim() == "sleep" && survivors(&supervisor).len() == 2);
    let tracer = *survivors(&supervisor).iter().find(|other| **other != pid.number()).expect("strace");
    kill(tracer, rustix::process::Signal::STOP);
    eventually("the tracer is stopped", || state_of(tracer) == Some('T'));
    supervisor.signal(pid, &[Signal::KILL], Scope::Process).expect("signalled");
    let (before, began) = (used(own), Instant::now());
    for code in [7, 8, 9] {
        let (other, _) = supervisor.launch_one(ChildSpec { stdout: OutputTo::Null, ..sh(&format!("sleep 0.2; exit {code}")) });
        assert_eq!(supervisor.exit_of(other), ExitStatus::Exited(code), "the others are reaped as ever");
    }
    // Half of what these took, in ticks of 10 ms: of 600 ms most were spent asleep.
    let (used, half) = (used(own) - before, began.elapsed().as_millis() as u64 / 20);
    assert!(used < half, "{used} ticks, and a supervisor that sleeps uses far less than {half}");
    kill(tracer, rustix::process::Signal::CONT);
    supervisor.exit_of(pid);
}

/// Without job control's help: the kernel itself sends SIGHUP and SIGCONT to a stopped group that has lost its last relative.
///
/// Covers: F10.
#[test]
fn a_stopped_group_that_is_orphaned_is_hung_up_by_the_kernel_and_told_so() {
    let _alone = alone();
    let script = "import os, signal\npid = os.fork()\nif pid == 0:\n    os.close(1)\n    os.setpgid(0, 0)\n    os.kill(os.getpid(), signal.SIGSTOP)\n\
        \x20   signal.pause()\nos.waitpid(pid, os.WUNTRACED)\nos.write(1, str(pid).encode())\nos.close(1)\nsignal.pause()";
    let mut supervisor = Supervisor::start();
    let (parent, pipes) = supervisor.launch_one(ChildSpec { new_session: true, ..python(script) });
    let digits = read_all(pipes.stdout.expect("captured"));
    let child: i32 = String::from_utf8_lossy(&digits).parse().expect("a PID");
    assert_eq!(state_of(child), Some('T'));
    supervisor.signal(parent, &[Signal::KILL], Scope::Process).expect("signalled");
    let hung_up = ExitStatus::Signaled { signal: Signal::HUP, core_dumped: false };
    assert_eq!(supervisor.exit_of(Pid::new(child)), hung_up, "by the kernel, not by us");
    assert_eq!(survivors(&supervisor), Vec::<i32>::new());
}

/// Covers: F12, facts 12, 13, 55.
#[test]
fn killing_ten_times_over_during_and_after_the_end_is_no_error() {
    let _alone = alone();
    let mut supervisor = Supervisor::start();
    for _ in 0..rounds(50, 500) {
        let (pid, pipes) = supervisor.launch_one(ChildSpec::new(["sleep", "600"]));
        for _ in 0..10 {
            match supervisor.signal(pid, &[Signal::KILL], Scope::Process) {
                Ok(1) => {}
                Ok(others) => panic!("{others} got it"),
                Err(gone) => assert!(gone.to_string().contains("has ended"), "{gone}"),
            }
        }
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false });
        assert!(read_all(pipes.stderr.expect("captured")).is_empty(), "it dies without a word");
    }
}

/// The shell's classic, under a limit of its own. For root the limit does not hold, so that it is not tried.
///
/// Covers: F27, F36.
#[test]
fn a_fork_bomb_under_a_limit_is_cleared() {
    let _alone = alone();
    if rustix::process::geteuid().is_root() {
        return skipped("limits on processes do not hold for root");
    }
    let script = "trap \"\" TERM; bomb() { bomb & bomb & sleep 600; }; exec 2>/dev/null; (sleep 0.3; echo up) & bomb";
    let bomb = format!("exec prlimit --nproc=$(( $(ps -L --no-headers -u $(id -u) | wc -l) + 150 )) sh -c '{script}'");
    end_when_up("fork bomb", vec![ChildSpec { stderr: OutputTo::Null, ..sh(&bomb) }]);
}

/// A frozen process (cgroup v1) is in state D, and not even SIGKILL reaches it before it is thawed. Only root may freeze.
///
/// Covers: promise 4, F7.
#[test]
fn a_process_that_cannot_die_is_named_as_such() {
    let _alone = alone();
    let folder = format!("/sys/fs/cgroup/freezer/tasklab-test-{}", std::process::id());
    if std::fs::create_dir(&folder).is_err() {
        return skipped("no freezer of version 1 that this user may use");
    }
    let freeze = |state: &str| std::fs::write(format!("{folder}/freezer.state"), state);
    let engine = engine(Some(1024));
    let mut frozen = None;
    let events = events_of(&engine, programs(vec![ChildSpec::new(["sleep", "600"])]), |event| {
        if let EventKind::ProcessStarted { pid, .. } = event.kind {
            std::fs::write(format!("{folder}/cgroup.procs"), pid.to_string()).expect("moved");
            freeze("FROZEN").expect("frozen");
            eventually("it is in state D", || state_of(pid.number()) == Some('D'));
            frozen = Some(pid);
            let end = Command::Act { run: RunId::new(1), action: Action::End };
            engine.handle().send(end).expect("taken");
        }
    });
    assert_eq!(outcome(&events).1, 1, "it is counted as left");
    assert!(notices(&events).iter().any(|text| text.contains("(D)")), "and named: {:?}", notices(&events));
    assert_eq!(outcome(&events_of(&engine, programs(vec![sh("true")]), |_| {})).1, 0, "the engine lives");
    freeze("THAWED").expect("thawed");
    let pid = frozen.expect("started").number();
    eventually("once thawed, it dies of the signal that waited", || state_of(pid).is_none());
    std::fs::remove_dir(folder).expect("empty");
}
