//! A folder holds no more files than one looks through.

use super::{Control, Rule, breaks, keeps};
use crate::tree::Tree;

const MOST_FILES: usize = 20;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let folders = tree.folders().into_iter().filter(|(_, files)| *files > MOST_FILES);
    folders.map(|(folder, files)| format!("{folder}: {files} files; {MOST_FILES} is the end: look for the groups")).collect()
}

fn controls() -> Vec<Control> {
    let paths: Vec<String> = (0..=MOST_FILES).map(|number| format!("assets/a/{number}.txt")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
    let (last, others) = files.split_last().unwrap_or_else(|| unreachable!("there are files"));
    vec![breaks("assets/a: 21 files", &files), keeps(&[others, &[("assets/a/b/c.txt", last.1)]].concat())]
}
