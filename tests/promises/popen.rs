//! The duties of a process library to its callers: statuses, waits, descriptors, signals, errors.

use std::fs;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use support::stress::{kill, promised, read_all, rounds};
use support::{Supervisor, descriptors_of, eventually, skipped, state_of, survivors};
use tasklab::model::{ChildSpec, ExitStatus, Input, OutputTo, Pid, Scope, Signal};
use tasklab::sys::PidFd;

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

fn sh(script: &str) -> ChildSpec {
    ChildSpec::new(["sh", "-c", script])
}

fn quiet(spec: ChildSpec) -> ChildSpec {
    ChildSpec { stdout: OutputTo::Null, stderr: OutputTo::Null, ..spec }
}

fn killed_by(signal: Signal) -> ExitStatus {
    ExitStatus::Signaled { signal, core_dumped: false }
}

/// Whether one of these has ended within so long.
fn ready(pidfds: &[&PidFd], wait: Duration) -> Vec<bool> {
    let mut fds: Vec<PollFd<'_>> = pidfds.iter().map(|pidfd| PollFd::new(*pidfd, PollFlags::IN)).collect();
    let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    poll(&mut fds, Some(&wait)).expect("polls");
    fds.iter().map(|fd| !fd.revents().is_empty()).collect()
}

/// Covers: F16, facts 1, 2, 3, 12.
#[test]
fn every_exit_status_and_every_signal_is_told_as_it_was() {
    let mut supervisor = Supervisor::start();
    let mut started: Vec<(Pid, ExitStatus)> = Vec::new();
    for code in 0..256 {
        started.push((supervisor.launch_one(quiet(sh(&format!("exit {code}")))).0, ExitStatus::Exited(code)));
    }
    // Those that stop, continue or mean nothing by default end nobody.
    let harmless = ["SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH"];
    for number in (1..32).chain(34..=64) {
        let signal = Signal::from_number(number).expect("a signal");
        if !harmless.contains(&signal.to_string().as_str()) {
            // No core files, wherever the machine would put them.
            let (pid, _) = supervisor.launch_one(quiet(sh(&format!("ulimit -c 0; kill -{number} $$; sleep 600"))));
            started.push((pid, killed_by(signal)));
        }
    }
    for (pid, expected) in &started {
        assert_eq!(supervisor.exit_of(*pid), *expected);
    }
    println!("{} statuses", started.len());
    assert_eq!(ExitStatus::Exited(47).to_string(), "exited 47");
    assert_eq!(killed_by(Signal::ABRT).to_string(), "killed by SIGABRT");
    let real_time = killed_by(Signal::from_number(40).expect("a signal")).to_string();
    assert!(real_time.contains("SIGRT") || real_time.contains("40"), "{real_time}");
    assert!(ExitStatus::Unknown.to_string().contains("unknown"));
}

/// Covers: F17, facts 4, 13.
#[test]
fn nobody_is_said_to_run_after_its_end_was_told() {
    let mut supervisor = Supervisor::start();
    for round in 0..rounds(150, 20_000) {
        let (pid, _) = supervisor.launch_one(quiet(ChildSpec::new(["true"])));
        for _ in 0..round % 5 {
            let answer = supervisor.signal(pid, &[Signal::CONT], Scope::Process);
            assert!(
                matches!(&answer, Ok(1)) || answer.as_ref().is_err_and(|why| why.to_string().contains("has ended")),
                "{answer:?}"
            );
        }
        assert_eq!(supervisor.exited(pid), (ExitStatus::Exited(0), true));
        assert!(supervisor.signal(pid, &[Signal::CONT], Scope::Process).expect_err("gone").to_string().contains("has ended"));
        assert_eq!(state_of(pid.number()), None);
    }
}

/// Covers: facts 4, 5, 6, 48, 49.
#[test]
fn waiting_times_out_is_repeated_and_shared_and_names_exactly_the_ended() {
    let mut supervisor = Supervisor::start();
    let (slow, pipes) = supervisor.launch_one(ChildSpec { stdin: Input::Pipe, ..sh("read x; exit 0") });
    assert_eq!(ready(&[&pipes.pidfd], Duration::from_micros(100)), [false], "alive, and the wait timed out");
    drop(pipes.stdin);
    assert_eq!(supervisor.exit_of(slow), ExitStatus::Exited(0), "a later wait gives the status");
    assert_eq!(ready(&[&pipes.pidfd], Duration::ZERO), [true], "and whoever asks again gets the same");
    // Of several, exactly those that have ended are ready.
    let some: Vec<_> = (0..5).map(|_| supervisor.launch_one(quiet(ChildSpec::new(["sleep", "600"])))).collect();
    for index in [1, 3] {
        supervisor.signal(some[index].0, &[Signal::KILL], Scope::Process).expect("signalled");
        let sent = std::time::Instant::now();
        assert_eq!(supervisor.exit_of(some[index].0), killed_by(Signal::KILL));
        promised("a killed child's end is told", sent.elapsed(), Duration::from_secs(1));
    }
    let pidfds: Vec<&PidFd> = some.iter().map(|(_, pipes)| &pipes.pidfd).collect();
    assert_eq!(ready(&pidfds, Duration::ZERO), [false, true, false, true, false]);
    // One waits while another one kills: both see the end.
    let waiting = some[0].1.pidfd.as_fd().try_clone_to_owned().expect("a descriptor");
    let waiter =
        std::thread::Builder::new().spawn(move || ready(&[&PidFd::from(waiting)], Duration::from_mins(1))).expect("a thread");
    supervisor.signal(some[0].0, &[Signal::KILL], Scope::Process).expect("signalled");
    assert_eq!(waiter.join().expect("no panic"), [true]);
    assert_eq!(supervisor.exit_of(some[0].0), killed_by(Signal::KILL));
}

/// Ignored, the kernel reaps behind the back of whoever inherits it.
///
/// Covers: F15, fact 8.
#[test]
fn an_ignored_sigchld_is_no_obstacle() {
    let script = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])";
    let status = |arguments: &[&str]| {
        let status = Command::new("python3").args(["-c", script]).args(arguments).stdin(Stdio::null()).status();
        status.expect("runs").code()
    };
    let stolen =
        "import os; pid = os.posix_spawnp('true', ['true'], {})\ntry: os.waitpid(pid, 0)\nexcept ChildProcessError: exit(9)";
    assert_eq!(
        status(&["/usr/bin/env", "python3", "-c", stolen]),
        Some(9),
        "the control: it is inherited, and takes the status away"
    );
    for code in [0, 1, 47, 254, 255] {
        assert_eq!(status(&[TASKLAB, "exec", "--", "sh", "-c", &format!("exit {code}")]), Some(code));
    }
}

/// Covers: F8, facts 15, 40.
#[test]
fn what_whoever_started_us_ignored_or_blocked_is_not_passed_on() {
    let script = "import os, signal, sys\nfor number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGINT, signal.SIGUSR1):\n\
        \x20   signal.signal(number, signal.SIG_IGN)\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n\
        if sys.argv[2:]: os.execv(sys.argv[1], sys.argv[1:])\nos.execvp('cat', ['cat', '/proc/self/status'])";
    let output = |arguments: &[&str]| {
        let output =
            Command::new("python3").args(["-c", script, TASKLAB]).args(arguments).stdin(Stdio::null()).output().expect("runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let masks = |status: &str| -> Vec<bool> {
        let value = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().trim_matches('0').is_empty())
        };
        ["SigBlk:", "SigIgn:", "SigCgt:"].into_iter().map(|name| value(name).expect("a mask")).collect()
    };
    assert_eq!(masks(&output(&[])), [false, false, true], "the control: without us they are inherited");
    assert_eq!(masks(&output(&["exec", "--", "cat", "/proc/self/status"])), [true, true, true]);
}

const CLOSED: &str = "TASKLAB_TEST_CLOSED";

/// Covers: F31, fact 23.
#[test]
fn closed_standard_descriptors_are_no_obstacle() {
    if let Some(path) = std::env::var_os(CLOSED) {
        let mut supervisor = Supervisor::start();
        let (pid, pipes) = supervisor.launch_one(sh("echo apple; echo orange >&2; exit 4"));
        let (out, err) = (read_all(pipes.stdout.expect("captured")), read_all(pipes.stderr.expect("captured")));
        let status = supervisor.exit_of(pid);
        fs::write(path, format!("{status} {} {}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&err)))
            .expect("written");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let own = std::env::current_exe().expect("this program");
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"] {
        let answer = folder.path().join("answer");
        let script = format!("exec '{}' popen::closed_standard_descriptors_are_no_obstacle --exact {closed}", own.display());
        let status =
            Command::new("sh").args(["-c", &script]).env(CLOSED, &answer).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("runs").success(), "{closed}");
        assert_eq!(fs::read_to_string(&answer).expect("an answer"), "exited 4 apple\n orange\n", "{closed}");
        fs::remove_file(answer).expect("there");
        // And the program itself.
        let script = format!("exec '{TASKLAB}' exec -- sh -c 'exit 4' {closed}");
        assert_eq!(Command::new("sh").args(["-c", &script]).status().expect("runs").code(), Some(4), "{closed}");
    }
}

/// Covers: facts 24, 28.
#[test]
fn swapped_descriptors_arrive_as_they_are_and_two_streams_share_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for permutation in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for name in ["0", "1", "2"] {
            fs::write(path(name), "").expect("written");
        }
        let [a, b, c] = permutation;
        let script = format!(
            "cd '{}'; exec 0<>0 1<>1 2<>2; exec 6<&0 7<&1 8<&2; exec 0<&{} 1<&{} 2<&{} 6<&- 7<&- 8<&-\n\
             exec '{TASKLAB}' exec -- sh -c 'echo zero >&0; echo one >&1; echo two >&2'",
            folder.path().display(),
            a + 6,
            b + 6,
            c + 6
        );
        assert!(Command::new("sh").args(["-c", &script]).status().expect("runs").success());
        for (target, word) in [(a, "zero\n"), (b, "one\n"), (c, "two\n")] {
            assert_eq!(fs::read_to_string(path(&target.to_string())).expect("readable"), word, "{permutation:?}");
        }
    }
    let mut supervisor = Supervisor::start();
    let both = path("both");
    let spec = ChildSpec {
        stdout: OutputTo::File(both.clone().into()),
        stderr: OutputTo::Stdout,
        ..sh("echo out; echo err >&2; echo out")
    };
    let (pid, _) = supervisor.launch_one(spec);
    assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(0));
    assert_eq!(fs::read_to_string(both).expect("there"), "out\nerr\nout\n", "one after the other, in one open file");
}

/// Covers: F47, F48, facts 34, 36.
#[test]
fn all_combinations_of_pipes_have_their_size_and_are_closed_afterwards() {
    let mut supervisor = Supervisor::start();
    let own = supervisor.pid().number();
    let (pid, pipes) = supervisor.launch_one(sh("exit 0"));
    supervisor.exit_of(pid);
    drop(pipes);
    let before = descriptors_of(own);
    for combination in 1..8 {
        let to = |bit: i32| if combination & bit != 0 { OutputTo::Pipe } else { OutputTo::Null };
        let stdin = if combination & 1 != 0 { Input::Pipe } else { Input::Null };
        let spec = ChildSpec { stdin, stdout: to(2), stderr: to(4), pipe_size: Some(128 * 1024), ..sh("exit 0") };
        let (pid, pipes) = supervisor.launch_one(spec);
        for pipe in [&pipes.stdin, &pipes.stdout, &pipes.stderr].into_iter().flatten() {
            assert_eq!(rustix::pipe::fcntl_getpipe_size(pipe).expect("a pipe"), 128 * 1024);
        }
        assert_eq!(
            [pipes.stdin.is_some(), pipes.stdout.is_some(), pipes.stderr.is_some()],
            [1, 2, 4].map(|bit| combination & bit != 0)
        );
        supervisor.exit_of(pid);
        drop(pipes);
        assert_eq!(descriptors_of(own), before, "combination {combination}");
    }
    // Without input there is an end of file, and nobody waits for our terminal.
    let (pid, pipes) = supervisor.launch_one(ChildSpec::new(["cat"]));
    assert_eq!((supervisor.exit_of(pid), read_all(pipes.stdout.expect("captured"))), (ExitStatus::Exited(0), Vec::new()));
}

/// Covers: F30, fact 26.
#[test]
fn only_what_was_listed_survives_even_above_a_lowered_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kept");
    fs::write(&file, "kept").expect("written");
    let fds = |options: &str, fd: u32| {
        let script =
            format!("exec '{TASKLAB}' exec {options} -- ls /proc/self/fd {fd}<'{}' 900<'{}'", file.display(), file.display());
        let script = format!("ulimit -Sn 1000; {script}; ");
        let output = Command::new("bash").args(["-c", &script]).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut fds: Vec<u32> = String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect();
        fds.sort_unstable();
        // ls has its own on the folder, wherever there was room.
        fds.into_iter().filter(|number| ![0, 1, 2].contains(number)).collect::<Vec<_>>()
    };
    assert_eq!(fds("", 700).len(), 1, "the folder's alone");
    assert_eq!(fds("--keep-fd 700", 700).last(), Some(&700));
    // Above a limit that was lowered later: close_range does not ask for the limit.
    let script = format!("exec 900<'{}'; ulimit -Sn 64; exec '{TASKLAB}' exec -- ls /proc/self/fd", file.display());
    let output = Command::new("bash").args(["-c", &script]).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 4, "0, 1, 2 and the folder");
}

/// Covers: F32, F33, fact 17.
#[test]
fn every_reason_not_to_execute_is_told_with_its_path() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let make = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        path
    };
    let script = make("script", "no interpreter named\n");
    let lost = make("lost", "#!/no/such/interpreter\n");
    let below = script.join("below");
    let mut supervisor = Supervisor::start();
    for (path, errno) in [(&script, 8), (&lost, 2), (&below, 20), (&folder.path().to_owned(), 13)] {
        let failure = supervisor.launch(vec![ChildSpec::new([path])]).expect_err("cannot be executed").to_string();
        assert!(failure.contains(&path.display().to_string()) && failure.contains(&format!("os error {errno}")), "{failure}");
    }
    // A program that somebody is writing at the moment; it works once that is done.
    let busy = folder.path().join("busy");
    fs::copy("/bin/true", &busy).expect("copied");
    let writer = fs::File::options().append(true).open(&busy).expect("opens");
    let failure = supervisor.launch(vec![ChildSpec::new([&busy])]).expect_err("text file busy").to_string();
    assert!(failure.contains("os error 26") && failure.contains("busy"), "{failure}");
    drop(writer);
    eventually("it can be executed once nobody writes it", || supervisor.launch(vec![quiet(ChildSpec::new([&busy]))]).is_ok());
    eventually("nothing is left", || survivors(&supervisor).is_empty());
}

/// Sixteen threads with a supervisor each, all at once.
///
/// Covers: F25, facts 43, 41.
#[test]
fn sixteen_threads_that_launch_at_once_all_get_their_status() {
    let barrier = std::sync::Barrier::new(16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                let mut supervisor = Supervisor::start();
                let (pid, _) = supervisor.launch_one(quiet(sh("exit 50")));
                assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(50));
                let tasks = fs::read_dir(format!("/proc/{}/task", supervisor.pid())).expect("its threads").count();
                assert_eq!(tasks, 1, "whoever forks has one thread");
            });
        }
    });
}

/// Covers: F8, fact 38.
#[test]
fn a_child_has_its_own_group_session_and_mask_when_asked() {
    let mut supervisor = Supervisor::start();
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("made");
    let spec = ChildSpec { umask: Some(0o053), ..sh(&format!("umask; : > '{}'", made.display())) };
    let (pid, _pipes) = supervisor.launch_one(spec);
    assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(0));
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(made).expect("there").permissions()) & 0o777, 0o624);
    let (alone, _pipes) = supervisor.launch_one(quiet(ChildSpec { new_session: true, ..ChildSpec::new(["sleep", "600"]) }));
    // 0 where our own session is outside of the PID namespace.
    assert_eq!(tasklab::sys::session(Some(alone)).ok(), Some(alone.number()), "it leads a session");
    assert_ne!(tasklab::sys::session(None).ok(), Some(alone.number()));
}

/// A worker in Python catches its interrupt itself, and its status is its own.
///
/// Covers: fact 11.
#[test]
fn an_interrupt_runs_the_childs_own_handler() {
    let mut supervisor = Supervisor::start();
    let script = "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(31))\nprint('up', flush=True)\n\
        while True: time.sleep(1)";
    let (pid, pipes) = supervisor.launch_one(ChildSpec::new(["python3", "-c", script]));
    assert_eq!(ready_to_read(&pipes.stdout.expect("captured")), b"up\n");
    supervisor.signal(pid, &[Signal::INT], Scope::Process).expect("signalled");
    assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(31));
}

fn ready_to_read(fd: &std::os::fd::OwnedFd) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let mut length = 0;
    eventually("a line", || {
        length = rustix::io::read(fd, &mut bytes[..]).unwrap_or(0);
        length > 0
    });
    bytes.truncate(length);
    bytes
}

/// `sudo` and its like belong to somebody else from then on. Here the kernel's answer is made by strace.
///
/// Covers: F11.
#[test]
fn what_may_not_be_signalled_is_said_to_be_not_permitted() {
    let mut supervisor = Supervisor::start();
    let (pid, _pipes) = supervisor.launch_one(quiet(ChildSpec::new(["sleep", "600"])));
    let own = supervisor.pid().number();
    let mut strace = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "-e", "trace=pidfd_send_signal", "-e", "inject=pidfd_send_signal:error=EPERM:when=1"])
        .args(["-p", &own.to_string()])
        .stderr(Stdio::null())
        .spawn()
        .expect("strace is needed; `make test` installs it");
    let mut ended = false;
    eventually("strace has attached, or may not", || {
        ended = strace.try_wait().expect("ours").is_some();
        ended || fs::read_to_string(format!("/proc/{own}/status")).is_ok_and(|text| !text.contains("TracerPid:\t0\n"))
    });
    if ended {
        return skipped("strace may not attach here");
    }
    let refused = supervisor.signal(pid, &[Signal::KILL], Scope::Process).expect_err("not permitted");
    assert_eq!(refused, tasklab::model::Refusal::OtherUser);
    assert_eq!(supervisor.signal(pid, &[Signal::KILL], Scope::Process), Ok(1), "and the next one is");
    assert_eq!(supervisor.exit_of(pid), killed_by(Signal::KILL));
    kill(strace.id().cast_signed(), rustix::process::Signal::INT);
    strace.wait().expect("ours");
}
