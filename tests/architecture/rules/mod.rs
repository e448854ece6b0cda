//! The rules of the house. Each is a function of the files, with controls: made-up files that break it, which must be found, and some that
//! keep it. A new rule is a file here with a `RULE`, and its name in `architecture.rs`.

pub mod dependencies;
pub mod engine_loop;
pub mod file_circles;
pub mod folder_sizes;
pub mod launches;
pub mod lessons;
pub mod order;
pub mod re_exports;
pub mod rooms;
pub mod texts;
pub mod words;

use crate::tree::Tree;

/// A rule.
pub struct Rule {
    /// The places that break it, one sentence each, with the file and the line.
    pub faults: fn(&Tree) -> Vec<String>,
    /// Made-up files.
    pub controls: fn() -> Vec<Control>,
}

/// Made-up files, and what the rule says of them.
pub struct Control {
    tree: Tree,
    says: Option<&'static str>,
}

/// Files that break the rule: one of its sentences holds `says`.
pub fn breaks(says: &'static str, files: &[(&str, &str)]) -> Control {
    Control { tree: made_up(files), says: Some(says) }
}

/// Files that keep the rule.
pub fn keeps(files: &[(&str, &str)]) -> Control {
    Control { tree: made_up(files), says: None }
}

fn made_up(files: &[(&str, &str)]) -> Tree {
    Tree::new(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

impl Rule {
    /// Fails with all that breaks it.
    pub fn hold(&self, tree: &Tree) {
        let faults = (self.faults)(tree);
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }

    /// Fails if what breaks it is not found, or if what keeps it does not pass.
    pub fn prove(&self) {
        let controls = (self.controls)();
        assert!(controls.iter().any(|control| control.says.is_some()), "nothing shows that the rule can be broken");
        for Control { tree, says } in controls {
            let faults = (self.faults)(&tree);
            let is_right = says.map_or(faults.is_empty(), |says| faults.iter().any(|fault| fault.contains(says)));
            assert!(is_right, "{:?} should say {says:?}: {faults:?}", tree.files);
        }
    }
}
