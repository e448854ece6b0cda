//! Which room may import which.

use super::{Control, Rule, breaks, keeps};
use crate::source::Path;
use crate::tree::Tree;

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
    // The names of pins, and the requests for them.
    ("src/cli/gpio", "gpio"),
    // The clock that edges are timed by.
    ("src/cli/gpio", "sys"),
    // The process group of a child, and which signals are ignored.
    ("src/cli/interrupt.rs", "sys"),
    // Their edges as files.
    ("src/cli/edges.rs", "gpio"),
    // Two calls of OpenGL, which are unsafe.
    ("src/ui/look/surface.rs", "sys"),
    ("src/cli/bench", "supervisor"),
    ("src/cli/bench", "monitor"),
    ("src/cli/bench", "schedule"),
    ("src/cli/bench", "sys"),
];

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        for other in allowed.iter().filter(|other| !ROOMS[..at].iter().any(|(above, _)| above == *other)) {
            faults.push(format!("the table: {room} imports {other}, which does not stand above it"));
        }
    }
    for (file, source) in tree.sources().filter(|(file, _)| !matches!(*file, "src/main.rs" | "src/lib.rs")) {
        let room = file.split('/').nth(1).unwrap_or_default();
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("{file}:1: stands in no room of the table"));
            continue;
        };
        for path in &source.paths {
            if let Some(fault) = wrong_import(file, room, allowed, path) {
                faults.push(format!("{file}:{}: {fault}", path.at.line));
            }
        }
    }
    faults
}

/// Why a path may not stand in this room.
fn wrong_import(file: &str, room: &str, allowed: &[&str], path: &Path) -> Option<String> {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    let is_room = |name: &str| ROOMS.iter().any(|(room, _)| *room == name);
    match segments[..] {
        ["crate" | "tasklab", "supervisor", "server", ..] if room == "engine" => {
            Some("engine speaks to the supervisor's client alone: the server is another process".to_owned())
        }
        ["crate" | "tasklab", other, ..] if is_room(other) && other != room && !allowed.contains(&other) => {
            let may_also = ALSO.iter().any(|(place, room)| file.starts_with(place) && *room == other);
            (!may_also).then(|| format!("{room} may not import {other}; it may import: {}", allowed.join(", ")))
        }
        ["crate" | "tasklab", "*", ..] => Some("imports every room at once".to_owned()),
        ["super", "super", ..] if segments.iter().find(|name| **name != "super").is_some_and(|name| is_room(name)) => {
            Some("leaves its room through super; write crate::room".to_owned())
        }
        _ => None,
    }
}

fn controls() -> Vec<Control> {
    vec![
        breaks("a.rs:2: model may not import sys", &[("src/model/a.rs", "//! A.\nuse crate::sys::Fd;")]),
        breaks("model may not import engine", &[("src/model/a.rs", "fn f() { crate::engine::run() }")]),
        breaks("model may not import engine", &[("src/model/a.rs", "fn f() { assert!(crate::engine::run()) }")]),
        breaks("ui may not import supervisor", &[("src/ui/a.rs", "use crate::{model::Event, supervisor::{Client, Request}};")]),
        breaks("engine may not import ui", &[("src/engine/a.rs", "use crate::ui;")]),
        breaks("client alone", &[("src/engine/a.rs", "use crate::supervisor::server::Server;")]),
        breaks("cli may not import monitor", &[("src/cli/run.rs", "use crate::monitor::cores;")]),
        breaks("cli may not import gpio", &[("src/cli/bench/launcher.rs", "use crate::gpio::Board;")]),
        breaks("cli may not import ui", &[("src/cli/a.rs", "use tasklab::ui::App;")]),
        breaks("every room at once", &[("src/sys/a.rs", "use crate::*;")]),
        breaks("through super", &[("src/sys/a.rs", "use super::super::ui::App;")]),
        breaks("sys may not import engine", &[("src/sys/a.rs", "#[cfg(test)] mod tests { use crate::engine::Step; }")]),
        breaks("no room", &[("src/utils/a.rs", "")]),
        breaks("no room", &[("src/helpers.rs", "")]),
        keeps(&[
            ("src/ui/a.rs", "use crate::{engine::EngineHandle, model::Event, scenario::CATALOGUE};"),
            ("src/supervisor/a.rs", "use crate::gpio::Board;"),
            ("src/engine/a.rs", "use crate::engine::Command; use crate::supervisor::Client; use super::super::engine_step;"),
            ("src/cli/doctor.rs", "use crate::{gpio, monitor};"),
            ("src/cli/bench/launcher.rs", "use crate::supervisor::Client;"),
            ("src/main.rs", "use tasklab::{cli, engine, gpio, model, monitor, scenario, schedule, supervisor, sys, ui};"),
        ]),
    ]
}
