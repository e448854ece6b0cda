//! No files import each other in a circle, parents and children included: to read one of them must not mean to read all of them.
//! Its limit: a method that is called on a value shows no import, so a circle through the methods of one type, whose `impl`s stand in several
//! files, is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Control, Rule, breaks, keeps};
use crate::imports::Import;
use crate::tree::Tree;

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

/// The files of a circle, and the imports between them.
pub struct Circle<'a> {
    /// In order.
    pub files: Vec<&'a str>,
    imports: Vec<&'a Import>,
}

/// The largest groups of files in which each one leads to each other one.
pub fn circles(tree: &Tree) -> Vec<Circle<'_>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in &tree.imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|file| (*file, reach(&next, file))).collect();
    let leads = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
    let mut groups: BTreeSet<Vec<&str>> = BTreeSet::new();
    for (file, files) in &reached {
        if files.contains(file) {
            groups.insert(files.iter().copied().filter(|other| leads(other, file)).collect());
        }
    }
    groups
        .into_iter()
        .map(|files| {
            let is_inner = |import: &&Import| files.contains(&&*import.from) && files.contains(&&*import.to);
            Circle { imports: tree.imports.iter().filter(is_inner).collect(), files }
        })
        .collect()
}

/// The files that the imports of `from` lead to.
fn reach<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = next.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = open.pop() {
        if found.insert(file) {
            open.extend(next.get(file).into_iter().flatten());
        }
    }
    found
}

fn faults(tree: &Tree) -> Vec<String> {
    let text = |circle: &Circle| {
        let mut pairs: BTreeMap<(&str, &str), Vec<&Import>> = BTreeMap::new();
        for import in &circle.imports {
            pairs.entry((&import.from, &import.to)).or_default().push(import);
        }
        let mut text = format!("{} files in a circle: {}", circle.files.len(), circle.files.join(" "));
        for ((from, to), imports) in pairs {
            let paths: BTreeSet<&str> = imports.iter().map(|import| import.path.as_str()).collect();
            let paths: Vec<&str> = paths.into_iter().collect();
            let _ = write!(text, "\n    {from}:{} imports {to} ({})", imports[0].line, paths.join(", "));
        }
        text
    };
    circles(tree).iter().map(text).collect()
}

fn controls() -> Vec<Control> {
    let room = |files: &[(&'static str, &'static str)]| [&[("src/lib.rs", "pub mod sys;")], files].concat();
    let facade = ("src/sys/mod.rs", "mod a; mod b; mod c; pub use a::A; pub use b::{B, Other as C};");
    vec![
        breaks(
            "2 files in a circle: src/sys/a.rs src/sys/b.rs\n    src/sys/a.rs:1 imports src/sys/b.rs (super::b::B)",
            &room(&[facade, ("src/sys/a.rs", "use super::b::B; pub struct A;"), ("src/sys/b.rs", "fn f(a: super::a::A) {}")]),
        ),
        // Through the re-exports of mod.rs, by another name, in a type and in a macro.
        breaks(
            "2 files in a circle",
            &room(&[facade, ("src/sys/a.rs", "fn f(c: super::C) {}"), ("src/sys/b.rs", "fn f() { m!(crate::sys::A::new()) }")]),
        ),
        // Through a module that is imported, then named.
        breaks(
            "2 files in a circle",
            &room(&[
                facade,
                ("src/sys/a.rs", "use crate::sys::b as other; fn f() { other::g() }"),
                ("src/sys/b.rs", "use super::*;"),
            ]),
        ),
        breaks(
            "3 files in a circle",
            &room(&[
                facade,
                ("src/sys/a.rs", "use super::b::B;"),
                ("src/sys/b.rs", "use super::c::C;"),
                ("src/sys/c.rs", "use super::A;"),
            ]),
        ),
        // A parent and its child; what a macro makes counts as what stands there.
        breaks(
            "src/sys/a.rs src/sys/a/b.rs",
            &room(&[facade, ("src/sys/a.rs", "mod b; use b::B; make! { A }"), ("src/sys/a/b.rs", "use super::A;")]),
        ),
        // A parent's import, used by its child.
        breaks(
            "src/sys/a.rs src/sys/a/b.rs",
            &room(&[facade, ("src/sys/a.rs", "mod b; use super::c::C; use b::B;"), ("src/sys/a/b.rs", "use super::C;")]),
        ),
        // Between the list in a mod.rs and what it lists.
        breaks(
            "src/sys/a.rs src/sys/mod.rs",
            &room(&[("src/sys/mod.rs", "mod a; const ALL: &[u8] = &[a::A];"), ("src/sys/a.rs", "use super::ALL;")]),
        ),
        keeps(&room(&[
            facade,
            ("src/sys/a.rs", "use super::{b, B}; fn f() { b::g() } mod child; mod inner { use super::super::B; }"),
            ("src/sys/a/child.rs", "use crate::sys::c::C;"),
            ("src/sys/b.rs", "use std::fmt; #[cfg(test)] mod tests { use super::super::A; } #[cfg(test)] mod more;"),
            ("src/sys/b/more.rs", "use super::*; use super::super::A;"),
            ("src/sys/c.rs", "use super::B; // super::A\nfn f(b: B) { let a = 1; a.b(); let [super_a] = [a]; }"),
        ])),
    ]
}
