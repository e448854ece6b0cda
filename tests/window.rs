//! The window as a person uses it: the real program under Xvfb, a real mouse pointer, and a look into /proc.
#![cfg(feature = "gui")]
#![allow(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod support;

use std::process::{Child, Command, Stdio};

use support::screen::Screen;
use support::{descendants_of, eventually, tagged};

/// Where things lie in the window at 1280 × 800, in pixels. A new layout needs new numbers here, and nowhere else.
mod at {
    pub const ZOMBIES: (i32, i32) = (62, 138);
    pub const START: (i32, i32) = (374, 21);
    pub const FIRST_ROW: (i32, i32) = (300, 527);
    pub const KILL: (i32, i32) = (1216, 206);
}

/// A window of the test's own, gone with all that it started when the test ends, however it ends.
struct Window {
    app: Child,
    tag: String,
    _home: tempfile::TempDir,
}

impl Window {
    fn open(screen: &Screen, name: &str) -> Self {
        let tag = format!("TASKLAB_TEST=window-{name}-{}", std::process::id());
        let (variable, value) = tag.split_once('=').expect("a variable");
        let home = tempfile::tempdir().expect("a folder");
        let app = Command::new(env!("CARGO_BIN_EXE_tasklab"))
            .env(variable, value)
            .env("DISPLAY", screen.display())
            .env_remove("WAYLAND_DISPLAY")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("XDG_DATA_HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("starts");
        let window = Self { app, tag, _home: home };
        eventually("the window is on the screen", || screen.has_window("Task Lab"));
        window
    }

    fn pid(&self) -> i32 {
        self.app.id().cast_signed()
    }

    /// PIDs below the app whose name is this one.
    fn named(&self, name: &str) -> Vec<i32> {
        let below = descendants_of(self.pid());
        let is_named = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
        below.into_iter().filter(is_named).collect()
    }

    fn zombies(&self) -> Vec<i32> {
        let is_zombie = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        descendants_of(self.pid()).into_iter().filter(is_zombie).collect()
    }

    /// What is below the app besides its supervisor.
    fn started(&self) -> usize {
        descendants_of(self.pid()).len() - self.named("tasklab-super").len()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.app.kill();
        let _ = self.app.wait();
    }
}

/// Clicks these places in turn, and again until it has had its effect: a window that has just appeared may not listen yet, and a
/// busy machine may take its time.
#[track_caller]
fn click_until(screen: &Screen, places: &[(i32, i32)], what: &str, mut condition: impl FnMut() -> bool) {
    let mut polls = 0;
    eventually(what, || {
        if polls % 2000 == 0 {
            for place in places {
                screen.click(*place);
            }
        }
        polls += 1;
        condition()
    });
}

/// Covers: promise 7.
#[test]
fn a_scenario_is_started_with_the_mouse_a_child_killed_and_closing_leaves_nothing() {
    let screen = Screen::start();
    let mut window = Window::open(&screen, "mouse");
    click_until(&screen, &[at::ZOMBIES, at::START], "three zombies in /proc", || window.zombies().len() == 3);
    eventually("nothing but the body and its three children", || window.started() == 4);

    click_until(&screen, &[at::FIRST_ROW, at::KILL], "the body is killed, and its children with it", || window.started() == 0);
    assert!(window.app.try_wait().expect("ours").is_none(), "the window lives on");

    click_until(&screen, &[at::START], "it runs again", || window.zombies().len() == 3);
    screen.key("ctrl+q");
    eventually("the app has ended", || window.app.try_wait().expect("ours").is_some());
    assert!(window.app.wait().expect("ended").success());
    assert_eq!(tagged(&window.tag), Vec::<i32>::new());
}

/// Covers: promise 7, F55.
#[test]
fn the_death_of_the_x_server_leaves_nothing() {
    let mut screen = Screen::start();
    let mut window = Window::open(&screen, "xserver");
    click_until(&screen, &[at::ZOMBIES, at::START], "three zombies in /proc", || window.zombies().len() == 3);
    screen.kill();
    eventually("the app has ended", || window.app.try_wait().expect("ours").is_some());
    eventually("nothing of it is left", || tagged(&window.tag).is_empty());
}

#[test]
fn without_a_display_the_error_names_the_command_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_tasklab"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("tasklab run") && error.lines().count() == 1, "{error}");
}
