//! Attacks on the promise that nothing survives and no line stays high: supervisors that are stopped, traced or killed together with
//! the app, processes that fork faster than they are killed, a /proc that is another PID namespace's. Lengths and moments are random.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::runs::{engine, programs, sh};
use support::stress::{Chance, kill, promised, rounds};
use support::{App, STUBBORN, deadline, descendants_of, eventually, named_below, skipped, state_of};
use tasklab::engine::{Command as Ask, EngineEvent};
use tasklab::model::{EventKind, Outcome};

/// How soon nothing must be left.
const PROMISE: Duration = Duration::from_secs(2);

/// Forks and ends, over and over, each time after so many milliseconds: who is found in /proc is gone when the signal comes.
const CHAIN: &str = "
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv) {
    time_t end = time(0) + 200;
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while (time(0) < end) {
        usleep(atoi(argv[1]) * 1000);
        if (fork() > 0) _exit(0);
        setsid();
    }
}";

const PYTHON_CHAIN: &str = "
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end = time.time() + 200
while time.time() < end:
    time.sleep(int(sys.argv[1]) / 1000)
    if os.fork():
        os._exit(0)
    os.setsid()
";

/// Up to so many processes, each of which forks in place of those that have ended.
const BOMB: &str = "
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv) {
    time_t end = time(0) + 200;
    int most = atoi(argv[1]);
    int *alive = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    signal(SIGTERM, SIG_IGN);
    while (time(0) < end) {
        while (waitpid(-1, 0, WNOHANG) > 0) __sync_sub_and_fetch(alive, 1);
        if (__sync_add_and_fetch(alive, 1) > most || fork() < 0) __sync_sub_and_fetch(alive, 1);
        usleep(500);
    }
}";

/// Holds the supervisor of the app that it starts as a debugger does, and kills the app.
const TRACER: &str = "
import ctypes, os, signal, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
app = subprocess.Popen(sys.argv[1:])
def supervisor():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/stat') as stat:
                name, rest = stat.read().split('(', 1)[1].rsplit(')', 1)
            guard = rest.split()[1]
            with open(f'/proc/{guard}/stat') as stat:
                parent = stat.read().rsplit(')', 1)[1].split()[1]
        except OSError:
            continue
        if name == 'tasklab-super' and int(parent) == app.pid:
            return int(pid)
while (pid := supervisor()) is None:
    time.sleep(0.01)
sys.stdin.readline()
if libc.ptrace(16, pid, None, None) != 0:
    print('refused: ' + os.strerror(ctypes.get_errno()), flush=True)
    app.kill()
    sys.exit()
os.waitpid(pid, 0x40000000)
app.kill()
print('killed', flush=True)
sys.stdin.readline()
";

/// Runs an app and all that it starts from one system call to the next, until the log of its board says that a line is high. Then it kills
/// the supervisor, which has done nothing since, and the app.
const STEPPER: &str = "
import ctypes, os, sys
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long] * 4
TRACEME, NEXT_CALL, SET_OPTIONS, FORK_VFORK_CLONE_AND_CALLS, ALL = 0, 24, 0x4200, 0b1111, 0x40000000
log, argv = sys.argv[1], sys.argv[2:]
app = os.fork()
if app == 0:
    if ptrace(TRACEME, 0, 0, 0) == 0:
        os.execv(argv[0], argv)
    os._exit(77)
def name(pid):
    with open(f'/proc/{pid}/comm') as comm:
        return comm.read().strip()
def is_high():
    if not os.path.exists(log):
        return False
    with open(log) as edges:
        return '\"value\":1' in edges.read()
pid, status = os.waitpid(app, 0)
if not os.WIFSTOPPED(status):
    print('refused')
    sys.exit()
ptrace(SET_OPTIONS, app, 0, FORK_VFORK_CLONE_AND_CALLS)
seen = {app}
while not is_high():
    if os.WIFSTOPPED(status):
        seen.add(pid)
        signal = os.WSTOPSIG(status)
        ptrace(NEXT_CALL, pid, 0, 0 if signal & 0x7f in (5, 19) else signal)
    pid, status = os.waitpid(-1, ALL)
[supervisor] = [pid for pid in seen if os.path.exists(f'/proc/{pid}/comm') and name(pid) == 'tasklab-super']
os.kill(supervisor, 9)
os.kill(app, 9)
";

/// A C program, compiled once.
fn compiled(name: &'static str, source: &str) -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path();
    let (program, file) = (folder.join(name), folder.join(format!("{name}.c")));
    if !program.exists() {
        std::fs::write(&file, source).expect("a file");
        // Under another name first: tests of one program run side by side.
        let made = folder.join(format!("{name}-{:?}", std::thread::current().id()));
        let status = Command::new("cc").arg("-o").arg(&made).arg(&file).status().expect("cc runs");
        assert!(status.success(), "{name} does not compile");
        std::fs::rename(&made, &program).expect("ours");
    }
    program
}

/// Task Lab with these arguments.
fn start(arguments: &[&str]) -> App {
    start_as(Command::new(env!("CARGO_BIN_EXE_tasklab")).args(arguments).stdout(Stdio::null()))
}

fn start_as(command: &mut Command) -> App {
    App::start(command.stderr(Stdio::null()))
}

/// Waits until nothing is left, which is promised from the blow on.
#[track_caller]
fn leaves_nothing(app: &mut App, what: &str) {
    let struck = Instant::now();
    eventually(&format!("nothing is left: {what}"), || app.is_gone());
    promised(what, struck.elapsed(), PROMISE);
    app.process.wait().expect("ours");
}

/// A blow to another process, besides the one to the app.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// The supervisor is stopped first.
    Stopped,
    /// The supervisor is stopped again and again, as long as it lives.
    KeptStopped,
    /// The supervisor is killed, too.
    Supervisor,
    /// Its guard is killed, too.
    Guard,
    /// The guard is killed and the supervisor stopped.
    GuardAndStopped,
}

const BLOWS: [Blow; 5] = [Blow::Stopped, Blow::KeptStopped, Blow::Supervisor, Blow::Guard, Blow::GuardAndStopped];

/// Kills the app, and does that to its supervisor meanwhile.
fn strike(app: &App, blow: Blow, chance: &mut Chance) {
    let (supervisor, guard) = (app.supervisor(), app.guard());
    let stop = || {
        kill(supervisor, Signal::STOP);
        eventually("it is stopped", || state_of(supervisor) == Some('T'));
    };
    std::thread::scope(|scope| {
        match blow {
            Blow::Stopped => stop(),
            Blow::KeptStopped => {
                stop();
                scope.spawn(move || {
                    while state_of(supervisor).is_some_and(|state| state != 'Z') {
                        kill(supervisor, Signal::STOP);
                    }
                });
            }
            Blow::Supervisor | Blow::Guard => {
                let other = if matches!(blow, Blow::Guard) { guard } else { supervisor };
                let (first, second) = if chance.below(2) == 0 { (other, app.pid()) } else { (app.pid(), other) };
                kill(first, Signal::KILL);
                std::thread::sleep(Duration::from_micros(chance.number() % 2_000));
                kill(second, Signal::KILL);
            }
            Blow::GuardAndStopped => {
                stop();
                kill(guard, Signal::KILL);
            }
        }
        kill(app.pid(), Signal::KILL);
    });
}

/// Covers: promises 1, 17, F50, F53.
#[test]
fn nothing_survives_the_app_and_a_supervisor_that_is_stopped_or_killed_as_well() {
    let mut chance = Chance::start();
    for round in 0..rounds(10, 250) {
        let blow = BLOWS[round % BLOWS.len()];
        let mut app = start(&["exec", "--stdin", "null", "--", "sh", "-c", STUBBORN]);
        eventually("the tree stands", || app.all().len() >= 8);
        strike(&app, blow, &mut chance);
        leaves_nothing(&mut app, &format!("the app killed, {blow:?}"));
    }
}

/// Covers: promise 17, F69.
#[test]
fn no_line_stays_high_after_the_app_and_a_supervisor_that_is_stopped_or_killed_as_well() {
    let mut chance = Chance::start();
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..rounds(5, 100) {
        let blow = BLOWS[round % BLOWS.len()];
        let log = folder.path().join(format!("edges-{round}"));
        let board = format!("simulated:{}", log.display());
        let mut app = start(&["gpio", "set", "GPIO17=1", "--for", "100", "--board", &board]);
        eventually("the line is high", || level_of(&log) == Some(1));
        strike(&app, blow, &mut chance);
        eventually(&format!("the line is low again: {blow:?}"), || level_of(&log) == Some(0));
        leaves_nothing(&mut app, &format!("the app of a line killed, {blow:?}"));
        assert_eq!(level_of(&log), Some(0), "{blow:?}");
    }
}

/// A stopped app cannot recover the lines of a supervisor that is killed.
///
/// Covers: promise 17, F69, F76.
#[test]
fn no_line_stays_high_when_the_app_is_stopped_and_its_supervisor_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    for is_stopped_first in [true, false] {
        let log = folder.path().join(format!("edges-{is_stopped_first}"));
        let board = format!("simulated:{}", log.display());
        let mut app = start(&["gpio", "set", "GPIO17=1", "--for", "100", "--board", &board]);
        eventually("the line is high", || level_of(&log) == Some(1));
        let supervisor = app.supervisor();
        let mut blows = [(app.pid(), Signal::STOP), (supervisor, Signal::KILL)];
        if !is_stopped_first {
            blows.reverse();
        }
        for (pid, signal) in blows {
            kill(pid, signal);
        }
        eventually("the line is low again while the app is stopped", || level_of(&log) == Some(0));
        kill(app.pid(), Signal::KILL);
        leaves_nothing(&mut app, "a stopped app");
    }
}

/// The guard knows of a line before it is driven.
///
/// Covers: promise 17, F69, F76.
#[test]
fn no_line_stays_high_when_the_supervisor_is_killed_in_the_moment_in_which_it_drives_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for verb in [&["set", "GPIO17=1"][..], &["toggle", "GPIO17"]] {
        let log = folder.path().join(verb[0]);
        let board = format!("simulated:{}", log.display());
        let mut command = Command::new("python3");
        command.args(["-c", STEPPER]).arg(&log).args([env!("CARGO_BIN_EXE_tasklab"), "gpio"]).args(verb);
        let mut stepper = start_as(command.args(["--for", "100", "--board", &board]).stdout(Stdio::piped()));
        eventually("app and supervisor are killed", || stepper.process.try_wait().expect("ours").is_some());
        let mut said = String::new();
        stepper.process.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
        if said.trim() == "refused" {
            return skipped("ptrace(2) is refused here");
        }
        assert!(stepper.process.wait().expect("ours").success());
        eventually("the line is low again", || level_of(&log) == Some(0));
        leaves_nothing(&mut stepper, "an app that was stepped");
    }
}

/// The level that the log of a simulated board names last.
fn level_of(log: &Path) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(std::fs::read_to_string(log).ok()?.lines().last()?).ok()?["value"].as_u64()
}

/// If all three are killed at once, processes are left behind, and the README says so.
///
/// Covers: promise 17.
#[test]
fn the_control_without_app_supervisor_and_guard_leaves_survivors() {
    let app = start(&["exec", "--stdin", "null", "--", "sh", "-c", STUBBORN]);
    eventually("the tree stands", || app.all().len() >= 8);
    let (supervisor, guard) = (app.supervisor(), app.guard());
    // Stopped before, so that nobody does anything in between.
    for signal in [Signal::STOP, Signal::KILL] {
        for pid in [guard, supervisor, app.pid()] {
            kill(pid, signal);
        }
    }
    eventually("supervisor and guard are gone", || {
        [supervisor, guard].iter().all(|pid| state_of(*pid).is_none_or(|it| it == 'Z'))
    });
    assert!(app.all().len() >= 2, "the tree must survive, or the tests above prove nothing");
}

/// Covers: promise 17, F20.
#[test]
fn nothing_survives_the_app_and_a_supervisor_that_is_traced() {
    for _ in 0..rounds(2, 50) {
        let mut command = Command::new("python3");
        command.args(["-c", TRACER, env!("CARGO_BIN_EXE_tasklab"), "exec", "--stdin", "null", "--", "sh", "-c", STUBBORN]);
        let mut tracer = start_as(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        eventually("the tree stands", || tracer.all().len() >= 9);
        let mut stdin = tracer.process.stdin.take().expect("piped");
        std::io::Write::write_all(&mut stdin, b"\n").expect("it listens");
        let mut word = [0; 6];
        tracer.process.stdout.as_mut().expect("piped").read_exact(&mut word).expect("it answers");
        if &word != b"killed" {
            return skipped("ptrace(2) is refused here");
        }
        // The tracer itself is tagged, and stays until it is told to end.
        let (struck, own) = (Instant::now(), tracer.pid());
        eventually("nothing is left but the tracer", || (0..10).all(|_| tracer.all() == [own]));
        promised("the app killed, the supervisor traced", struck.elapsed(), PROMISE);
        drop(stdin);
        leaves_nothing(&mut tracer, "the tracer");
    }
}

/// From then on one less is there to do the last work.
///
/// Covers: promise 17.
#[test]
fn the_loss_of_the_guard_is_told_and_the_run_goes_on() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    command.args(["exec", "--json", "--stdin", "null", "--", "sleep", "300"]);
    let mut app = start_as(command.stdout(Stdio::piped()));
    let supervisor = app.supervisor();
    eventually("the guard is there", || !named_below(app.pid(), "tasklab-guard").is_empty());
    kill(app.guard(), Signal::KILL);
    let lines = BufReader::new(app.process.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let told = lines.take_while(|line| !line.contains("run.finished")).any(|line| line.contains("guard has ended"));
    assert!(told && state_of(supervisor).is_some_and(|state| state != 'Z'), "told: {told}");
    kill(app.pid(), Signal::KILL);
    leaves_nothing(&mut app, "an app without a guard");
}

/// Processes that fork meanwhile, started eight at once or as one bomb.
fn hordes(chance: &mut Chance) -> Vec<(&'static str, Vec<String>)> {
    let (chain, bomb) = (compiled("chain", CHAIN), compiled("bomb", BOMB));
    let mut eight = |program: &str| {
        let chains = (0..8).map(|_| format!("{program} {} & ", 5 + chance.below(16)));
        vec!["sh".to_owned(), "-c".to_owned(), format!("{} wait; exec sleep 300", chains.collect::<String>())]
    };
    let python = "python3 -c \"$CHAIN\"";
    let mut of_python = vec!["env".to_owned(), format!("CHAIN={PYTHON_CHAIN}")];
    of_python.extend(eight(python));
    vec![
        ("eight chains in C", eight(&chain.display().to_string())),
        ("eight chains in Python", of_python),
        ("a bomb", vec![bomb.display().to_string(), (100 + chance.below(201)).to_string()]),
    ]
}

/// Covers: promises 4, 18, F36.
#[test]
fn chains_and_bombs_do_not_outlive_the_app_or_its_supervisor() {
    let mut chance = Chance::start();
    for round in 0..rounds(1, 50) {
        for (name, horde) in hordes(&mut chance) {
            for victim in [round % 2, 2] {
                let arguments =
                    [&["exec", "--stdin", "null", "--"], &horde.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat();
                let mut app = start(&arguments);
                eventually("it has spread", || app.all().len() >= 10);
                let supervisor = app.supervisor();
                std::thread::sleep(Duration::from_micros(chance.number() % 100_000));
                match victim {
                    0 => kill(app.pid(), Signal::KILL),
                    1 => {
                        kill(supervisor, Signal::KILL);
                        kill(app.pid(), Signal::KILL);
                    }
                    // The app lives, and ends since its only run is lost.
                    _ => kill(supervisor, Signal::KILL),
                }
                leaves_nothing(&mut app, &format!("{name}, victim {victim}"));
            }
        }
    }
}

/// Covers: promise 18.
#[test]
fn chains_and_bombs_are_ended_by_time_limit_and_stop_and_none_is_left_that_was_not_told() {
    let mut chance = Chance::start();
    for _ in 0..rounds(1, 50) {
        for (name, horde) in hordes(&mut chance) {
            for end in [["--timeout", "1"], ["--do", "1 end"]] {
                let horde: Vec<&str> = horde.iter().map(String::as_str).collect();
                let arguments =
                    [&["exec", "--json", "--stdin", "null", "--grace", "0.1"], &end[..], &["--"], &horde[..]].concat();
                let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
                let mut app = start_as(command.args(&arguments).stdout(Stdio::piped()));
                let mut said = String::new();
                app.process.stdout.take().expect("piped").read_to_string(&mut said).expect("it ends");
                // By now it has told how many are left: the test counts for itself.
                let left = app.all().into_iter().filter(|pid| *pid != app.pid()).count();
                let line = said.lines().last().unwrap_or_default();
                assert!(line.contains("run.finished"), "{name}, {end:?}: {line}");
                let is_none = line.contains("\"processes_left\":0");
                app.process.wait().expect("ours");
                assert!(!is_none || app.is_gone(), "{name}, {end:?}: {left} are left, and none was told");
                leaves_nothing(&mut app, &format!("{name}, {end:?}"));
            }
        }
    }
}

/// Covers: promise 20.
#[test]
fn where_proc_is_another_namespace_s_nobody_is_killed_who_was_not_started_here() {
    let inside = |script: &str| {
        let mut unshare = Command::new("unshare");
        // A PID namespace whose /proc is still ours: its small numbers are the kernel's threads there.
        unshare.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "sh", "-c", script]);
        unshare.env("TASKLAB", env!("CARGO_BIN_EXE_tasklab")).stdin(Stdio::null()).output().expect("unshare runs")
    };
    let probe = inside("readlink /proc/self; echo $$");
    if !probe.status.success() {
        return skipped(format!("no user namespaces here: {}", String::from_utf8_lossy(&probe.stderr)));
    }
    assert!(!String::from_utf8_lossy(&probe.stdout).starts_with("1\n"), "the control: /proc is another namespace's");
    // A hundred innocents with small numbers, and one tree of each kind that is to be ended.
    let innocents = "i=0; while [ $i -lt 100 ]; do sleep 300 & jobs=\"$jobs $!\"; i=$((i + 1)); done; ";
    let alive =
        "; status=$?; alive=0; for job in $jobs; do kill -0 $job && alive=$((alive + 1)); done; echo alive $alive; exit $status";
    for (run, status, expected) in [
        ("\"$TASKLAB\" exec -- sh -c 'exit 7'", 7, ""),
        (
            "\"$TASKLAB\" exec --timeout 0.5 --grace 0.1 -- sh -c \"trap '' TERM; (setsid sleep 99 &); while :; do sleep 1; done\"",
            124,
            "",
        ),
        ("\"$TASKLAB\" run event", 0, "no process is left"),
        ("\"$TASKLAB\" doctor", 0, "another PID namespace"),
    ] {
        let output = inside(&[innocents, run, alive].concat());
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("alive 100\n") && said.contains(expected), "{run}: {said}");
        assert!(!said.contains("SIGKILL") && said.contains("another PID namespace"), "{run}: {said}");
        assert_eq!(output.status.code(), Some(status), "{run}: {said}");
    }
}

/// A daemon that has left its parents, its session and its environment stays its run's, whatever else runs.
///
/// Covers: F4, promise 18.
#[test]
fn a_daemon_without_an_environment_belongs_to_the_run_that_started_it() {
    let engine = engine(Some(4096));
    let receiver = engine.events().expect("tapped");
    let name = format!("3{}", std::process::id());
    let sleeper = || {
        let own = std::process::id().cast_signed();
        let is_it = |pid: &i32| {
            std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|text| text == format!("sleep\0{name}\0").as_bytes())
        };
        descendants_of(own).into_iter().find(is_it)
    };
    let daemon = format!(
        "env -i setsid sh -c 'sleep {name} & exit' </dev/null >/dev/null 2>&1; while [ ! -e /proc/self/nothing ]; do sleep 0.05; done"
    );
    engine.handle().send(Ask::Launch(Box::new(programs(vec![sh(&daemon)])))).expect("taken");
    eventually("the daemon is there", || sleeper().is_some());
    let daemon = sleeper().expect("seen just now");
    engine.handle().send(Ask::Launch(Box::new(programs(vec![sh("sleep 299")])))).expect("taken");
    let mut events = Vec::new();
    let mut shell = None;
    let mut other = None;
    let end = Instant::now() + deadline();
    let finished = loop {
        assert!(Instant::now() < end, "the run ends");
        let Ok(EngineEvent::Event(run, event)) = receiver.recv_timeout(deadline()) else { continue };
        match &event.kind {
            EventKind::ProcessStarted { pid, .. } if shell.is_none() => shell = Some((run, *pid)),
            EventKind::ProcessStarted { pid, .. } if other.is_none() && shell.is_some_and(|(first, _)| first != run) => {
                other = Some(*pid);
                // The first run's only stage ends; its daemon lives on.
                kill(shell.expect("first").1.number(), Signal::KILL);
            }
            EventKind::RunFinished { outcome, processes_left, .. } => break (run, *outcome, *processes_left),
            _ => {}
        }
        events.push((run, event));
    };
    assert_eq!((Some(finished.0), finished.2), (shell.map(|(run, _)| run), 0), "{finished:?}");
    assert_ne!(finished.1, Outcome::Passed);
    assert_eq!(sleeper(), None, "none was left, it was told");
    let of_others = |(run, event): &&(_, _)| {
        let event: &std::sync::Arc<tasklab::model::Event> = event;
        *run != finished.0 && matches!(event.kind, EventKind::ProcessStarted { pid, .. } if pid.number() == daemon)
    };
    assert!(!events.iter().any(|event| of_others(&event)), "it turned up in the other run");
    assert!(state_of(other.expect("started").number()).is_some(), "the other run goes on");
}
