//! The order inside a room of several floors: imports go down only.

use super::{Control, Rule, breaks, keeps};
use crate::source::Place;
use crate::tree::Tree;

/// Each room's floors, the top first, by the beginnings of their paths. A room's `mod.rs` stands on none: paths go through it.
const FLOORS: &[(&str, &[&[&str]])] = &[
    ("src/engine/", &[&["src/engine/drive/"], &["src/engine/comparison/"], &["src/engine/run/"], &["src/engine/fold/"]]),
    // The gallery and its made-up snapshot are shown by a test and a benchmark, and stand above all that they show.
    (
        "src/ui/",
        &[
            &["src/ui/gallery.rs", "src/ui/sample.rs"],
            &["src/ui/shell/"],
            &["src/ui/panes/"],
            &["src/ui/ask/"],
            &["src/ui/look/"],
        ],
    ),
    (
        "src/scenario/",
        &[
            &["src/scenario/mod.rs", "src/scenario/shim.rs", "src/scenario/worker.rs"],
            &[
                "src/scenario/processes/",
                "src/scenario/threads/",
                "src/scenario/pools/",
                "src/scenario/programs/",
                "src/scenario/time/",
            ],
            &["src/scenario/definition.rs"],
            &["src/scenario/lesson/"],
            &["src/scenario/card/"],
        ],
    ),
];

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (room, floors) in FLOORS {
        let floor = |file: &str| floors.iter().position(|places| places.iter().any(|place| file.starts_with(place)));
        for (file, _) in tree.sources().filter(|(file, _)| file.starts_with(room)) {
            let is_facade = file.strip_prefix(room) == Some("mod.rs");
            if floor(file).is_none() && !is_facade && !tree.is_test(file, &Place::default()) {
                faults.push(format!("{file}:1: stands on no floor of {room}"));
            }
        }
        for import in &tree.imports {
            if let (Some(from), Some(to)) = (floor(&import.from), floor(&import.to))
                && from > to
            {
                faults.push(format!("{}:{}: imports upwards: {} stands in {}", import.from, import.line, import.path, import.to));
            }
        }
    }
    faults
}

fn controls() -> Vec<Control> {
    let engine = |drive: &'static str, comparison: &'static str, run: &'static str, fold: &'static str| {
        [
            ("src/engine/mod.rs", "mod comparison; mod drive; mod fold; mod run; pub use drive::Drive;"),
            ("src/engine/drive/mod.rs", "mod a; pub use a::Drive;"),
            ("src/engine/drive/a.rs", drive),
            ("src/engine/comparison/mod.rs", "mod a; pub use a::Comparison;"),
            ("src/engine/comparison/a.rs", comparison),
            ("src/engine/run/mod.rs", "mod a; pub use a::Run;"),
            ("src/engine/run/a.rs", run),
            ("src/engine/fold/mod.rs", "mod a; pub use a::Fold;"),
            ("src/engine/fold/a.rs", fold),
        ]
    };
    let (drive, comparison, run, fold) = ("pub struct Drive;", "pub struct Comparison;", "pub struct Run;", "pub struct Fold;");
    vec![
        breaks(
            "src/engine/fold/a.rs:1: imports upwards: super::super::run::Run stands in src/engine/run/a.rs",
            &engine(drive, comparison, run, "use super::super::run::Run;"),
        ),
        breaks("imports upwards", &engine(drive, comparison, run, "use crate::engine::Drive;")),
        breaks("imports upwards", &engine(drive, comparison, "use crate::engine::comparison::Comparison;", fold)),
        breaks("imports upwards", &engine(drive, "fn f(_: &crate::engine::Drive) {}", run, fold)),
        breaks("on no floor", &[("src/engine/handle.rs", "")]),
        breaks(
            "imports upwards",
            &[
                ("src/ui/mod.rs", "mod look; mod panes;"),
                ("src/ui/panes/mod.rs", "mod log;"),
                ("src/ui/panes/log.rs", ""),
                ("src/ui/look/a.rs", "use crate::ui::panes::log::x;"),
            ],
        ),
        breaks(
            "imports upwards",
            &[
                ("src/scenario/lesson/a.rs", "use crate::scenario::CATALOGUE;"),
                ("src/scenario/mod.rs", "mod lesson; pub const CATALOGUE: u8 = 1;"),
            ],
        ),
        keeps(&engine(
            "use crate::engine::{comparison::Comparison, fold::Fold, run::Run};",
            "use crate::engine::{fold::Fold, run::Run};",
            "use crate::engine::fold::Fold;",
            "#[cfg(test)] mod tests { use crate::engine::Drive; }",
        )),
    ]
}
