//! Task Lab at a terminal: what is typed there is for the child that reads it.

use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::stress::kill;
use support::{App, deadline, eventually};

/// Repeats each line that it reads and ends with the status that a line says; hears signals and goes on.
const REPEATER: &str = "
import signal, sys
for number in sys.argv[1:]:
    signal.signal(int(number), lambda number, frame: print(f'heard {number}', flush=True))
print('it lis' 'tens', flush=True)
while True:
    line = sys.stdin.readline().strip()
    if line.startswith('end '):
        sys.exit(int(line[4:]))
    print(f'read {line}', flush=True)
";

/// A second Ctrl-C that comes so soon is for Task Lab.
const SOON: Duration = Duration::from_secs(2);

/// Task Lab as the leader of a session whose terminal is the test's.
struct Session {
    app: App,
    keyboard: OwnedFd,
    shown: String,
}

impl Session {
    fn exec(arguments: &[&str]) -> Self {
        use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("a terminal");
        unlockpt(&keyboard).expect("ours");
        let theirs = ioctl_tiocgptpeer(&keyboard, flags).expect("its other end");
        rustix::fs::fcntl_setfl(&keyboard, rustix::fs::OFlags::NONBLOCK).expect("ours");
        // Without this the terminal would throw away what is shown at the moment of a signal.
        let mut modes = rustix::termios::tcgetattr(&theirs).expect("a terminal");
        modes.local_modes |= rustix::termios::LocalModes::NOFLSH;
        rustix::termios::tcsetattr(&theirs, rustix::termios::OptionalActions::Now, &modes).expect("set");
        let copy = || theirs.try_clone().expect("a descriptor");
        // setsid(1) becomes what it starts.
        let mut command = Command::new("setsid");
        command.args(["--ctty", env!("CARGO_BIN_EXE_tasklab"), "exec"]).args(arguments);
        let app = App::start(command.stdin(copy()).stdout(copy()).stderr(copy()));
        Self { app, keyboard, shown: String::new() }
    }

    fn repeater(options: &[&str], signals: &[&str]) -> Self {
        let mut session = Self::exec(&[options, &["--", "python3", "-c", REPEATER], signals].concat());
        session.expect("it listens");
        session
    }

    fn type_text(&mut self, text: &str) {
        assert_eq!(rustix::io::write(&self.keyboard, text.as_bytes()), Ok(text.len()));
    }

    /// Types Ctrl-C or Ctrl-\ and waits until Task Lab has taken the signal.
    fn type_signal(&mut self, key: &str, signal: Signal) {
        self.type_text(key);
        let echo = if key == "\x03" { "^C" } else { "^\\" };
        eventually("it is echoed", || {
            self.look();
            self.shown.contains(echo)
        });
        self.shown = self.shown.replacen(echo, "", 1);
        self.app.until_taken(signal);
    }

    /// Looks at what is shown until this has come, and forgets it.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        eventually(&format!("{text:?} is shown"), || {
            self.look();
            self.shown.find(text).is_some_and(|at| {
                self.shown.drain(..at + text.len());
                true
            })
        });
    }

    fn look(&mut self) {
        self.shown.push_str(&read_some(&self.keyboard));
    }

    #[track_caller]
    fn status(&mut self) -> Option<i32> {
        let Self { app, keyboard, shown } = self;
        app.status_after("the session", || shown.push_str(&read_some(keyboard)))
    }
}

/// The output of a terminal that was not read yet.
fn read_some(keyboard: &OwnedFd) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while let Ok(count) = rustix::io::read(keyboard, &mut bytes)
        && count > 0
    {
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    text
}

#[test]
fn a_child_that_has_the_terminal_decides_what_ctrl_c_means() {
    for options in [&[][..], &["--json"]] {
        let mut session = Session::repeater(options, &["2", "3", "15"]);
        session.type_signal("\x03", Signal::INT);
        session.expect("heard 2");
        session.type_signal("\x1c", Signal::QUIT);
        session.expect("heard 3");
        session.type_text("one\n");
        session.expect("read one");
        assert!(!session.shown.contains("heard 15"), "{}", session.shown);
        session.type_text("end 7\n");
        assert_eq!(session.status(), Some(7), "its status is ours: {}", session.shown);
        assert!(!session.shown.contains("heard 15"), "nobody has asked it to end: {}", session.shown);
    }
    // One that ends of it, too, and each in its own way, however fast.
    for (script, status) in
        [("trap 'exit 3' INT; echo ready; while :; do sleep 0.1; done", 3), ("echo ready; exec sleep 600", 130)]
    {
        let mut session = Session::exec(&["--", "sh", "-c", script]);
        session.expect("ready");
        session.type_signal("\x03", Signal::INT);
        assert_eq!(session.status(), Some(status), "{script}: {}", session.shown);
    }
}

#[test]
fn a_child_that_goes_on_is_ended_by_the_second_ctrl_c_and_killed_by_the_third() {
    let end = Instant::now() + deadline();
    loop {
        let mut session = Session::repeater(&["--grace", "600"], &["2", "15"]);
        let first = Instant::now();
        for _ in 0..2 {
            session.type_signal("\x03", Signal::INT);
        }
        if first.elapsed() >= SOON {
            // The machine was busy: it may have been two first ones.
            assert!(Instant::now() < end, "no two came within {SOON:?}");
            continue;
        }
        session.expect("heard 15");
        session.type_signal("\x03", Signal::INT);
        assert_eq!(session.status(), Some(130), "long before the ten minutes are over: {}", session.shown);
        return;
    }
}

#[test]
fn without_a_child_at_the_terminal_ctrl_c_is_ours() {
    for arguments in [
        // In a group of its own it does not hear what is typed.
        &["--process-group", "--", "sh", "-c", "echo ready; sleep 600 & wait"][..],
        &["--stdin", "null", "--", "sh", "-c", "echo ready; sleep 600 & wait"],
        &["--new-session", "--", "sh", "-c", "echo ready; sleep 600 & wait"],
        &["--pty", "--", "sh", "-c", "echo ready; sleep 600 & wait"],
    ] {
        let mut session = Session::exec(arguments);
        session.expect("ready");
        session.type_signal("\x03", Signal::INT);
        assert_eq!(session.status(), Some(130), "{arguments:?}: {}", session.shown);
    }
    // Nor was it typed where somebody sends it.
    let mut session = Session::repeater(&["--grace", "0.2"], &["2", "15"]);
    kill(session.app.pid(), Signal::INT);
    session.expect("heard 15");
    assert_eq!(session.status(), Some(130), "{}", session.shown);
}
