//! `std::process::Command` stands in the supervisor alone: a process that is started elsewhere has nobody who reaps it. Tests may start
//! programs.

use super::{Control, Rule, breaks, keeps};
use crate::tree::Tree;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, source) in tree.sources().filter(|(file, _)| !file.starts_with("src/supervisor/")) {
        for path in source.paths.iter().filter(|path| !tree.is_test(file, &path.at)) {
            if path.segments.windows(2).any(|pair| pair[0] == "process" && matches!(pair[1].as_str(), "Command" | "*")) {
                faults.push(format!("{file}:{}: std::process::Command outside src/supervisor", path.at.line));
            }
        }
    }
    faults
}

fn controls() -> Vec<Control> {
    const SAYS: &str = "process::Command outside";
    vec![
        breaks(SAYS, &[("src/cli/a.rs", "use std::process::{self, Command};")]),
        breaks("a.rs:3: std::process::Command", &[("src/cli/a.rs", "//! A.\n\nfn f() { process::Command::new(\"x\"); }")]),
        breaks(SAYS, &[("src/cli/a.rs", "use std::process::*;")]),
        breaks(SAYS, &[("src/main.rs", "use std::process::Command as C;")]),
        breaks(SAYS, &[("src/cli/tests.rs", "use std::process::Command;")]),
        keeps(&[
            ("src/supervisor/a.rs", "use std::process::Command;"),
            ("src/cli/a.rs", "use std::process::ExitCode; // std::process::Command"),
            ("src/cli/b.rs", "#[cfg(test)]\nmod tests { use std::process::Command; }"),
            ("src/cli/c.rs", "#[cfg(test)]\nmod tests;"),
            ("src/cli/c/tests.rs", "mod more;"),
            ("src/cli/c/tests/more.rs", "use std::process::Command;"),
            ("tests/a.rs", "use std::process::Command;"),
        ]),
    ]
}
