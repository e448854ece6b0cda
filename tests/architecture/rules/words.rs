//! `unsafe` stands in sys alone, and egui in ui alone.

use super::{Control, Rule, breaks, keeps};
use crate::tree::Tree;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, source) in tree.sources() {
        for (word, line) in &source.words {
            if word == "unsafe" && !file.starts_with("src/sys/") {
                faults.push(format!("{file}:{line}: unsafe outside src/sys"));
            }
            let is_egui = matches!(word.as_str(), "egui" | "eframe") || word.starts_with("egui_");
            if is_egui && !file.starts_with("src/ui/") {
                faults.push(format!("{file}:{line}: {word} outside src/ui"));
            }
        }
    }
    faults
}

fn controls() -> Vec<Control> {
    vec![
        breaks("a.rs:2: unsafe outside", &[("src/gpio/a.rs", "//! A.\nfn f() { unsafe { g() } }")]),
        breaks("unsafe outside", &[("src/gpio/a.rs", "fn f() { m!({ unsafe { g() } }) }")]),
        breaks("unsafe outside", &[("src/main.rs", "unsafe fn f() {}")]),
        breaks("egui outside", &[("src/engine/a.rs", "fn f(ctx: &egui::Context) {}")]),
        breaks("eframe outside", &[("src/cli/a.rs", "use eframe::run_native;")]),
        breaks("egui_extras outside", &[("src/main.rs", "use egui_extras::Table;")]),
        keeps(&[
            ("src/ui/a.rs", "use egui::Ui;"),
            ("src/sys/a.rs", "fn f() { unsafe { g() } }"),
            ("src/cli/a.rs", "// unsafe, egui\nconst X: &str = \"unsafe\";"),
            ("tests/a.rs", "use egui_kittest::Harness;"),
        ]),
    ]
}
