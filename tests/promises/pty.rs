//! The pseudo-terminal: a child that has one behaves as on a terminal, and everything it shows is captured.

use support::program::exec;
use support::runs::{engine, events_of, outcome, output, programs};
use tasklab::engine::Command;
use tasklab::model::{Action, ChildSpec, EventKind, Outcome, Stream, WindowSize};

/// Covers: F48.
#[test]
fn a_child_has_a_controlling_terminal_of_the_size_that_was_asked_for() {
    let script =
        "tty; stty size; test -t 0 -a -t 1 -a -t 2 && echo all; echo direct >/dev/tty; ps -o sid=,tpgid=,pid= -p $$; exit 3";
    let (status, out, err) = exec(&["--pty=100x30", "--stdin", "pipe", "--universal-newlines", "--", "sh", "-c", script]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(status == 3 && err.is_empty(), "{status}: {out}{err}");
    assert!(lines[0].starts_with("/dev/pts/"), "{out}");
    assert_eq!(lines[1..4], ["30 100", "all", "direct"], "{out}");
    let numbers: Vec<&str> = lines[4].split_whitespace().collect();
    assert!(numbers[0] == numbers[1] && numbers[1] == numbers[2], "it leads its session and is in the foreground: {out}");
}

#[test]
fn without_a_terminal_there_is_none() {
    let (status, _, err) = exec(&["--stdin", "null", "--new-session", "--", "sh", "-c", "echo lost >/dev/tty"]);
    assert!(status != 0 && err.contains("/dev/tty"), "the control: {status}: {err}");
    let (_, out, _) = exec(&["--", "sh", "-c", "test -t 1 || echo none"]);
    assert_eq!(out, "none\n");
}

/// Covers: F49.
#[test]
fn what_a_program_does_not_flush_is_seen_at_once() {
    const SLOW: &str = "import time; print('now'); time.sleep(89)";
    let run = |terminal: Option<WindowSize>| {
        let engine = engine(Some(1024));
        // Empty is as good as unset: the environment of the tests may set it.
        let env = vec![("PYTHONUNBUFFERED".into(), "".into())];
        let spec = ChildSpec { terminal, env, ..ChildSpec::new(["python3", "-c", SLOW]) };
        // Without a terminal Python keeps the text for itself: then the time limit ends it.
        let request = tasklab::engine::LaunchRequest {
            timeout: Some(std::time::Duration::from_secs(if terminal.is_some() { 60 } else { 2 })),
            ..programs(vec![spec])
        };
        let handle = engine.handle();
        let events = events_of(&engine, request, |event| {
            if let EventKind::Output { bytes, .. } = &event.kind
                && bytes.starts_with(b"now")
            {
                handle.send(Command::StopEverything).expect("taken");
            }
        });
        (outcome(&events), output(&events, Stream::Stdout))
    };
    assert_eq!(run(Some(WindowSize::default())), ((Outcome::Stopped, 0), b"now\r\n".to_vec()));
    assert_eq!(run(None), ((Outcome::TimedOut, 0), Vec::new()), "the control");
}

#[test]
fn text_is_typed_and_its_end_is_typed_too() {
    let translated =
        |text: &str| exec(&["--pty", "--universal-newlines", "--stdin", text, "--", "sh", "-c", "stty -echo; cat; echo end"]);
    // Text that was typed before the echo was off is echoed as well, as on any terminal.
    for text in ["one\ntwo\n", "one\nhalf a line", ""] {
        let (status, out, err) = translated(text);
        assert!(status == 0 && out.ends_with(&format!("{text}end\n")), "{text:?}: {status}: {out:?} {err}");
    }
    let long = "a line of text that is repeated\n".repeat(2000);
    let (status, out, _) = translated(&long);
    assert!(status == 0 && out.matches("repeated").count() >= 2000, "{status}: {} bytes", out.len());
}

#[test]
fn a_terminal_serves_one_program_whose_lines_come_as_they_are_typed() {
    let engine = engine(Some(1024));
    let spec = ChildSpec { terminal: Some(WindowSize::default()), stdin: tasklab::model::Input::Pipe, ..ChildSpec::new(["cat"]) };
    let handle = engine.handle();
    let (mut run, mut step) = (None, 0);
    let mut heard = Vec::new();
    let events = events_of(&engine, programs(vec![spec]), |event| {
        let act = |run, action| handle.send(Command::Act { run, action }).expect("taken");
        match &event.kind {
            EventKind::RunStarted { run: id, .. } => run = Some(*id),
            EventKind::ProcessStarted { .. } => act(run.expect("started"), Action::Type("cat".into(), "hello".to_owned())),
            EventKind::Output { bytes, .. } => {
                heard.extend_from_slice(bytes);
                // The echo, and what cat says.
                if step == 0 && heard == b"hello\r\nhello\r\n" {
                    step = 1;
                    act(run.expect("started"), Action::CloseInput("cat".into()));
                }
            }
            _ => {}
        }
    });
    assert_eq!((outcome(&events), step), ((Outcome::Passed, 0), 1), "{:?}", String::from_utf8_lossy(&heard));
    let two = vec![ChildSpec { terminal: Some(WindowSize::default()), ..ChildSpec::new(["true"]) }, ChildSpec::new(["true"])];
    let events = events_of(&engine, programs(two), |_| {});
    assert!(support::runs::notices(&events)[0].contains("single program"), "{events:?}");
}

/// Closed to the last descriptor, a terminal reads as at its end (EIO); as long as somebody of the session lives, it is not.
#[test]
fn what_is_written_to_the_terminal_after_it_was_closed_arrives() {
    let script = "echo early; exec 0<&- 1>&- 2>&-; sleep 0.3; echo late >/dev/tty; sleep 0.3; echo last >/dev/tty; exit 7";
    let (status, out, err) = exec(&["--pty", "--universal-newlines", "--", "sh", "-c", script]);
    assert_eq!((status, out.as_str(), err.as_str()), (7, "early\nlate\nlast\n", ""));
    // The next process that opens the terminal reads the text that was typed meanwhile.
    let script = "exec 0<&- 1>&- 2>&-; sleep 0.3; read line </dev/tty; echo read $line >/dev/tty";
    let (status, out, _) = exec(&["--pty", "--universal-newlines", "--stdin", "secret\n", "--", "sh", "-c", script]);
    assert!(status == 0 && out.ends_with("read secret\n"), "{status}: {out:?}");
}

/// It is we who keep the terminal open then: that must neither hold up the end nor be told of.
#[test]
fn a_terminal_ends_with_its_program() {
    let engine = engine(Some(1024));
    let spec =
        || ChildSpec { terminal: Some(WindowSize::default()), ..ChildSpec::new(["sh", "-c", "exec 0<&- 1>&- 2>&-; exit 3"]) };
    let events = events_of(&engine, programs(vec![spec()]), |_| {});
    assert_eq!(support::runs::notices(&events), [""; 0]);
    let closed = events.iter().filter(|event| matches!(event.kind, EventKind::OutputClosed { .. })).count();
    assert_eq!((closed, outcome(&events).1), (1, 0), "{events:?}");
    let mine = || {
        let links =
            std::fs::read_dir("/proc/self/fd").expect("ours").flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.filter(|link| link.starts_with("/dev/pts") || link.ends_with("ptmx")).count()
    };
    let before = mine();
    events_of(&engine, programs(vec![spec()]), |_| {});
    assert_eq!(mine(), before, "neither side is left open");
}

#[test]
fn a_program_that_closes_its_terminal_before_it_ends_is_not_hung_up() {
    let script = "exec 0<&- 1>&- 2>&-; sleep 0.2; exit 7";
    assert_eq!(exec(&["--pty", "--", "sh", "-c", script]).0, 7);
}

/// The bytes of our own standard input are typed at the child's terminal, and so is their end.
#[test]
fn our_input_is_passed_on_to_the_terminal_of_a_child() {
    use std::io::Write;
    let piped = |text: &str, arguments: &[&str]| {
        let mut command = support::program::tasklab(&[&["exec", "--pty"], arguments].concat());
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().expect("starts");
        child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("taken");
        support::program::said(&child.wait_with_output().expect("ends"))
    };
    let quiet = "stty -echo; echo ready; tty; cat; echo end";
    for text in ["one\ntwo\n", "half a line", ""] {
        let (status, out, err) = piped(text, &["--universal-newlines", "--", "sh", "-c", quiet]);
        assert!(status == 0 && err.is_empty() && out.contains("ready\n/dev/pts/"), "{text:?}: {status}: {out}{err}");
        assert!(out.ends_with(&format!("{text}end\n")), "{text:?}: {out}");
    }
    let long = "a line of text that is repeated\n".repeat(20_000);
    let (status, out, _) = piped(&long, &["--universal-newlines", "--", "sh", "-c", "stty -echo; wc -l; echo end"]);
    assert!(status == 0 && out.ends_with("20000\nend\n"), "{status}: {} bytes", out.len());
    // The end of our input does not prevent typing later.
    let typed = ["--do", "0.1 type cat late", "--do", "0.2 close-stdin cat", "--", "cat"];
    let (status, out, err) = piped("early\n", &typed);
    assert!(status == 0 && err.is_empty() && out.matches("early\r\n").count() == 2, "{status}: {out:?} {err}");
    assert_eq!(out.matches("late\r\n").count(), 2, "the echo, and what cat says: {out:?}");
    assert_eq!(exec(&[&["--pty"], &typed[..]].concat()), (0, "late\r\nlate\r\n".to_owned(), String::new()), "without any input");
    // An input that is not passed on stays unread.
    let (status, out, _) = piped("ours\n", &["--stdin", "null", "--", "sh", "-c", "tty; cat"]);
    assert!(status == 0 && out.contains("not a tty") && !out.contains("ours"), "{status}: {out}");
}
