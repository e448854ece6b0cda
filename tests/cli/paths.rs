//! Paths of any bytes, and FIFOs: what `exec` hands to a child reaches it, and a launch that waits or fails costs nobody else anything.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::program::{said, tasklab};
use support::{App, Supervisor, eventually};
use tasklab::model::{ChildSpec, ExitStatus, Input, OutputTo, Signal};

/// Not UTF-8.
const BYTES: &[u8] = b"caf\xe9";

/// `exec` with these options and this command.
fn exec(options: &[(&str, &OsStr)], command: &[&str]) -> (i32, String, String) {
    let mut exec = tasklab(&["exec"]);
    for (option, value) in options {
        exec.arg(option).arg(value);
    }
    said(&exec.arg("--").args(command).output().expect("runs"))
}

/// `@` and a path.
fn at(path: &Path) -> OsString {
    OsString::from_vec([b"@", path.as_os_str().as_bytes()].concat())
}

#[test]
fn a_path_of_any_bytes_reaches_the_child() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join(OsStr::from_bytes(BYTES));
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("in"), "from a file").expect("written");
    let good = |out: &str| (0, out.to_owned(), String::new());
    assert_eq!(exec(&[("--cwd", folder.as_os_str())], &["cat", "in"]), good("from a file"));
    assert_eq!(exec(&[("--stdin", &at(&folder.join("in")))], &["cat"]), good("from a file"));
    let (out, err) = (folder.join("out"), folder.join("err"));
    let streams: [(&str, &OsStr); 2] = [("--stdout", &at(&out)), ("--stderr", &at(&err))];
    assert_eq!(exec(&streams, &["sh", "-c", "echo out; echo err >&2"]), good(""));
    assert_eq!((fs::read(out).expect("there"), fs::read(err).expect("there")), (b"out\n".to_vec(), b"err\n".to_vec()));
    let program = folder.join("program");
    std::os::unix::fs::symlink("/bin/sh", &program).expect("made");
    assert_eq!(exec(&[("--executable", program.as_os_str())], &["name", "-c", "echo $0"]), good("name\n"));
    let (status, _, err) = exec(&[("--cwd", folder.join("missing").as_os_str())], &["true"]);
    assert!(status == 125 && err.contains("enter the folder") && err.contains("os error 2"), "{status}: {err}");
    assert!(!err.contains("supervisor"), "{err}");
}

/// A FIFO in a folder of its own.
fn fifo() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
    (folder, path)
}

/// `exec` with these options, of a shell's script.
fn start(options: &[(&str, &OsStr)], script: &str) -> App {
    let mut exec = tasklab(&["exec"]);
    for (option, value) in options {
        exec.arg(option).arg(value);
    }
    start_it(exec.args(["--", "sh", "-c", script]))
}

fn start_it(exec: &mut Command) -> App {
    App::start(exec.stdout(Stdio::piped()).stderr(Stdio::piped()))
}

/// Its status and what it has said, once it has ended.
fn end(mut app: App) -> (i32, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    app.process.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    app.process.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    let status = app.process.wait().expect("ours");
    (status.code().unwrap_or_else(|| -status.signal().expect("it has ended")), out, err)
}

/// The writing end, once somebody reads or waits for a writer: a test that fails must not wait with it.
fn writer(path: &Path) -> File {
    let mut opened = None;
    eventually("somebody opens it for reading", || {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        opened = File::options().write(true).custom_flags(flags).open(path).ok();
        opened.is_some()
    });
    opened.expect("it is open")
}

/// Whether the app or something that it has started waits in open(2) for somebody to open the other end of a FIFO.
fn waits_for_partner(app: &App) -> bool {
    let is_opening = |pid: &i32| {
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        // open (2, where there is one) and openat: x86 and ARM.
        let opens: &[&str] = if cfg!(target_arch = "x86_64") { &["2", "257"] } else { &["56"] };
        call.split(' ').next().is_some_and(|number| opens.contains(&number))
    };
    app.all().iter().any(is_opening)
}

#[test]
fn a_fifo_for_reading_waits_for_a_writer_and_ends_with_it() {
    let (folder, path) = fifo();
    let here = folder.path();
    // By a path of the caller's, and with another folder for the child.
    let name = at(Path::new("fifo"));
    let mut exec = tasklab(&["exec", "--cwd", "/", "--stdin"]);
    exec.arg(name).args(["--", "sh", "-c", "pwd; cat; echo end; grep SigIgn /proc/self/status"]);
    let running = start_it(exec.current_dir(here));
    eventually("the child waits", || waits_for_partner(&running));
    let mut writer = writer(&path);
    writer.write_all(b"late\n").expect("written");
    drop(writer);
    let expected = "/\nlate\nend\nSigIgn:\t0000000000000000\n";
    assert_eq!(end(running), (0, expected.to_owned(), String::new()));
}

#[test]
fn a_child_starts_when_the_writer_comes_and_not_only_with_its_first_byte() {
    let (_folder, path) = fifo();
    let mut running = start(&[("--stdin", &at(&path))], "echo up; cat");
    let mut writer = writer(&path);
    let mut out = BufReader::new(running.process.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("text");
    assert_eq!(line, "up\n", "before anything was written");
    writer.write_all(b"then\n").expect("written");
    drop(writer);
    line.clear();
    out.read_to_string(&mut line).expect("text");
    assert_eq!((line.as_str(), running.process.wait().expect("ours").code()), ("then\n", Some(0)));
}

#[test]
fn a_fifo_for_writing_waits_for_a_reader_and_misses_it() {
    let (_folder, path) = fifo();
    let merged: [(&str, &OsStr); 2] = [("--stdout", &at(&path)), ("--stderr", OsStr::new("merge"))];
    let running = start(&merged, "echo one; echo two >&2");
    eventually("the child waits", || waits_for_partner(&running));
    let mut text = String::new();
    File::open(&path).and_then(|mut reader| reader.read_to_string(&mut text)).expect("there is a writer");
    assert_eq!((text.as_str(), end(running)), ("one\ntwo\n", (0, String::new(), String::new())));
    // A reader that leaves ends the writer by SIGPIPE.
    let running = start(&[("--stdout", &at(&path))], "exec yes");
    eventually("the child waits", || waits_for_partner(&running));
    let mut first = [0; 2];
    File::open(&path).and_then(|mut reader| reader.read_exact(&mut first)).expect("there is a writer");
    assert_eq!((&first, end(running)), (b"y\n", (141, String::new(), String::new())));
}

#[test]
fn a_child_that_waits_for_a_partner_can_be_ended_and_nobody_waits_with_it() {
    let mut supervisor = Supervisor::start();
    let (_folder, path) = fifo();
    let waiting = |stdin, stdout| ChildSpec { stdin, stdout, ..ChildSpec::new(["cat"]) };
    let (reader, _) = supervisor.launch_one(waiting(Input::File(path.clone().into()), OutputTo::Null));
    let (_other_folder, other) = fifo();
    let (writer, _) = supervisor.launch_one(waiting(Input::Null, OutputTo::Append(other.into())));
    // The supervisor goes on, and so do others.
    let (quick, _) = supervisor.launch_one(ChildSpec::new(["true"]));
    assert_eq!(supervisor.exit_of(quick), ExitStatus::Exited(0));
    for pid in [reader, writer] {
        supervisor.signal(pid, &[Signal::TERM], tasklab::model::Scope::Process).expect("sent");
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Signaled { signal: Signal::TERM, core_dumped: false });
    }
    // By the end of the time, as any other.
    let (status, out, _) = exec(&[("--timeout", OsStr::new("0.2")), ("--stdin", &at(&path))], &["cat"]);
    assert_eq!((status, out.as_str()), (124, ""));
}

#[test]
fn what_fails_behind_a_fifo_is_told_by_the_child_as_a_shell_does() {
    let (_folder, path) = fifo();
    for (program, expected) in [("no-such-program", 127), ("/etc/passwd", 126)] {
        let mut exec = tasklab(&["exec", "--stdin"]);
        let running = start_it(exec.arg(at(&path)).args(["--", program]));
        drop(writer(&path));
        let (status, _, err) = end(running);
        assert!(status == expected && err.contains(program), "{status}: {err}");
    }
    // Limits are the program's: the one that opens the FIFO needs more.
    let limit: [(&str, &OsStr); 2] = [("--rlimit", OsStr::new("as=16M")), ("--stdin", &at(&path))];
    let running = start(&limit, "cat; ulimit -v");
    writer(&path).write_all(b"text\n").expect("somebody reads");
    assert_eq!(end(running), (0, "text\n16384\n".to_owned(), String::new()));
}

/// `kill -32`: the C library keeps that signal for itself, so that it has no name.
#[test]
fn a_signal_without_a_name_is_told_as_any_other() {
    let mut supervisor = Supervisor::start();
    for number in [32, 33, 34, 64] {
        let signal = Signal::from_number(number).expect("in range");
        // The shell may not know the number.
        let (pid, _) = supervisor.launch_one(ChildSpec::new(["sleep", "600"]));
        supervisor.signal(pid, &[signal], tasklab::model::Scope::Process).expect("sent");
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Signaled { signal, core_dumped: false });
    }
}
