//! Promise 7: every way out of the program leaves nothing: signals, a panic, an abort, a closed window, a dead X server.
#![allow(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::stress::{kill, promised, rounds, state_of};
use support::watchdog::Watchdog;
use support::{descendants_of, eventually, tagged};

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");
/// A tree that ignores what can be ignored, leaves its session and forks twice.
const STUBBORN: &str = "trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM HUP; setsid sleep 600 & sleep 600' & \
    (setsid sleep 600 &); while :; do sleep 1; done";
/// What of it is found by its tag: the program, its supervisor, the shells and their sleepers.
const WHOLE: usize = 6;

/// A program of the test's own, killed with all that carries its tag when a test fails.
struct Running {
    child: Child,
    tag: String,
}

impl Running {
    fn start(mut command: Command, name: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let tag = format!("TASKLAB_TEST=way-{name}-{}-{number}", std::process::id());
        let (variable, value) = tag.split_once('=').expect("a variable");
        let child = command.env(variable, value).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { child: child.expect("starts"), tag }
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits until it and everything of it has gone. Promised are two seconds after its own end.
    fn expect_nothing_left(&mut self, what: &str) {
        eventually(&format!("{what}: it ends"), || self.child.try_wait().expect("ours").is_some());
        let ended = Instant::now();
        eventually(&format!("{what}: nothing is left"), || tagged(&self.tag).is_empty());
        promised(what, ended.elapsed(), Duration::from_secs(2));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in tagged(&self.tag) {
            kill(pid, rustix::process::Signal::KILL);
        }
    }
}

fn exec_stubborn() -> Command {
    let mut command = Command::new(TASKLAB);
    command.args(["exec", "--stdin", "null", "--grace", "0.3", "--", "sh", "-c", STUBBORN]);
    command
}

/// Covers: promise 7, F50, F54.
#[test]
fn signals_of_every_kind_leave_nothing() {
    use rustix::process::Signal as S;
    let _watchdog = Watchdog::after(Duration::from_mins(30));
    let ways = [
        (S::INT, "INT"),
        (S::TERM, "TERM"),
        (S::HUP, "HUP"),
        (S::QUIT, "QUIT"),
        (S::ABORT, "abort"),
        (S::ILL, "ILL"),
        (S::KILL, "KILL"),
    ];
    for (signal, name) in ways {
        for round in 0..rounds(3, 50) {
            let mut app = Running::start(exec_stubborn(), name);
            eventually("the tree stands", || tagged(&app.tag).len() >= WHOLE);
            kill(app.pid(), signal);
            // Impatience is no way around the clean-up.
            if round % 3 == 1 {
                kill(app.pid(), signal);
            }
            app.expect_nothing_left(name);
        }
    }
}

/// Ctrl-C in a terminal goes to the whole foreground group: the app, and its supervisor, which leaves the acting to the app.
///
/// Covers: promise 7, F54, facts 11, 54.
#[test]
fn ctrl_c_for_the_whole_group_leaves_nothing() {
    use std::os::unix::process::CommandExt;
    for _ in 0..rounds(3, 50) {
        let mut command = exec_stubborn();
        command.process_group(0);
        let mut app = Running::start(command, "group");
        eventually("the tree stands", || tagged(&app.tag).len() >= WHOLE);
        let group = rustix::process::Pid::from_raw(app.pid()).expect("a PID");
        rustix::process::kill_process_group(group, rustix::process::Signal::INT).expect("sent");
        app.expect_nothing_left("Ctrl-C");
    }
}

/// Both at the same moment: nobody is left who could clean up, but each child of the supervisor's has its death signal.
///
/// Covers: F51, F52, F53.
#[test]
fn app_and_supervisor_killed_together_take_the_children_along() {
    for _ in 0..rounds(5, 50) {
        let mut command = Command::new(TASKLAB);
        command.args(["exec", "--stdin", "null", "--", "sh", "-c", "trap '' TERM HUP; while :; do sleep 0.2; done"]);
        let mut app = Running::start(command, "both");
        let is_supervisor =
            |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "tasklab-super");
        // Between fork and exec the child bears the same name.
        eventually("the child runs", || {
            tagged(&app.tag).len() >= 3 && descendants_of(app.pid()).iter().filter(|pid| is_supervisor(pid)).count() == 1
        });
        let supervisor = descendants_of(app.pid()).into_iter().find(is_supervisor).expect("seen just now");
        for pid in [app.pid(), supervisor] {
            kill(pid, rustix::process::Signal::STOP);
        }
        for pid in [app.pid(), supervisor] {
            kill(pid, rustix::process::Signal::KILL);
        }
        app.expect_nothing_left("both killed");
    }
}

const PANICS: &str = "TASKLAB_TEST_PANICS";

/// The engine's owner panics, or aborts, while a run goes on: in a process of its own.
///
/// Covers: promise 7, F26, F50.
#[test]
fn a_panic_and_an_abort_with_a_run_leave_nothing() {
    if let Some(how) = std::env::var_os(PANICS) {
        let engine = support::runs::engine(None);
        let run = support::runs::programs(vec![support::runs::sh(STUBBORN)]);
        engine.handle().send(tasklab::engine::Command::Launch(Box::new(run))).expect("taken");
        let tag = format!("TASKLAB_TEST={}", std::env::var("TASKLAB_TEST").expect("set by the one outside"));
        eventually("the tree stands", || tagged(&tag).len() >= WHOLE);
        if how == "abort" {
            std::process::abort();
        }
        panic!("as asked");
    }
    for how in ["panic", "abort"] {
        for _ in 0..rounds(3, 50) {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["a_panic_and_an_abort_with_a_run_leave_nothing", "--exact"]).env(PANICS, how);
            let mut app = Running::start(command, how);
            app.expect_nothing_left(how);
            assert!(!app.child.wait().expect("ended").success(), "the control: it did {how}");
        }
    }
}

#[cfg(feature = "gui")]
mod window {
    //! The same with the window open, on an X server of the test's own.

    use super::support::screen::Screen;
    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        /// The settings are whole; where the window was not given the time, they are not there yet.
        fn assert_settings_are_whole(&self, what: &str) {
            let text = std::fs::read_to_string(self.0.path().join("tasklab/settings.json"));
            assert!(text.is_ok() || what != "closed", "{what}: whoever closes the window has the time");
            let Ok(text) = text else { return };
            let kept: Result<serde_json::Value, _> = serde_json::from_str(&text);
            assert!(kept.is_ok_and(|kept| kept["preferences"]["scenario"] == "zombie"), "{what}: {text:?}");
        }
    }

    fn open(screen: &Screen, home: &Home, name: &str) -> Running {
        let mut command = Command::new(TASKLAB);
        command
            .args(["--scenario", "zombie"])
            .env("DISPLAY", screen.display())
            .env_remove("WAYLAND_DISPLAY")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("XDG_DATA_HOME", home.0.path())
            .env("XDG_RUNTIME_DIR", home.0.path());
        let running = Running::start(command, name);
        eventually("the window is on the screen", || screen.has_window("Task Lab"));
        eventually("the scenario runs", || {
            descendants_of(running.pid()).into_iter().filter(|pid| state_of(*pid) == Some('Z')).count() >= 3
        });
        running
    }

    /// Covers: promise 7, F54, F55.
    #[test]
    fn a_window_that_is_closed_killed_or_loses_its_screen_leaves_nothing() {
        use rustix::process::Signal as S;
        let _watchdog = Watchdog::after(Duration::from_mins(30));
        for _ in 0..rounds(1, 50) {
            for way in ["closed", "INT", "TERM", "HUP", "KILL", "X server"] {
                let home = Home(tempfile::tempdir().expect("a folder"));
                let mut screen = Screen::start();
                let mut window = open(&screen, &home, way);
                match way {
                    "closed" => screen.key("ctrl+q"),
                    "INT" => kill(window.pid(), S::INT),
                    "TERM" => kill(window.pid(), S::TERM),
                    "HUP" => kill(window.pid(), S::HUP),
                    "KILL" => kill(window.pid(), S::KILL),
                    _ => screen.kill(),
                }
                window.expect_nothing_left(way);
                home.assert_settings_are_whole(way);
            }
        }
    }
}
