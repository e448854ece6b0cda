//! An X server of the test's own, with a pointer and a keyboard.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{App, eventually, program};

/// Xvfb at 1280 × 800, killed when dropped.
pub struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    pub fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is needed for the window's tests; `make test` installs it");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("Xvfb says its number");
        Self { server, display: format!(":{}", line.trim()) }
    }

    /// Task Lab's window on this screen, once it is there. It keeps what it keeps in `home`.
    #[track_caller]
    pub fn open(&self, home: &Path, arguments: &[&str]) -> App {
        let mut command = program::tasklab(arguments);
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            // No files of the graphics library's.
            .env("MESA_SHADER_CACHE_DISABLE", "true")
            .env("XDG_DATA_HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .stdout(Stdio::null());
        let app = App::start(&mut command);
        eventually("the window is on the screen", || self.has_window("Task Lab"));
        app
    }

    fn xdotool(&self, args: &[&str]) -> bool {
        let mut command = Command::new("xdotool");
        command.args(args).env("DISPLAY", &self.display).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("xdotool is needed for the window's tests; `make test` installs it").success()
    }

    /// Whether it is there; gives it the keyboard, since there is no window manager to do that.
    pub fn has_window(&self, title: &str) -> bool {
        self.xdotool(&["search", "--onlyvisible", "--name", title, "windowfocus"])
    }

    /// Width and height of a window in pixels, once it is there.
    pub fn size_of(&self, title: &str) -> Option<(u32, u32)> {
        let mut command = Command::new("xdotool");
        command.args(["search", "--onlyvisible", "--name", title, "getwindowgeometry", "--shell"]).env("DISPLAY", &self.display);
        let output = command.output().expect("xdotool is needed for the window's tests; `make test` installs it");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
        Some((value("WIDTH")?, value("HEIGHT")?))
    }

    pub fn click(&self, (x, y): (i32, i32)) {
        // The move comes first, and a moment before the press: a pointer that jumps and clicks at once is not hovering yet.
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string(), "sleep", "0.15", "click", "1", "sleep", "0.1"]);
    }

    pub fn type_text(&self, text: &str) {
        self.xdotool(&["type", text]);
    }

    pub fn key(&self, keys: &str) {
        self.xdotool(&["key", keys]);
    }

    pub fn kill(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.kill();
    }
}
