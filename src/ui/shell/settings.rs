//! The settings, kept from one start to the next by a thread of their own, never in a frame. The file is always whole, even if we are
//! killed while it is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::Context;
use serde::Serialize;
use serde_json::Value;

use crate::engine::{start_thread, write_whole};
use crate::model::Language;
use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::look::theme::ThemeChoice;

/// The choices of a person.
#[derive(Debug, Clone, Serialize)]
pub struct Preferences {
    pub(crate) theme: ThemeChoice,
    pub(crate) language: Language,
    pub(crate) zoom: f32,
    pub(crate) tab: Tab,
    pub(crate) scenario: String,
    pub(crate) is_touch: bool,
    /// Panes whose first-use card was dismissed.
    pub(crate) known: Vec<Pane>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            language: Language::Rust,
            zoom: 1.0,
            tab: Tab::default(),
            scenario: String::new(),
            is_touch: false,
            known: Vec::new(),
        }
    }
}

#[cfg(test)]
impl Preferences {
    /// Those of somebody who has seen every part of the window.
    pub(crate) fn settled() -> Self {
        Self { known: Pane::ALL.to_vec(), ..Self::default() }
    }
}

/// Everything that is kept.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Kept {
    pub(crate) preferences: Preferences,
    pub(crate) window: WindowPlace,
    /// The sizes of panes as they were dragged, in egui's own words.
    pub(crate) panes: Value,
}

/// How large the window was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct WindowPlace {
    /// Width and height in points of the desktop, whatever the window's own zoom.
    pub(crate) size: Option<[f32; 2]>,
    pub(crate) is_maximized: bool,
}

/// The file: among the user's data, as the desktop says.
pub(crate) fn place() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("tasklab/settings.json"))
}

impl Kept {
    /// Gives the panes of a new window the sizes that they had.
    pub(crate) fn lay_out(&self, ctx: &Context) {
        if let Ok(data) = serde_json::from_value(self.panes.clone()) {
            ctx.data_mut(|kept| *kept = data);
        }
    }

    /// The settings of a window that are kept.
    pub(crate) fn of(ctx: &Context, preferences: Preferences, window: WindowPlace) -> Self {
        let panes = ctx.data(|data| serde_json::to_value(data)).unwrap_or_default();
        Self { preferences, window, panes }
    }
}

impl WindowPlace {
    /// The window as it is now. One that fills the screen keeps the size that it had before.
    pub(crate) fn follow(&mut self, ctx: &Context) {
        let (is_maximized, is_full, size) = ctx.input(|input| {
            let viewport = input.viewport();
            (viewport.maximized.unwrap_or_default(), viewport.fullscreen.unwrap_or_default(), input.content_rect().size())
        });
        self.is_maximized = is_maximized;
        if !is_maximized && !is_full {
            let zoom = ctx.zoom_factor();
            self.size = Some([size.x * zoom, size.y * zoom].map(f32::round));
        }
    }
}

/// How often there may be something new.
const PAUSE: Duration = Duration::from_secs(3);

/// Hands the settings to the thread that writes them.
#[derive(Debug)]
pub(crate) struct Keeper {
    sender: Option<Sender<String>>,
    /// Why the last writing failed.
    failures: Receiver<String>,
    thread: Option<JoinHandle<()>>,
    last: String,
    due: Instant,
}

impl Keeper {
    /// Starts the thread. Settings that the file already holds are not written again.
    pub(crate) fn start(path: PathBuf, kept: &Kept) -> io::Result<Self> {
        let (sender, texts) = bounded::<String>(1);
        let (failed, failures) = bounded(1);
        let write = move || {
            for text in texts {
                if let Err(error) = replace(&path, text.as_bytes()) {
                    let _ = failed.try_send(format!("Could not keep the settings in {}: {error}.", path.display()));
                }
            }
        };
        let thread = start_thread("settings", write)?;
        let last = serde_json::to_string_pretty(kept).unwrap_or_default();
        Ok(Self { sender: Some(sender), failures, thread: Some(thread), last, due: Instant::now() + PAUSE })
    }

    /// Whether it is time to look for something new.
    pub(crate) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Hands changed settings to the thread. Never waits: a busy disk gets them the next time.
    pub(crate) fn keep(&mut self, kept: &Kept) {
        self.due = Instant::now() + PAUSE;
        let Ok(text) = serde_json::to_string_pretty(kept) else { return };
        if text != self.last && self.sender.as_ref().is_some_and(|sender| sender.try_send(text.clone()).is_ok()) {
            self.last = text;
        }
    }

    /// Why it could not be written.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failures.try_recv().ok()
    }

    /// Hands the last settings to the thread, and waits until they are written. The window is gone by then.
    pub(crate) fn finish(mut self, kept: &Kept) {
        if let (Ok(text), Some(sender)) = (serde_json::to_string_pretty(kept), self.sender.take())
            && text != self.last
        {
            let _ = sender.send(text);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Replaces a file, and makes its folder if that is not there.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    write_whole(path, |file| file.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use super::*;
    use crate::engine::{Place, Target};

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tasklab/settings.json");
        (folder, path)
    }

    #[test]
    fn what_was_kept_is_read_again() {
        let (_folder, path) = file();
        let ctx = Context::default();
        ctx.data_mut(|data| data.insert_persisted(egui::Id::unique("height"), 77.0_f32));
        let preferences = Preferences { theme: ThemeChoice::Light, language: Language::Python, ..Preferences::settled() };
        let window = WindowPlace { size: Some([900.0, 600.0]), is_maximized: false };
        let keeper = Keeper::start(path.clone(), &Kept::default()).expect("a thread");
        keeper.finish(&Kept::of(&ctx, preferences, window));
        let loaded = crate::ui::shell::settings_file::load(Some(&path), crate::ui::testing::CATALOGUE, Language::Rust);
        assert_eq!(loaded.notice, None);
        let kept = loaded.kept;
        assert_eq!((kept.preferences.theme, kept.window), (ThemeChoice::Light, window));
        assert_eq!((kept.preferences.language, &kept.preferences.known[..]), (Language::Python, &Pane::ALL[..]));
        let fresh = Context::default();
        kept.lay_out(&fresh);
        assert_eq!(fresh.data_mut(|data| data.get_persisted::<f32>(egui::Id::unique("height"))), Some(77.0));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_and_leaves_the_window_alone() {
        let (folder, path) = file();
        fs::write(folder.path().join("tasklab"), "a file where the folder must be").expect("writes");
        let mut keeper = Keeper::start(path, &Kept::default()).expect("a thread");
        let preferences = Preferences { is_touch: true, ..Preferences::default() };
        keeper.keep(&Kept { preferences, ..Kept::default() });
        let failures = keeper.failures.clone();
        keeper.finish(&Kept::default());
        assert!(failures.recv().expect("told").contains("tasklab/settings.json"));
    }

    #[test]
    fn what_a_killed_window_left_half_written_is_removed_and_a_living_one_is_let_write() {
        let (_folder, path) = file();
        replace(&path, b"{}").expect("writes");
        let partial = path.with_extension("json.partial");
        fs::write(&partial, "{").expect("writes");
        replace(&path, b"[]").expect("a leftover is in nobody's way");
        assert!(!partial.exists() && fs::read(&path).expect("there") == b"[]");
        let Ok(Target::Whole(mut busy)) = Place::of(&path).and_then(Place::open) else { panic!("a regular file") };
        busy.write_all(b"{}").expect("writes");
        let error = replace(&path, b"7").expect_err("another window writes").to_string();
        assert!(error.contains("another Task Lab is writing it"), "{error}");
        busy.finish().expect("renamed");
        assert!(!partial.exists() && fs::read(&path).expect("there") == b"{}");
    }

    const OLD: &str = "\"what was kept before\"";

    fn new() -> String {
        format!("{:?}", "new ".repeat(50_000))
    }

    /// The writer that the test below kills: it writes in the way that the environment names. By itself it does nothing.
    #[test]
    fn a_writer_to_be_killed() {
        let Some(path) = std::env::var_os("TASKLAB_TEST_SETTINGS").map(PathBuf::from) else { return };
        // strace counts the calls of each thread: the first write of the other one says that a test runs.
        fs::write("/dev/null", "1").expect("writes");
        match std::env::var("TASKLAB_TEST_WAY").as_deref() {
            Ok("in place") => fs::write(path, new()).expect("writes"),
            _ => replace(&path, new().as_bytes()).expect("writes"),
        }
    }

    /// Writes in that way under strace, which kills at this call. Returns the file's contents, and whether the writer was killed.
    fn killed(path: &Path, way: &str, call: &str, when: u32) -> (String, bool) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, OLD).expect("writes");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
        strace.args(["-e", &format!("inject={call}:signal=KILL:when={when}")]);
        strace
            .arg(std::env::current_exe().expect("this test"))
            .args(["--exact", concat!(module_path!(), "::a_writer_to_be_killed").trim_start_matches("tasklab::")]);
        // On a single core the test would run on the thread that tells of it.
        strace.arg("--test-threads=2");
        strace.env("TASKLAB_TEST_SETTINGS", path).env("TASKLAB_TEST_WAY", way);
        let output = strace.output().expect("strace is needed; `make test` installs it");
        (fs::read_to_string(path).expect("there"), !output.status.success())
    }

    /// Covers: F68.
    #[test]
    fn settings_are_whole_whenever_their_writer_is_killed() {
        let (_folder, path) = file();
        let (torn, is_killed) = killed(&path, "in place", "write", 2);
        if !is_killed {
            return support::skipped("strace may not trace here");
        }
        assert!(torn != OLD && torn != new(), "the control: a file that is written in place is torn by a kill");
        for (call, when) in [("write", 2), ("fsync", 1), ("?rename,?renameat,?renameat2", 1)] {
            let (text, is_killed) = killed(&path, "whole", call, when);
            assert!(is_killed && (text == OLD || text == new()), "killed at {call}: {} bytes", text.len());
        }
        let (text, is_killed) = killed(&path, "whole", "fsync", 2);
        assert!(!is_killed && text == new(), "nobody killed it");
    }
}
