//! Every argument of Popen: what a child is started with is what was asked for, and what cannot be is refused by name.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::program::{exec, said, tasklab};
use support::{Supervisor, eventually, skipped, tagged};
use tasklab::model::{ChildSpec, Signal};

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).expect("was written")
}

/// Covers: fact 28.
#[test]
fn streams_go_to_files_and_to_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out");
    let name = file.to_str().expect("text");
    let both = ["--", "sh", "-c", "echo out; echo err >&2"];
    let run = |options: &[&str]| exec(&[options, &both].concat());
    assert_eq!(run(&["--stdout", &format!("@{name}"), "--stderr", "merge"]), (0, String::new(), String::new()));
    assert_eq!(read(&file), "out\nerr\n");
    assert_eq!(run(&["--stdout", &format!("+{name}"), "--stderr", "null"]).0, 0);
    assert_eq!(read(&file), "out\nerr\nout\n", "appended");
    assert_eq!(run(&["--stdout", "stderr", "--stderr", &format!("@{name}")]).0, 0);
    assert_eq!(read(&file), "out\nerr\n", "the other way round, and emptied first");
    let (status, out, err) = run(&["--stdout", "stderr"]);
    assert_eq!((status, out.as_str(), err.as_str()), (0, "", "out\nerr\n"));
    let (status, _, err) = run(&["--stdout", "@/no/such/folder/file"]);
    assert!(status == 125 && err.contains("could not open /no/such/folder/file"), "{status}: {err}");
    assert_eq!(exec(&["--stdout", &format!("@{name}"), "--", "echo", "a", ":::", "cat"]).0, 0);
    assert_eq!(read(&file), "a\n", "of a pipeline the last stage's");
}

/// Covers: fact 38.
#[test]
fn limits_cores_niceness_and_mask_are_as_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "ulimit -Sn; ulimit -Hn; ulimit -c; nice; umask; sed -n 's/Cpus_allowed_list:.//p' /proc/self/status; \
                  touch made; stat -c %a made";
    let options = "--rlimit nofile=64:65 --rlimit core=0 --affinity 0 --nice 3 --umask 053";
    let mut arguments: Vec<&str> = options.split(' ').collect();
    arguments.extend(["--cwd", folder.path().to_str().expect("text"), "--", "sh", "-c", script]);
    let nice = Command::new("nice").output().expect("runs").stdout;
    let nice: i32 = String::from_utf8_lossy(&nice).trim().parse().expect("a number");
    assert_eq!(exec(&arguments), (0, format!("64\n65\n0\n{}\n0053\n0\n624\n", (nice + 3).min(19)), String::new()));
}

/// Covers: F32.
#[test]
fn what_the_kernel_refuses_names_the_step() {
    let above = std::fs::read_to_string("/proc/sys/fs/nr_open").expect("there").trim().parse::<u64>().expect("a number") + 1;
    for (options, text) in [
        (format!("--rlimit nofile={above}"), "could not set a resource limit nofile: "),
        ("--affinity 1023".to_owned(), "could not choose its cores [1023]: "),
        ("--process-group=1".to_owned(), "could not set the process group"),
    ] {
        let arguments: Vec<&str> = options.split(' ').chain(["--", "true"]).collect();
        let (status, _, err) = exec(&arguments);
        assert!(status == 125 && err.contains(text), "{options}: {status}: {err}");
    }
}

/// Covers: F53.
#[test]
fn the_death_signal_is_kill_unless_another_is_asked_for() {
    const ASK: &str = "import ctypes; v = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(v)); print(v.value)";
    assert_eq!(exec(&["--", "python3", "-c", ASK]).1, "9\n");
    assert_eq!(exec(&["--death-signal", "TERM", "--", "python3", "-c", ASK]).1, "15\n");
}

/// The kernel, out of memory, is to take a child before the app.
///
/// Covers: F56.
#[test]
fn children_are_more_dispensable_than_the_app() {
    // The supervisor takes its own back when the launch is done, which may be a moment after the child has begun.
    const SETTLED: &str = "while cmp -s /proc/self/oom_score_adj /proc/$PPID/oom_score_adj; do :; done; \
                           cat /proc/self/oom_score_adj /proc/$PPID/oom_score_adj";
    let ours: i32 = read("/proc/self/oom_score_adj".as_ref()).trim().parse().expect("a number");
    let (_, out, _) = exec(&["--timeout", "30", "--", "sh", "-c", SETTLED]);
    assert_eq!(out, format!("{}\n{ours}\n", (ours + 500).min(1000)), "the child's, then the supervisor's");
}

/// Covers: F30, fact 26.
#[test]
fn descriptors_are_closed_unless_all_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seven");
    std::fs::write(&file, "seven\n").expect("written");
    let with_seven = |option: &str| {
        let script = format!("exec 7<{}; exec {TASKLAB} exec {option} -- sh -c 'cat <&7'", file.display());
        said(&Command::new("sh").args(["-c", &script]).output().expect("runs"))
    };
    assert_eq!(with_seven("--keep-all-fds"), (0, "seven\n".to_owned(), String::new()));
    assert_ne!(with_seven("").0, 0, "the control: without the option nothing but 0, 1 and 2 is there");
}

#[test]
fn line_ends_are_translated_for_those_who_want_text() {
    let print = ["--", "printf", r"one\r\ntwo\rthree\n"];
    assert_eq!(exec(&[&["--universal-newlines"][..], &print].concat()).1, "one\ntwo\nthree\n");
    assert_eq!(exec(&print).1, "one\r\ntwo\rthree\n", "the control: bytes are bytes");
}

/// Covers: F37, fact 22.
#[test]
fn what_cannot_be_passed_is_refused_before_anything_starts() {
    let mut supervisor = Supervisor::start();
    let mut refused = |spec: ChildSpec| supervisor.launch(vec![spec]).expect_err("refused").to_string();
    let text = refused(ChildSpec::new(["true".to_owned(), "x".repeat(3_000_000)]));
    assert!(text.contains("could not execute true: Argument list too long") && text.contains("too large"), "{text}");
    let with_env = |name: &str, value: &str| ChildSpec { env: vec![(name.into(), value.into())], ..ChildSpec::new(["true"]) };
    assert!(refused(with_env("A=B", "c")).contains("\"A=B\" cannot be the name"));
    assert!(refused(with_env("A\0B", "c")).contains("NUL"));
    assert!(refused(with_env("A", "c\0d")).contains("NUL"));
    assert!(refused(ChildSpec::new([OsString::from_vec(vec![b't', 0])])).contains("NUL"));
    assert!(support::survivors(&supervisor).is_empty());
    let (pid, _) = supervisor.launch_one(with_env("FRUIT", "a=b"));
    assert!(supervisor.exit_of(pid).is_success(), "= in a value is fine");
}

/// Covers: F33.
#[test]
fn a_program_that_is_being_written_to_is_tried_for_a_moment_and_then_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program");
    std::fs::copy("/bin/true", &program).expect("copied");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let mut supervisor = Supervisor::start();
    let mut launch = || supervisor.launch(vec![ChildSpec::new([&program])]);
    let writer = std::fs::File::options().append(true).open(&program).expect("ours");
    match launch() {
        Err(failure) => assert!(failure.to_string().contains("Text file busy"), "{failure}"),
        Ok(_) => return skipped("this kernel executes what is being written to"),
    }
    drop(writer);
    launch().expect("nobody writes any more");
    eventually("one whose writer goes within the tries is started", || {
        // One that was started before may still run, and then nobody may write to it.
        let Ok(writer) = std::fs::File::options().append(true).open(&program) else { return false };
        let close = move || {
            std::thread::sleep(std::time::Duration::from_millis(4));
            drop(writer);
        };
        let closer = std::thread::Builder::new().name("closer".to_owned()).spawn(close).expect("a thread");
        let is_started = launch().is_ok();
        closer.join().expect("no panic");
        is_started
    });
}

/// Covers: F31, fact 23.
#[test]
fn whoever_started_us_without_streams_gets_the_childs_output_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let [out, err] = ["out", "err"].map(|name| folder.path().join(name));
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"] {
        let (o, e) = (out.display(), err.display());
        let script = format!(
            "exec {closed}; exec {TASKLAB} exec --stdout @{o} --stderr @{e} -- sh -c 'echo apple; echo orange >&2; exit 7'"
        );
        let status = Command::new("sh").args(["-c", &script]).status().expect("runs");
        assert_eq!((status.code(), read(&out).as_str(), read(&err).as_str()), (Some(7), "apple\n", "orange\n"), "{closed}");
    }
}

/// Some start programs with SIGCHLD ignored or all signals blocked, and that is inherited. Those that end us are not ignored here, as
/// they are by a shell's background jobs: that is a wish, and heeded.
fn strangely(command: &[&str]) -> Command {
    let mut env = Command::new("env");
    env.args(["--default-signal", "--ignore-signal=CHLD", "--block-signal"]).args(command).stdin(std::process::Stdio::null());
    env
}

/// Covers: F8, F15, fact 8.
#[test]
fn inherited_signals_change_nothing() {
    for code in [0, 1, 7, 255] {
        let run = strangely(&[TASKLAB, "exec", "--", "sh", "-c", &format!("exit {code}")]).output().expect("runs");
        assert_eq!(said(&run), (code, String::new(), String::new()));
    }
    let run = strangely(&[TASKLAB, "exec", "--", "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]).output().expect("runs");
    assert_eq!(said(&run).1, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT] {
        let tag = format!("TASKLAB_TEST=blocked-{signal}-{}", std::process::id());
        let (name, value) = tag.split_once('=').expect("a variable");
        let mut app = strangely(&[TASKLAB, "exec", "--", "sleep", "88"]).env(name, value).spawn().expect("starts");
        eventually("the sleeper runs", || tagged(&tag).len() >= 3);
        let pid = rustix::process::Pid::from_child(&app);
        let signal = rustix::process::Signal::from_named_raw(signal.number()).expect("named");
        rustix::process::kill_process(pid, signal).expect("ours");
        eventually(&format!("it ends by {signal:?}"), || app.try_wait().expect("ours").is_some());
        eventually("nothing of it is left", || tagged(&tag).is_empty());
    }
}

/// Covers: F47, fact 31.
#[test]
fn text_is_typed_to_a_running_child_and_its_input_is_closed() {
    let typed = ["--stdin", "pipe", "--do", "0.1 type cat one two", "--do", "0.1 type cat", "--do", "0.2 close-stdin cat"];
    assert_eq!(exec(&[&typed[..], &["--", "cat"]].concat()), (0, "one two\n\n".to_owned(), String::new()));
    let (_, _, err) = exec(&["--stdin", "null", "--do", "0 type sleep x", "--", "sleep", "0.3"]);
    assert!(err.contains("could not type to sleep: its standard input is no pipe"), "{err}");
    let (status, _, err) = exec(&["--stdin", "pipe", "--do", "0.1 close-stdin cat", "--do", "0.1 type cat x", "--", "cat"]);
    assert!(status == 0 && err.contains("could not type to cat"), "{status}: {err}");
    // A child that never reads: what is typed is let go with it, and its status stays.
    let flood: Vec<String> = (0..2000).map(|_| format!("0 type sleep {}", "x".repeat(100))).collect();
    let mut command = tasklab(&["exec", "--stdin", "pipe"]);
    for line in &flood {
        command.args(["--do", line]);
    }
    let (status, _, err) = said(&command.args(["--", "sleep", "0.5"]).output().expect("runs"));
    assert!(status == 0 && err.contains("left too much unread"), "{status}: {err}");
}
