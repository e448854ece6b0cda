//! Keeps the house as `ARCHITECTURE.md` draws it: which room may import which, and what may stand where.
//! Reads the files under `src`; must not run anything of them.

#[path = "architecture/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Token, paths, tokens, without_tests};

/// Each room, and the rooms that it may import. Imports go down this table only.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("sys", &["model"]),
    ("monitor", &["sys", "model"]),
    ("gpio", &["sys", "model"]),
    ("schedule", &["model"]),
    ("supervisor", &["gpio", "sys", "model"]),
    ("scenario", &["schedule", "gpio", "sys", "model"]),
    // sys for the clock, thread names and pidfds, gpio for the names of lines: what they hand over is read here, too.
    ("engine", &["scenario", "supervisor", "monitor", "schedule", "gpio", "sys", "model"]),
    ("cli", &["engine", "scenario", "model"]),
    ("ui", &["engine", "scenario", "model"]),
];

/// Single files (and the folders beside them) that may import a room more. `doctor` answers what this machine offers before anything runs: it asks
/// those who know, the monitor and the boards, and there is no run whose events could carry the answer.
/// `bench` measures each room by itself: what the engine adds to them would be part of every number.
const ALSO: &[(&str, &str)] = &[
    ("src/cli/doctor.rs", "monitor"),
    ("src/cli/doctor.rs", "gpio"),
    // What a pin is called, and what can be asked of it.
    ("src/cli/gpio", "gpio"),
    // The clock that edges are timed by.
    ("src/cli/gpio", "sys"),
    // Their edges as files.
    ("src/cli/edges.rs", "gpio"),
    ("src/cli/bench", "supervisor"),
    ("src/cli/bench", "monitor"),
    ("src/cli/bench", "schedule"),
    ("src/cli/bench", "sys"),
];

const MOST_LINES: usize = 600;
const MOST_LINES_OF_MAIN: usize = 120;

/// What a file does against the rules, one sentence each. `file` is its path in the package.
fn faults(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, what: &str| faults.push(format!("{file}:{line}: {what}"));

    let lines = text.lines().count();
    let most = if file == "src/main.rs" { MOST_LINES_OF_MAIN } else { MOST_LINES };
    if lines > most {
        fault(lines, &format!("{lines} lines; {most} is the end: look for the seam"));
    }
    if !text.starts_with("//!") {
        fault(1, "does not begin with a //! line that says its purpose");
    }

    let all = tokens(text);
    if let Some(rest) = file.strip_prefix("src/") {
        let room = rest.split_once('/').map(|(room, _)| room);
        if !matches!(rest, "main.rs" | "lib.rs") && ROOMS.iter().all(|(name, _)| Some(*name) != room) {
            fault(1, "stands in no room of the table");
        }
        if let Some(room) = room {
            wrong_imports(file, room, &all, &mut fault);
        }
        wrong_words(room, &all, &mut fault);
        wrong_launches(file, room, &all, &mut fault);
        if rest == "lib.rs" || rest.ends_with("/mod.rs") {
            more_than_re_exports(file, &all, &mut fault);
        }
    }
    faults
}

/// Paths that lead into a room which this one may not import.
fn wrong_imports(file: &str, room: &str, all: &[Token], fault: &mut impl FnMut(usize, &str)) {
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| allowed);
    for path in paths(all) {
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        let is_room = |name: &str| ROOMS.iter().any(|(room, _)| *room == name);
        match segments[..] {
            ["crate" | "tasklab", other, ref rest @ ..] if is_room(other) && other != room => {
                if !allowed.contains(&other) && !ALSO.iter().any(|(place, room)| file.starts_with(place) && *room == other) {
                    fault(path.line, &format!("{room} may not import {other}; it may import: {}", allowed.join(", ")));
                }
                if (room, other, rest.first()) == ("engine", "supervisor", Some(&"server")) {
                    fault(path.line, "engine speaks to the supervisor's client alone: the server is another process");
                }
            }
            ["crate" | "tasklab", "*", ..] => fault(path.line, "imports every room at once"),
            ["super", "super", ..] if segments.iter().find(|name| **name != "super").is_some_and(|name| is_room(name)) => {
                fault(path.line, "leaves its room through super; write crate::room");
            }
            _ => {}
        }
    }
}

/// `unsafe` outside sys, egui outside ui.
fn wrong_words(room: Option<&str>, all: &[Token], fault: &mut impl FnMut(usize, &str)) {
    for token in all {
        let word = token.text.as_str();
        if word == "unsafe" && room != Some("sys") {
            fault(token.line, "unsafe outside src/sys");
        }
        if (matches!(word, "egui" | "eframe") || word.starts_with("egui_")) && room != Some("ui") {
            fault(token.line, &format!("{word} outside src/ui"));
        }
    }
}

/// `std::process::Command` outside the supervisor: a process that nobody would reap. Tests may start programs.
fn wrong_launches(file: &str, room: Option<&str>, all: &[Token], fault: &mut impl FnMut(usize, &str)) {
    if room == Some("supervisor") || file.ends_with("/tests.rs") {
        return;
    }
    for path in paths(&without_tests(all)) {
        if path.segments.windows(2).any(|pair| pair[0] == "process" && matches!(pair[1].as_str(), "Command" | "*")) {
            fault(path.line, "std::process::Command outside src/supervisor");
        }
    }
}

/// A mod.rs or lib.rs holds docs and re-exports; the catalogue is the one list that stands in a mod.rs.
fn more_than_re_exports(file: &str, all: &[Token], fault: &mut impl FnMut(usize, &str)) {
    for (i, token) in all.iter().enumerate() {
        let after = |offset: usize| all.get(i + offset).map_or("", |token| token.text.as_str());
        let holds_more = match token.text.as_str() {
            "fn" | "impl" | "struct" | "enum" | "trait" | "static" | "type" | "macro_rules" | "let" => true,
            "const" => !(file == "src/scenario/mod.rs" && after(1) == "CATALOGUE"),
            "mod" => after(2) == "{",
            _ => false,
        };
        if holds_more {
            fault(token.line, &format!("{} {}: this file holds docs and re-exports only", token.text, after(1)));
        }
    }
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` whose names end in `.extension`, in order; none where there is no such folder.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![package().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("could not read {}: {error}", path.display()));
    (path.strip_prefix(package()).unwrap_or(path).display().to_string(), text)
}

#[test]
fn every_file_keeps_to_its_room() {
    let mut found = Vec::new();
    let sources = files("src", "rs");
    assert!(sources.len() > 10, "src was not read: {sources:?}");
    for path in sources.iter().chain(&files("tests", "rs")).chain(&files("benches", "rs")) {
        let (name, text) = read(path);
        found.extend(faults(&name, &text));
    }
    for path in files("assets/python", "py") {
        let (name, text) = read(&path);
        if text.lines().count() > MOST_LINES {
            found.push(format!("{name}: over {MOST_LINES} lines"));
        }
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_table_has_no_circle() {
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        for other in *allowed {
            let place = ROOMS.iter().position(|(name, _)| name == other);
            assert!(place.is_some_and(|place| place < at), "{room} imports {other}, which does not stand above it");
        }
    }
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let (_, manifest) = read(&package().join("Cargo.toml"));
    let (_, reasons) = read(&package().join("deny.toml"));
    let reasons: Vec<&str> = reasons.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    let mut section = "";
    let mut seen = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if let ("[dependencies]" | "[dev-dependencies]", Some((name, _))) = (section, line.split_once(" = ")) {
            seen += 1;
            let is_named = |reason: &&str| reason.split([' ', ',']).any(|word| word == name);
            assert!(reasons.iter().any(is_named), "deny.toml does not say why {name} is there");
        }
    }
    assert!(seen > 10, "the manifest was not read");
}

/// The controls: each breaks one rule, and must be found.
#[test]
fn what_breaks_a_rule_is_found() {
    for (file, code, says) in [
        ("src/model/a.rs", "use crate::sys::Fd;", "model may not import sys"),
        ("src/model/a.rs", "fn f() { crate::engine::run() }", "model may not import engine"),
        ("src/ui/a.rs", "use crate::{model::Event, supervisor::{Client, Request}};", "ui may not import supervisor"),
        ("src/engine/a.rs", "use crate::ui;", "engine may not import ui"),
        ("src/engine/a.rs", "use crate::supervisor::server::Server;", "client alone"),
        ("src/cli/run.rs", "use crate::monitor::cores;", "cli may not import monitor"),
        ("src/cli/bench/launcher.rs", "use crate::gpio::Board;", "cli may not import gpio"),
        ("src/cli/a.rs", "use tasklab::ui::App;", "cli may not import ui"),
        ("src/sys/a.rs", "use crate::*;", "every room at once"),
        ("src/sys/a.rs", "use super::super::ui::App;", "through super"),
        ("src/sys/a.rs", "#[cfg(test)] mod tests { use crate::engine::Step; }", "sys may not import engine"),
        ("src/gpio/a.rs", "fn f() { unsafe { g() } }", "unsafe outside"),
        ("src/main.rs", "unsafe fn f() {}", "unsafe outside"),
        ("src/engine/a.rs", "fn f(ctx: &egui::Context) {}", "egui outside"),
        ("src/cli/a.rs", "use eframe::run_native;", "eframe outside"),
        ("src/main.rs", "use egui_extras::Table;", "egui_extras outside"),
        ("src/cli/a.rs", "use std::process::{self, Command};", "process::Command outside"),
        ("src/cli/a.rs", "fn f() { process::Command::new(\"x\"); }", "process::Command outside"),
        ("src/cli/a.rs", "use std::process::*;", "process::Command outside"),
        ("src/main.rs", "use std::process::Command as C;", "process::Command outside"),
        ("src/engine/mod.rs", "pub fn f() {}", "re-exports only"),
        ("src/engine/mod.rs", "impl X {}", "re-exports only"),
        ("src/engine/mod.rs", "mod a { }", "re-exports only"),
        ("src/engine/mod.rs", "pub const CATALOGUE: u8 = 1;", "re-exports only"),
        ("src/scenario/mod.rs", "const OTHER: u8 = 1;", "re-exports only"),
        ("src/lib.rs", "pub struct X;", "re-exports only"),
        ("src/utils/a.rs", "", "no room"),
        ("src/helpers.rs", "", "no room"),
    ] {
        let found = faults(file, &format!("//! A purpose.\n{code}\n"));
        assert!(found.iter().any(|fault| fault.contains(says)), "{file} with {code:?} should say {says:?}: {found:?}");
    }
    let long = "//! Long.\n".repeat(MOST_LINES + 1);
    assert!(faults("src/ui/a.rs", &long)[0].contains("601 lines"));
    assert!(faults("tests/a.rs", &long)[0].contains("601 lines"));
    assert!(faults("src/main.rs", &"//!\n".repeat(MOST_LINES_OF_MAIN + 1))[0].contains("121 lines"));
    assert!(faults("src/ui/a.rs", "use crate::model;")[0].contains("//!"));
}

#[test]
fn what_keeps_the_rules_passes() {
    for (file, code) in [
        ("src/ui/a.rs", "use egui::Ui; use crate::{engine::EngineHandle, model::Event, scenario::CATALOGUE};"),
        ("src/sys/a.rs", "fn f() { unsafe { g() } }"),
        ("src/supervisor/a.rs", "use std::process::Command; use crate::gpio::Board;"),
        ("src/engine/a.rs", "use crate::engine::Command; use crate::supervisor::Client; use super::super::engine_step;"),
        ("src/cli/doctor.rs", "use crate::{gpio, monitor};"),
        ("src/cli/bench/launcher.rs", "use crate::supervisor::Client;"),
        ("src/cli/a.rs", "use std::process::ExitCode; // std::process::Command, unsafe, egui\nconst X: &str = \"unsafe\";"),
        ("src/cli/a.rs", "#[cfg(test)]\nmod tests { use std::process::Command; }"),
        ("src/main.rs", "use tasklab::{cli, engine, gpio, model, monitor, scenario, schedule, supervisor, sys, ui};"),
        ("src/scenario/mod.rs", "mod a; pub use a::{B, c}; pub const CATALOGUE: &[&B] = &[&c::D];"),
        ("src/lib.rs", "#[cfg(feature = \"gui\")] pub mod ui;"),
        ("tests/a.rs", "use std::process::Command; use egui_kittest::Harness;"),
    ] {
        assert_eq!(faults(file, &format!("//! A purpose.\n{code}\n")), Vec::<String>::new(), "{file} with {code:?}");
    }
}
