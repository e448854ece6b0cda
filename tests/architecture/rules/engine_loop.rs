//! `EngineLoop` polls and performs. Functions of `run` and `fold` decide, so it stays small.

use super::{Control, Rule, breaks, keeps};
use crate::tree::Tree;

const NAME: &str = "EngineLoop";
const MOST_FILES: usize = 3;
const MOST_FIELDS: usize = 15;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let (fields, files) = tree.size_of("src/", NAME);
    let mut faults = Vec::new();
    if fields == 0 {
        faults.push(format!("{NAME} is not there: the rule looks at nothing"));
    }
    if fields > MOST_FIELDS {
        faults.push(format!("{NAME} has {fields} fields; {MOST_FIELDS} is the end"));
    }
    if files.len() > MOST_FILES {
        faults.push(format!("{} files hold an impl of {NAME}; {MOST_FILES} is the end: {}", files.len(), files.join(" ")));
    }
    faults
}

fn controls() -> Vec<Control> {
    let structure = |fields: usize| {
        let fields: Vec<String> = (0..fields).map(|number| format!("field{number}: u8")).collect();
        format!("struct EngineLoop {{ {} }}", fields.join(", "))
    };
    let small = structure(MOST_FIELDS);
    let (a, b, c) = (
        ("src/engine/a.rs", "impl EngineLoop {}"),
        ("src/engine/b.rs", "impl super::EngineLoop {}"),
        ("src/engine/c.rs", "impl Drop for EngineLoop {}"),
    );
    vec![
        breaks("has 16 fields", &[("src/engine/drive.rs", &structure(MOST_FIELDS + 1))]),
        breaks("4 files hold", &[("src/engine/drive.rs", &small), a, b, c, ("src/engine/d.rs", "impl EngineLoop {}")]),
        breaks("is not there", &[a]),
        keeps(&[("src/engine/drive.rs", &small), a, b, c, ("src/engine/d.rs", "impl Other {}")]),
    ]
}
