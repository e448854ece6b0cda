//! Reads the settings file: each setting by itself, so that a broken one costs no other, and names the broken ones. A file that holds no
//! settings at all is kept aside under another name. Before the window opens, never in a frame.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::model::Language;
use crate::scenario::Scenario;
use crate::ui::ask::parts::Pane;
use crate::ui::look::foreign;
use crate::ui::shell::settings::{Kept, Preferences};

/// The largest file that is read; ours are some kilobytes.
const MOST: u64 = 4 * 1024 * 1024;
/// Faults that are told one by one.
const MOST_FAULTS: usize = 6;
/// How far the window can be zoomed.
pub(crate) const ZOOM: std::ops::RangeInclusive<f32> = 0.5..=3.0;
/// Sides of a window: what a screen may have, in points.
const SIDE: std::ops::RangeInclusive<f32> = 100.0..=16_384.0;

/// The settings that were read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) kept: Kept,
    /// The settings that could not be used, in sentences.
    pub(crate) notice: Option<String>,
    /// Whether something is there that must not be written over: it could not be kept aside.
    pub(crate) is_in_the_way: bool,
}

/// The settings in this file; the defaults where there are none, with lessons in the language `first`.
pub(crate) fn load(path: Option<&Path>, catalogue: &[&'static Scenario], first: Language) -> Loaded {
    let defaults = Kept { preferences: Preferences { language: first, ..Preferences::default() }, ..Kept::default() };
    let Some(path) = path else { return Loaded { kept: defaults, ..Loaded::default() } };
    let why = match read(path) {
        Ok(None) => return Loaded { kept: defaults, ..Loaded::default() },
        Ok(Some(settings)) => {
            let mut faults = Faults { path, told: Vec::new(), count: 0 };
            let kept = kept(defaults, settings, catalogue, &mut faults);
            return Loaded { kept, notice: faults.notice(), is_in_the_way: false };
        }
        Err(why) => why,
    };
    let broken = format!("The settings could not be read: {} {why}.", path.display());
    let (rest, is_in_the_way) = match set_aside(path) {
        Ok(aside) => (format!("It is kept as {}, and all settings have their defaults.", aside.display()), false),
        Err(error) => (format!("It could not be renamed ({error}), so nothing is kept until you take it away."), true),
    };
    Loaded { kept: defaults, notice: Some(format!("{broken} {rest}")), is_in_the_way }
}

/// The settings, as far as they are JSON; none where there is no file. Else what is wrong with what is there.
fn read(path: &Path) -> Result<Option<Map<String, Value>>, String> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be looked at ({error})")),
    };
    // A pipe would be waited for, and a device read for ever.
    if !about.is_file() {
        return Err("is not a file".to_owned());
    }
    if about.len() > MOST {
        return Err(format!("has {} bytes, more than settings ever have", about.len()));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read ({error})"))?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(settings)) => Ok(Some(settings)),
        Ok(_) => Err("is not a JSON object".to_owned()),
        Err(error) => Err(format!("is not JSON ({error})")),
    }
}

/// Gives it a name beside its own that nothing has yet.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let names = (1..100)
        .map(|number| path.with_extension(if number == 1 { "json.broken".to_owned() } else { format!("json.broken-{number}") }));
    let free = |name: &PathBuf| fs::symlink_metadata(name).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let aside = names.into_iter().find(free).ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn kept(mut kept: Kept, settings: Map<String, Value>, catalogue: &[&'static Scenario], faults: &mut Faults<'_>) -> Kept {
    let mut all = Section { name: "", settings };
    let mut chosen = all.section("preferences", faults);
    let preferences = &mut kept.preferences;
    chosen.take("theme", &mut preferences.theme, faults);
    let is_spoken = |language: &Language| match language {
        Language::Program => Err("lessons are in `rust` and `python`".to_owned()),
        Language::Rust | Language::Python => Ok(()),
    };
    chosen.take_if("language", &mut preferences.language, faults, is_spoken);
    chosen.take_if("zoom", &mut preferences.zoom, faults, |zoom| within(*zoom, &ZOOM));
    chosen.take("tab", &mut preferences.tab, faults);
    // None was chosen where the window showed programs last.
    let is_known = |id: &String| id.is_empty() || catalogue.iter().any(|scenario| scenario.id == id);
    chosen.take_if("scenario", &mut preferences.scenario, faults, |id| {
        is_known(id).then_some(()).ok_or("there is no such scenario".to_owned())
    });
    chosen.take("is_touch", &mut preferences.is_touch, faults);
    let mut known: Vec<Value> = Vec::new();
    chosen.take("known", &mut known, faults);
    for pane in known {
        let mut read = Section { name: "preferences", settings: Map::from_iter([("known".to_owned(), pane)]) };
        let mut pane = None::<Pane>;
        read.take("known", &mut pane, faults);
        preferences.known.extend(pane.filter(|pane| !preferences.known.contains(pane)));
    }
    chosen.end(faults);
    let mut window = all.section("window", faults);
    let sides = |size: &Option<[f32; 2]>| size.iter().flatten().try_for_each(|side| within(*side, &SIDE));
    window.take_if("size", &mut kept.window.size, faults, sides);
    window.take("is_maximized", &mut kept.window.is_maximized, faults);
    window.end(faults);
    let are_sizes = |panes: &Value| match serde_json::from_value::<egui::util::IdTypeMap>(panes.clone()) {
        Err(error) if !panes.is_null() => Err(error.to_string()),
        _ => Ok(()),
    };
    all.take_if("panes", &mut kept.panes, faults, are_sizes);
    all.end(faults);
    kept
}

fn within(number: f32, range: &std::ops::RangeInclusive<f32>) -> Result<(), String> {
    range.contains(&number).then_some(()).ok_or_else(|| format!("it must be {} to {}", range.start(), range.end()))
}

/// Settings that belong together, until each was taken.
struct Section {
    name: &'static str,
    settings: Map<String, Value>,
}

impl Section {
    fn section(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Self {
        let mut settings = Map::new();
        self.take(name, &mut settings, faults);
        Self { name, settings }
    }

    fn take<T: DeserializeOwned>(&mut self, key: &str, into: &mut T, faults: &mut Faults<'_>) {
        self.take_if(key, into, faults, |_| Ok(()));
    }

    /// Takes a setting where it is there and `fits`; else the default stays.
    fn take_if<T: DeserializeOwned>(
        &mut self,
        key: &str,
        into: &mut T,
        faults: &mut Faults<'_>,
        fits: impl Fn(&T) -> Result<(), String>,
    ) {
        let Some(value) = self.settings.remove(key) else { return };
        // Programs have no lesson, so that word is no choice.
        let read = serde_json::from_value(value.clone()).map_err(|error| error.to_string().replace(", `program`", ""));
        match read.and_then(|read| fits(&read).map(|()| read)) {
            Ok(read) => *into = read,
            Err(why) => faults.tell(format!(
                "{} cannot be {}: {}.",
                self.full(key),
                foreign::word(&value.to_string()),
                foreign::line(&why)
            )),
        }
    }

    /// The settings that nobody knows.
    fn end(self, faults: &mut Faults<'_>) {
        for key in self.settings.keys() {
            faults.tell(format!("{} is not a setting.", self.full(&foreign::word(key))));
        }
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// The parts of a file that could not be used.
struct Faults<'a> {
    path: &'a Path,
    told: Vec<String>,
    count: usize,
}

impl Faults<'_> {
    fn tell(&mut self, fault: String) {
        self.count += 1;
        if self.count <= MOST_FAULTS {
            self.told.push(fault);
        }
    }

    fn notice(self) -> Option<String> {
        let more = self.count.saturating_sub(MOST_FAULTS);
        let more = if more > 0 { format!("\n… and {more} more.") } else { String::new() };
        let told = self.told.join("\n");
        (self.count > 0)
            .then(|| format!("In the settings {}:\n{told}{more}\nEach of these has its default.", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ask::parts::Tab;
    use crate::ui::look::theme::ThemeChoice;
    use crate::ui::testing::CATALOGUE;

    fn with(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.json");
        fs::write(&path, text).expect("writes");
        (folder, path)
    }

    /// Settings of which each is another one than at first.
    const ALL: &str = r#"{
        "preferences": {"theme": "Light", "language": "python", "zoom": 1.5, "tab": "Facts", "scenario": "fork", "is_touch": true,
                        "known": ["Log", "Library"]},
        "window": {"size": [900, 640], "is_maximized": true},
        "panes": null
    }"#;

    /// Each setting as text, and whether it is as in `ALL`.
    fn settings(kept: &Kept) -> Vec<(&'static str, bool)> {
        let preferences = &kept.preferences;
        vec![
            ("theme", preferences.theme == ThemeChoice::Light),
            ("language", preferences.language == Language::Python),
            ("zoom", (preferences.zoom - 1.5).abs() < 1e-6),
            ("tab", preferences.tab == Tab::Facts),
            ("scenario", preferences.scenario == "fork"),
            ("is_touch", preferences.is_touch),
            ("known", preferences.known == [Pane::Log, Pane::Library]),
            ("size", kept.window.size == Some([900.0, 640.0])),
            ("is_maximized", kept.window.is_maximized),
        ]
    }

    #[test]
    fn a_broken_setting_costs_itself_alone_and_is_named() {
        let rows = [
            (r#""Light""#, r#""Solarized""#, "theme"),
            (r#""Light""#, "7", "theme"),
            (r#""python""#, r#""cobol""#, "language"),
            (r#""python""#, r#""program""#, "language"),
            ("1.5", "1e300", "zoom"),
            ("1.5", "-1", "zoom"),
            ("1.5", "0", "zoom"),
            ("1.5", r#""large""#, "zoom"),
            ("1.5", "null", "zoom"),
            (r#""Facts""#, r#"{"Facts": 1}"#, "tab"),
            (r#""fork""#, r#""no such lesson""#, "scenario"),
            (r#""fork""#, "[]", "scenario"),
            ("\"is_touch\": true", r#""is_touch": "yes""#, "is_touch"),
            (r#"["Log", "Library"]"#, r#""Log""#, "known"),
            ("[900, 640]", "[900]", "size"),
            ("[900, 640]", "[900, 640, 3]", "size"),
            ("[900, 640]", "[0, 640]", "size"),
            ("[900, 640]", "[1e300, 640]", "size"),
            ("[900, 640]", r#""900x640""#, "size"),
            ("\"is_maximized\": true", r#""is_maximized": 1"#, "is_maximized"),
        ];
        for (good, bad, setting) in rows {
            let text = ALL.replacen(good, bad, 1);
            assert_ne!(text, ALL);
            let (_folder, path) = with(text.as_bytes());
            let loaded = load(Some(&path), CATALOGUE, Language::Rust);
            let lost: Vec<_> = settings(&loaded.kept).into_iter().filter(|(_, is_kept)| !is_kept).map(|(name, _)| name).collect();
            assert_eq!(lost, [setting], "{bad}");
            let notice = loaded.notice.expect("told");
            let value = bad.rsplit(": ").next().expect("a value").trim_matches(['"', '}', '[']);
            assert!(notice.contains(path.to_str().expect("text")) && notice.contains(setting), "{notice}");
            assert!(notice.contains(value.split(',').next().expect("a value")) || value.contains('e'), "{bad}: {notice}");
            assert_eq!(fs::read_to_string(&path).expect("there"), text, "it is written when something is chosen");
        }
    }

    #[test]
    fn what_is_whole_is_read_without_a_word() {
        for text in [ALL, "{}", r#"{"preferences": {}}"#, &ALL.replace("1.5", "0.5, \"zoom\": 1.5")] {
            let (_folder, path) = with(text.as_bytes());
            let loaded = load(Some(&path), CATALOGUE, Language::Rust);
            assert_eq!(loaded.notice, None, "{text}");
            assert!(text.len() < 30 || settings(&loaded.kept).iter().all(|(_, is_kept)| *is_kept), "{text}");
        }
        let nowhere = tempfile::tempdir().expect("a folder");
        let loaded = load(Some(&nowhere.path().join("tasklab/settings.json")), CATALOGUE, Language::Rust);
        assert!(loaded.notice.is_none() && !loaded.is_in_the_way);
    }

    #[test]
    fn unknown_keys_panes_and_sections_are_named_and_cost_nothing_else() {
        let text = ALL
            .replace("\"theme\"", "\"teme\": 1, \"theme\"")
            .replace("\"Log\",", "\"Log\", \"Attic\", \"Log\", 3,")
            .replace("null", "[1, 2]")
            .replace("\"window\"", "\"sound\": true, \"window\"");
        let (_folder, path) = with(text.as_bytes());
        let loaded = load(Some(&path), CATALOGUE, Language::Rust);
        assert!(settings(&loaded.kept).iter().all(|(_, is_kept)| *is_kept), "{:?}", settings(&loaded.kept));
        let notice = loaded.notice.expect("told");
        for name in [
            "preferences.teme is not a setting",
            "Attic",
            "preferences.known cannot be 3",
            "panes cannot be [1,2]",
            "sound is not a setting",
        ] {
            assert!(notice.contains(name), "{name}: {notice}");
        }
        let (_folder, path) = with(ALL.replace(r#""window": {"#, r#""window": 3, "w": {"#).as_bytes());
        let notice = load(Some(&path), CATALOGUE, Language::Rust).notice.expect("told");
        assert!(notice.contains("window cannot be 3") && notice.contains("w is not a setting"), "{notice}");
    }

    #[test]
    fn a_flood_of_faults_and_a_huge_value_are_a_few_lines() {
        let many: Vec<String> = (0..10_000).map(|number| format!("\"key {number}\": {number}")).collect();
        let huge = format!("{{\"preferences\": {{\"theme\": \"{}\"}}, {}}}", "x".repeat(1_000_000), many.join(", "));
        let (_folder, path) = with(huge.as_bytes());
        let notice = load(Some(&path), CATALOGUE, Language::Rust).notice.expect("told");
        assert!(notice.len() < 4_000 && notice.contains(&format!("and {} more", 10_001 - MOST_FAULTS)), "{notice}");
    }

    #[test]
    fn what_is_no_settings_file_is_kept_aside_whole_and_said() {
        let huge = [b"{} ".as_slice(), &vec![b' '; MOST as usize]].concat();
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        let cut = &ALL.as_bytes()[..ALL.len() / 2];
        let rows: [&[u8]; 10] = [
            b"{{{",
            b"",
            b"theme = \"Light\"\n",
            cut,
            b"[]",
            b"7",
            &huge,
            &deep,
            b"\xff\xfe\0{",
            br#"{"preferences": {"zoom": 1e999}}"#,
        ];
        for bytes in rows {
            let (folder, path) = with(bytes);
            let loaded = load(Some(&path), CATALOGUE, Language::Rust);
            let aside = folder.path().join("settings.json.broken");
            let notice = loaded.notice.expect("told");
            assert!(!loaded.is_in_the_way && !path.exists(), "{notice}");
            assert!(fs::read(&aside).expect("kept") == bytes && notice.contains(aside.to_str().expect("text")), "{notice}");
            // The next one does not take its place.
            fs::write(&path, "again").expect("writes");
            load(Some(&path), CATALOGUE, Language::Rust);
            assert!(fs::read(&aside).expect("kept") == bytes);
            assert_eq!(fs::read_to_string(folder.path().join("settings.json.broken-2")).expect("kept"), "again");
        }
    }

    #[test]
    fn a_folder_and_a_pipe_in_its_place_are_kept_aside_and_nobody_waits() {
        let (folder, path) = with(b"");
        fs::remove_file(&path).expect("ours");
        fs::create_dir(&path).expect("made");
        fs::write(path.join("inside"), "x").expect("writes");
        assert!(load(Some(&path), CATALOGUE, Language::Rust).notice.expect("told").contains("is not a file"));
        assert!(folder.path().join("settings.json.broken/inside").exists() && !path.exists());
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo is there");
        assert!(made.success());
        assert!(load(Some(&path), CATALOGUE, Language::Rust).notice.expect("told").contains("is not a file"));
        assert!(fs::symlink_metadata(folder.path().join("settings.json.broken-2")).is_ok() && !path.exists());
    }

    #[test]
    fn what_cannot_be_renamed_is_left_alone_and_said() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, path) = with(b"{{{");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).expect("ours");
        let loaded = load(Some(&path), CATALOGUE, Language::Rust);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        if !path.exists() {
            return support::skipped("root may rename in any folder");
        }
        assert!(loaded.is_in_the_way && loaded.notice.expect("told").contains("nothing is kept"));
    }
}
