//! Promise 7 with the window open: closed, ended by a signal, or without its X server, it leaves nothing.

use std::time::Duration;

use rustix::process::Signal;
use support::screen::Screen;
use support::stress::{kill, rounds};
use support::watchdog::Watchdog;
use support::{App, descendants_of, eventually, state_of};

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

fn open(screen: &Screen, home: &Home) -> App {
    let running = screen.open(home.0.path(), &["--scenario", "zombie"]);
    eventually("the scenario runs", || {
        descendants_of(running.pid()).into_iter().filter(|pid| state_of(*pid) == Some('Z')).count() >= 3
    });
    running
}

/// Covers: promise 7, F54, F55.
#[test]
fn a_window_that_is_closed_killed_or_loses_its_screen_leaves_nothing() {
    let _watchdog = Watchdog::after(Duration::from_mins(30));
    for _ in 0..rounds(1, 50) {
        for way in ["closed", "INT", "TERM", "HUP", "KILL", "X server"] {
            let home = Home(tempfile::tempdir().expect("a folder"));
            let mut screen = Screen::start();
            let mut window = open(&screen, &home);
            match way {
                "closed" => screen.key("ctrl+q"),
                "INT" => kill(window.pid(), Signal::INT),
                "TERM" => kill(window.pid(), Signal::TERM),
                "HUP" => kill(window.pid(), Signal::HUP),
                "KILL" => kill(window.pid(), Signal::KILL),
                _ => screen.kill(),
            }
            window.leaves_nothing(way);
            home.assert_settings_are_whole(way);
        }
    }
}
