//! Every direct dependency has its reason in deny.toml.

use super::{Control, Rule, breaks, keeps};
use crate::tree::Tree;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

fn faults(tree: &Tree) -> Vec<String> {
    let lines = |path: &str| tree.files.get(path).map_or("", |file| &file.text).lines();
    let reasons: Vec<&str> = lines("deny.toml").filter_map(|line| line.strip_prefix("# ")).collect();
    let (mut faults, mut section, mut seen) = (Vec::new(), "", 0);
    for (number, line) in lines("Cargo.toml").enumerate() {
        if line.starts_with('[') {
            section = line;
        } else if let ("[dependencies]" | "[dev-dependencies]", Some((name, _))) = (section, line.split_once(" = ")) {
            seen += 1;
            let is_named = |reason: &&str| reason.split([' ', ',']).any(|word| word == name);
            if !reasons.iter().any(is_named) {
                faults.push(format!("Cargo.toml:{}: deny.toml does not say why {name} is there", number + 1));
            }
        }
    }
    if seen == 0 {
        faults.push("Cargo.toml: no dependency was read".to_owned());
    }
    faults
}

fn controls() -> Vec<Control> {
    let manifest = ("Cargo.toml", "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nsyn = \"3\"\n[lints]\nall = \"warn\"");
    vec![
        breaks("Cargo.toml:4: deny.toml does not say why syn", &[manifest, ("deny.toml", "# serde, serde_json  lines")]),
        breaks("no dependency was read", &[("Cargo.toml", "")]),
        keeps(&[manifest, ("deny.toml", "# serde, serde_json  lines\n# syn  rules")]),
    ]
}
