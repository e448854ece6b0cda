//! Readers that do not read, streams that refuse instead of wait, files that must not be written over.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use support::program::{said, tasklab};
use support::stress::kill;
use support::{App, eventually};

/// Waits until it has something to write that nobody takes.
#[track_caller]
fn wait_until_stuck(app: &mut App, what: &str) {
    let is_stuck = |task: fs::DirEntry| {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        read("comm").trim() == "output" && read("stat").rsplit(')').next().is_some_and(|rest| rest.starts_with(" S"))
    };
    eventually(&format!("{what}: it is stuck"), || {
        assert!(app.process.try_wait().expect("ours").is_none(), "{what}: it has ended");
        let tasks = fs::read_dir(format!("/proc/{}/task", app.pid()));
        tasks.is_ok_and(|tasks| tasks.flatten().any(is_stuck))
    });
}

/// Sends a signal and waits until it has been taken.
fn send(app: &App, signal: Signal) {
    kill(app.pid(), signal);
    app.until_taken(signal);
}

/// A pipe that is full: its reader, and its writer, which waits as writers do.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("a pipe");
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).expect("ours");
    while rustix::io::write(&writer, &[b'x'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).expect("ours");
    (reader, writer)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Stdout,
    Stderr,
    Both,
}

/// A reader that does not read cannot hold us up, neither where a signal ends the run, nor where its time is over.
#[test]
fn whom_nobody_reads_ends_when_the_run_is_over() {
    const TERM: &[Signal] = &[Signal::TERM];
    const TWICE: &[Signal] = &[Signal::INT, Signal::INT];
    let watch = ["gpio", "watch", "--board", "simulated", "--press", "GPIO27", "GPIO27"];
    for (arguments, which, signals, status) in [
        (&["exec", "--json", "--", "yes"][..], Which::Stdout, TERM, 143),
        (&["exec", "--json", "--", "yes"], Which::Stdout, TWICE, 130),
        (&["exec", "--json", "--", "yes"], Which::Stdout, &[Signal::HUP], 129),
        (&["exec", "--json", "--timeout", "0.5", "--", "yes"], Which::Stdout, &[], 124),
        (&["exec", "--json", "--timeout", "0.5", "--", "yes"], Which::Both, &[], 124),
        (&["exec", "--universal-newlines", "--", "sh", "-c", "yes >&2"], Which::Stderr, TERM, 143),
        (&["exec", "--pty", "--", "yes"], Which::Stdout, TERM, 143),
        (&["exec", "--do", "0 kill nobody", "--", "sleep", "600"], Which::Stderr, TERM, 143),
        (&["run", "zombie"], Which::Stdout, TERM, 143),
        (&["run", "zombie", "--json"], Which::Stdout, TWICE, 130),
        (&["run", "zombie", "--no-script", "--timeout", "0.5"], Which::Stdout, &[], 124),
        (&["run", "thread-pool", "--compare", "kind=thread,process"], Which::Stdout, TWICE, 130),
        (&watch, Which::Stdout, TERM, 143),
    ] {
        let what = arguments.join(" ");
        let (_reader, writer) = full_pipe();
        let to = |is_full: bool| if is_full { Stdio::from(writer.try_clone().expect("a descriptor")) } else { Stdio::null() };
        let mut command = tasklab(arguments);
        command.stdout(to(which != Which::Stderr)).stderr(to(which != Which::Stdout));
        let mut running = App::start(&mut command);
        drop(writer);
        wait_until_stuck(&mut running, &what);
        for signal in signals {
            send(&running, *signal);
        }
        assert_eq!(running.status(&what), Some(status), "{what}");
    }
}

/// The same of a recording that goes to a FIFO, whose reader has all it wants.
#[test]
fn a_recording_that_nobody_reads_does_not_keep_us_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    let both = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&fifo).expect("opened");
    while rustix::io::write(&both, &[b'x'; 4096]).is_ok() {}
    let mut command = tasklab(&["run", "zombie", "--record", fifo.to_str().expect("text")]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = App::start(&mut command);
    wait_until_stuck(&mut running, "a FIFO");
    send(&running, Signal::TERM);
    assert_eq!(running.status("a FIFO"), Some(3));
    let mut err = String::new();
    running.process.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert!(err.contains("could not record to") && err.contains("fifo"), "{err}");
}

/// The control: who reads late, and slowly, has everything. Standard output is set to refuse instead of wait, as editors and
/// terminals leave it.
#[test]
fn a_stream_that_refuses_is_waited_for() {
    const COUNT: usize = 30_000;
    let seq = COUNT.to_string();
    let texts = |text: &str| {
        let outputs = text.lines().filter(|line| line.contains("\"kind\":\"output\""));
        let text =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["text"].as_str().map(str::to_owned);
        outputs.filter_map(text).collect::<String>()
    };
    let plain = |text: &str| text.replace('\r', "");
    let expected = (1..=COUNT).map(|number| number.to_string()).collect::<Vec<_>>().join("\n") + "\n";
    let folder = tempfile::tempdir().expect("a folder");
    let to_stdout = ["run", "fork", "--no-script", "--do", "0 end", "--record", "/dev/stdout"];
    let list = String::from_utf8(tasklab(&["list"]).output().expect("runs").stdout).expect("text");
    for (arguments, is_stderr) in [
        (&["exec", "--json", "--", "seq", &seq][..], false),
        (&["exec", "--pty", "--", "seq", &seq], false),
        (&["exec", "--universal-newlines", "--", "seq", &seq], false),
        (&["exec", "--universal-newlines", "--", "sh", "-c", "seq 30000 >&2"], true),
        (&["list"], false),
        (&["list", "--help"], false),
        (&["run", "thread-pol"], true),
        (&to_stdout, false),
    ] {
        for is_terminal in [false, true] {
            let what = format!("{} on a {}", arguments.join(" "), if is_terminal { "terminal" } else { "pipe" });
            let (reader, writer) = if is_terminal { terminal() } else { full_pipe() };
            rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).expect("ours");
            if is_terminal {
                while rustix::io::write(&writer, &[b'x'; 4096]).is_ok() {}
            }
            let mut command = tasklab(arguments);
            command.current_dir(folder.path()).env("TERM", "dumb");
            if is_stderr {
                command.stdout(Stdio::null()).stderr(writer);
            } else {
                command.stdout(writer).stderr(Stdio::null());
            }
            let mut running = App::start(&mut command);
            eventually("it waits for room", || {
                let waits = fs::read_dir(format!("/proc/{}/task", running.pid())).into_iter().flatten().flatten();
                let mut calls = waits.filter_map(|task| fs::read_to_string(task.path().join("syscall")).ok());
                let has_ended = running.process.try_wait().expect("ours").is_some();
                has_ended || calls.any(|call| is_poll(&call))
            });
            let text = read_slowly(&reader);
            let text = text.trim_start_matches('x');
            let status = running.status(&what);
            let said = match arguments[..] {
                ["exec", "--json", ..] => texts(text),
                _ => plain(text),
            };
            match arguments[0] {
                "exec" => assert!((status, said == expected) == (Some(0), true), "{what}: {status:?}, {} bytes", said.len()),
                "list" if arguments.len() == 1 => assert!(status == Some(0) && said == list, "{what}: {status:?}"),
                "list" => assert!(status == Some(0) && said.trim_end().ends_with("Print help"), "{what}: {status:?}: {said}"),
                _ if is_stderr => assert!(status == Some(2) && said.contains("thread-pool"), "{what}: {status:?}: {said}"),
                _ => assert!(status == Some(1) && said.contains("\"run.finished\""), "{what}: {status:?}: {said}"),
            }
        }
    }
}

/// Whether a thread waits in poll(2) or ppoll(2) for one descriptor alone.
fn is_poll(call: &str) -> bool {
    let mut words = call.split(' ');
    let number = words.next().and_then(|word| word.parse::<i64>().ok());
    #[cfg(target_arch = "x86_64")]
    let numbers = [libc::SYS_poll, libc::SYS_ppoll];
    #[cfg(not(target_arch = "x86_64"))]
    let numbers = [libc::SYS_ppoll];
    number.is_some_and(|number| numbers.contains(&number)) && words.nth(1) == Some("0x1")
}

/// Both ends of a terminal that adds nothing to what is written to it but a return before each newline.
fn terminal() -> (OwnedFd, OwnedFd) {
    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).expect("a terminal");
    unlockpt(&ours).expect("ours");
    let theirs = ioctl_tiocgptpeer(&ours, flags).expect("its other end");
    (ours, theirs)
}

/// Everything up to the end, which a terminal tells as an error.
fn read_slowly(from: &OwnedFd) -> String {
    let mut all = Vec::new();
    let mut bytes = [0; 3000];
    while let Ok(count) = rustix::io::read(from, &mut bytes)
        && count > 0
    {
        all.extend_from_slice(&bytes[..count]);
        std::thread::yield_now();
    }
    String::from_utf8(all).expect("text")
}

/// A device, a FIFO or a descriptor is written to as it is; nothing is made beside it, and nothing takes its name.
#[test]
fn a_recording_to_a_descriptor_is_written_there_and_replaces_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let dev = at("dev");
    fs::create_dir(&dev).expect("made");
    for (name, target) in [("stdout", "/proc/self/fd/1"), ("null", "/dev/null"), ("fd", "/proc/self/fd")] {
        symlink(target, dev.join(name)).expect("linked");
    }
    // Ours, where anybody may make a file, as root may in the real one.
    for name in ["stdout", "fd/1"] {
        let mut out = File::create(at("out")).expect("made");
        out.write_all(b"before\n").expect("written");
        let record = dev.join(name);
        let mut command = tasklab(&["run", "fork", "--json", "--record", record.to_str().expect("text")]);
        let status = command.stdout(out).stderr(Stdio::null()).status().expect("runs");
        assert!(status.success());
        let text = fs::read_to_string(at("out")).expect("there");
        let ends = text.lines().filter(|line| line.contains("\"run.finished\"")).count();
        assert!(text.starts_with("before\n") && ends == 2, "{name}: once from each: {text}");
        assert!(dev.join("stdout").is_symlink() && dev.join("fd").is_symlink());
    }
    assert_eq!(fs::read_dir(&dev).expect("there").count(), 3, "nothing else was made");
    let run = |arguments: &[&str]| said(&tasklab(&[&["run", "fork"], arguments].concat()).output().expect("runs"));
    let text = |name: &str| at(name).to_str().expect("text").to_owned();
    // A file by the name of a link: the link stays, and the file has it all.
    symlink("real", at("link")).expect("linked");
    assert_eq!(run(&["--record", &text("link")]).0, 0);
    assert!(at("link").is_symlink() && fs::read_to_string(at("real")).expect("there").contains("run.finished"));
    // Where the file would grow lies a link to somebody's: it is named, and not followed.
    fs::write(at("precious"), "mine").expect("written");
    symlink("precious", at("x.partial")).expect("linked");
    for option in ["--record", "--vcd", "--csv"] {
        let (status, _, err) = run(&[option, &text("x")]);
        assert!(status == 3 && err.contains("x.partial"), "{option}: {status}: {err}");
        let watch = ["gpio", "watch", "--board", "simulated", "--for", "0.1", option, &text("x"), "GPIO27"];
        if option != "--record" {
            let (status, _, err) = said(&tasklab(&watch).output().expect("runs"));
            assert!(status == 3 && err.contains("x.partial"), "{option}: {status}: {err}");
        }
    }
    assert_eq!(fs::read_to_string(at("precious")).expect("there"), "mine");
    assert!(at("x.partial").is_symlink() && !at("x").exists());
    // One file by two names is refused before anything runs.
    fs::hard_link(at("real"), at("hard")).expect("linked");
    let log = format!("simulated:{}", text("real"));
    for arguments in [
        &["--vcd", &text("y"), "--csv", &text("y")][..],
        &["--record", &text("y"), "--vcd", &format!("{}/./y", folder.path().display())],
        &["--record", &text("link"), "--csv", &text("hard")],
        &["--record", &text("y"), "--csv", &text("y.partial")],
        &["--record", &text("real"), "--board", &log],
    ] {
        let (status, out, err) = run(arguments);
        assert!(status == 2 && out.is_empty() && err.contains("the same file"), "{arguments:?}: {status}: {err}");
    }
    assert!(!at("y").exists() && !at("y.partial").exists());
}

/// A limit on the size of files (`ulimit -f`) is told as an error; children have SIGXFSZ as they had it.
#[test]
fn a_file_that_may_not_grow_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("run.jsonl");
    let limited = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -f 1; {script}")]).env("T", env!("CARGO_BIN_EXE_tasklab")).env("R", &record);
        said(&command.current_dir(folder.path()).stdin(Stdio::null()).output().expect("runs"))
    };
    let (status, _, err) = limited("exec \"$T\" run fork --language rust --record \"$R\"");
    assert!(status == 3 && err.contains("os error 27") && err.contains("run.jsonl.partial"), "{status}: {err}");
    let (status, _, err) = limited("exec \"$T\" list >list");
    assert!(status == 3 && err.contains("os error 27"), "{status}: {err}");
    let (status, _, _) = limited("exec \"$T\" exec --stdout @big -- yes");
    assert_eq!(status, 128 + 25, "the child dies of it");
}
