//! The window as a person uses it: the real program under Xvfb, a real mouse pointer, and a look into /proc.

use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::screen::Screen;
use support::stress::{Chance, kill, promised, say};
use support::watchdog::Watchdog;
use support::{App, descendants_of, eventually, hostile, peak_of, state_of};

/// Where things lie in the window at 1280 × 800, in pixels. A new layout needs new numbers here, and nowhere else.
mod at {
    pub const START: (i32, i32) = (356, 21);
    pub const FIRST_ROW: (i32, i32) = (300, 568);
    pub const KILL: (i32, i32) = (1216, 291);
}

/// A window of the test's own, gone with all that it started when the test ends, however it ends.
struct Window {
    app: App,
    home: tempfile::TempDir,
}

impl Window {
    fn open(screen: &Screen) -> Self {
        Self::with(screen, tempfile::tempdir().expect("a folder"), &[])
    }

    /// With these arguments, and what is kept in this folder.
    fn with(screen: &Screen, home: tempfile::TempDir, arguments: &[&str]) -> Self {
        Self { app: screen.open(home.path(), arguments), home }
    }

    fn pid(&self) -> i32 {
        self.app.pid()
    }

    /// PIDs below the app whose name is this one.
    fn named(&self, name: &str) -> Vec<i32> {
        support::named_below(self.pid(), name)
    }

    fn zombies(&self) -> Vec<i32> {
        let is_zombie = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        descendants_of(self.pid()).into_iter().filter(is_zombie).collect()
    }

    /// The number of processes below the app besides its supervisor and its guard.
    fn started(&self) -> usize {
        descendants_of(self.pid()).len() - self.named("tasklab-super").len() - self.named("tasklab-guard").len()
    }
}

/// When something is tried once more: a window that has just appeared may not listen yet.
const AGAIN: Duration = Duration::from_secs(13);

/// Chooses the zombies by the search, and starts them; again, should the window not have listened yet.
#[track_caller]
fn start_zombies(screen: &Screen, window: &Window) {
    let mut next = Instant::now();
    eventually("three zombies in /proc", || {
        if Instant::now() >= next {
            screen.key("slash");
            screen.key("ctrl+a");
            screen.type_text("zombies");
            screen.key("Return");
            screen.click(at::START);
            next = Instant::now() + AGAIN;
        }
        window.zombies().len() == 3
    });
}

/// Clicks these places in turn, and again until it has had its effect: a window that has just appeared may not listen yet, and a
/// busy machine may take its time.
#[track_caller]
fn click_until(screen: &Screen, places: &[(i32, i32)], what: &str, mut condition: impl FnMut() -> bool) {
    let mut next = Instant::now();
    eventually(what, || {
        if Instant::now() >= next {
            for place in places {
                screen.click(*place);
            }
            next = Instant::now() + AGAIN;
        }
        condition()
    });
}

/// Covers: promise 7.
#[test]
fn a_scenario_is_started_with_the_mouse_a_child_killed_and_closing_leaves_nothing() {
    let screen = Screen::start();
    let mut window = Window::open(&screen);
    start_zombies(&screen, &window);
    eventually("nothing but the body and its three children", || window.started() == 4);

    click_until(&screen, &[at::FIRST_ROW, at::KILL], "the body is killed, and its children with it", || window.started() == 0);
    assert!(window.app.process.try_wait().expect("ours").is_none(), "the window lives on");

    click_until(&screen, &[at::START], "it runs again", || window.zombies().len() == 3);
    screen.key("ctrl+q");
    eventually("the app has ended", || window.app.process.try_wait().expect("ours").is_some());
    assert!(window.app.process.wait().expect("ended").success());
    assert_eq!(window.app.all(), Vec::<i32>::new());
}

/// Counts what goes through it.
struct Counted<'a>(std::fs::File, &'a AtomicUsize);

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.0.write(bytes)?;
        self.1.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Covers: promise 19.
#[test]
fn hostile_event_lines_cost_the_window_little_and_it_answers_a_key_meanwhile() {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let mut chance = Chance::start();
    let screen = Screen::start();
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("tasklab/settings.json");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    std::fs::write(&file, r#"{"preferences":{"language":"rust"}}"#).expect("written");
    let window = Window::with(&screen, home, &["--scenario", "zombie"]);
    eventually("the scenario runs", || window.zombies().len() == 3);
    let read = |pid: i32, what: &str| std::fs::read_to_string(format!("/proc/{pid}/{what}")).unwrap_or_default();
    let body = descendants_of(window.pid()).into_iter().find(|pid| read(*pid, "cmdline").contains("__worker")).expect("a body");
    // A program that may open a body's event pipe can write events in its name.
    let fd = read(body, "environ")
        .split('\0')
        .find_map(|word| word.strip_prefix("TASKLAB_EVENTS=").map(str::to_owned))
        .expect("it has one");
    let pipe = std::fs::OpenOptions::new().write(true).open(format!("/proc/{body}/fd/{fd}")).expect("our own child's");
    // It would end by itself before all has been read.
    kill(body, rustix::process::Signal::STOP);
    let before = peak_of(window.pid());
    let sent = AtomicUsize::new(0);
    let took = std::thread::scope(|scope| {
        let mut pipe = Counted(pipe, &sent);
        let flood = move || while hostile::write(&mut pipe, &mut chance).is_ok() {};
        std::thread::Builder::new().name("flood".to_owned()).spawn_scoped(scope, flood).expect("a thread");
        eventually("all has been read", || sent.load(Ordering::Relaxed) >= 64 << 20);
        let pressed = Instant::now();
        screen.key("ctrl+r");
        eventually("the run is ended to begin anew", || matches!(state_of(body), None | Some('Z')));
        let took = pressed.elapsed();
        // Its pipe has no reader then, which ends the flood.
        eventually("the run has begun anew", || window.zombies().len() == 3);
        took
    });
    let more = peak_of(window.pid()).saturating_sub(before);
    say(format_args!("{} bytes: {before} KiB + {more} KiB", sent.load(Ordering::Relaxed)));
    assert!(more <= 200 * 1024, "{more} KiB more");
    promised("a key during a flood of hostile event lines", took, Duration::from_secs(1));
}

/// Covers: promise 7, F55.
#[test]
fn the_death_of_the_x_server_leaves_nothing() {
    let mut screen = Screen::start();
    let mut window = Window::open(&screen);
    start_zombies(&screen, &window);
    screen.kill();
    eventually("the app has ended", || window.app.process.try_wait().expect("ours").is_some());
    eventually("nothing of it is left", || window.app.all().is_empty());
}

/// Covers: F68.
#[test]
fn the_size_that_is_asked_for_counts_over_the_one_that_was_kept() {
    let screen = Screen::start();
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("tasklab/settings.json");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    std::fs::write(&file, r#"{"window":{"size":[900,640]}}"#).expect("written");
    let kept = |file: &std::path::Path| {
        let text = std::fs::read_to_string(file).expect("there");
        let kept: serde_json::Value = serde_json::from_str(&text).expect("whole");
        (kept["window"]["size"].clone(), kept["preferences"]["scenario"].clone())
    };

    let mut window = Window::with(&screen, home, &["--size", "1100x700", "--scenario", "zombie"]);
    eventually("the size that was asked for", || screen.size_of("Task Lab") == Some((1100, 700)));
    eventually("it is started", || window.zombies().len() == 3);
    eventually("what is shown is kept, and not that size", || {
        kept(&file) == (serde_json::json!([900.0, 640.0]), "zombie".into())
    });
    // A kill leaves what was kept.
    window.app.process.kill().expect("ours");
    window.app.process.wait().expect("ended");
    eventually("nothing of it is left", || window.app.all().is_empty());
    let home = std::mem::replace(&mut window.home, tempfile::tempdir().expect("a folder"));

    let window = Window::with(&screen, home, &[]);
    eventually("the size that was kept", || screen.size_of("Task Lab") == Some((900, 640)));
    drop(window);
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
