//! A file of code begins with its purpose, and ends before it is too long.

use super::{Control, Rule, breaks, keeps};
use crate::tree::{Tree, ending};

const MOST_LINES: usize = 600;
const MOST_LINES_OF_MAIN: usize = 120;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, file) in tree.files.iter().filter(|(path, _)| matches!(ending(path), "rs" | "py")) {
        let lines = file.text.lines().count();
        let most = if path == "src/main.rs" { MOST_LINES_OF_MAIN } else { MOST_LINES };
        if lines > most {
            faults.push(format!("{path}:{lines}: {lines} lines; {most} is the end: look for the seam"));
        }
        if file.rust.is_some() && !file.text.starts_with("//!") {
            faults.push(format!("{path}:1: does not begin with a //! line that says its purpose"));
        }
    }
    faults
}

fn controls() -> Vec<Control> {
    let long = "//! Long.\n".repeat(MOST_LINES);
    vec![
        breaks("601 lines", &[("src/ui/a.rs", &format!("{long}//!"))]),
        breaks("601 lines", &[("tests/a.rs", &format!("{long}//!"))]),
        breaks("601 lines", &[("assets/python/a.py", &format!("{long}//!"))]),
        breaks("121 lines", &[("src/main.rs", &"//!\n".repeat(MOST_LINES_OF_MAIN + 1))]),
        breaks("a.rs:1: does not begin", &[("src/ui/a.rs", "use crate::model;")]),
        keeps(&[("src/ui/a.rs", &long), ("assets/a.py", "import time"), ("assets/a.txt", &long.repeat(2))]),
    ]
}
