//! A `mod.rs` and the `lib.rs` hold docs and re-exports only. The catalogue is the one list that stands in a `mod.rs`.

use super::{Control, Rule, breaks, keeps};
use crate::tree::Tree;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, source) in tree.sources().filter(|(file, _)| *file == "src/lib.rs" || file.ends_with("/mod.rs")) {
        for item in source.items.iter().filter(|item| !matches!(item.kind, "use" | "mod")) {
            if (file, item.kind, item.name.as_str()) != ("src/scenario/mod.rs", "const", "CATALOGUE") {
                let (line, kind, name) = (item.at.line, item.kind, &item.name);
                faults.push(format!("{file}:{line}: {kind} {name}: this file holds docs and re-exports only"));
            }
        }
    }
    faults
}

fn controls() -> Vec<Control> {
    let broken = [
        ("src/engine/mod.rs", "pub fn f() {}"),
        ("src/engine/mod.rs", "impl X {}"),
        ("src/engine/mod.rs", "mod a { }"),
        ("src/engine/mod.rs", "make! { X }"),
        ("src/engine/mod.rs", "pub const CATALOGUE: u8 = 1;"),
        ("src/scenario/mod.rs", "const OTHER: u8 = 1;"),
        ("src/lib.rs", "pub struct X;"),
    ];
    let mut controls: Vec<Control> = broken.iter().map(|file| breaks("re-exports only", &[*file])).collect();
    controls.push(keeps(&[
        ("src/scenario/mod.rs", "mod a; pub use a::{B, c}; pub const CATALOGUE: &[&B] = &[&c::D];"),
        ("src/lib.rs", "#[cfg(feature = \"gui\")] pub mod ui;"),
        ("src/engine/a.rs", "pub fn f() {}"),
    ]));
    controls
}
