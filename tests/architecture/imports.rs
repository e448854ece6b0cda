//! Which file imports from which: each path is followed to the file that holds what it names, and through the re-exports of a `mod.rs`.
//! A path through another file's re-export leads to that file: its text is what the path depends on. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Path;
use crate::tree::Tree;

/// A path that leads from one file to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file that names it.
    pub from: String,
    /// The file that holds what is named.
    pub to: String,
    /// The line of the path, from 1.
    pub line: usize,
    /// As it is written.
    pub path: String,
}

/// More re-exports in a row than there are.
const DEPTH: usize = 16;

/// The module that a file under src is: `engine::run` for `src/engine/run.rs`. The crate itself is the empty one.
pub fn module_of(file: &str) -> String {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    if path == "lib" { String::new() } else { path.strip_suffix("/mod").unwrap_or(path).replace('/', "::") }
}

/// The module that these names lead to from `module`.
pub fn inner<'a>(module: &str, names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().fold(module.to_owned(), |module, name| join(&module, name))
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn parent(module: &str) -> String {
    module.rsplit_once("::").map_or("", |(parent, _)| parent).to_owned()
}

/// Whether only docs and re-exports are expected in it.
fn is_facade(file: &str) -> bool {
    file.ends_with("/mod.rs") || file == "src/lib.rs"
}

/// The names that a module of the crate binds.
struct Module<'a> {
    file: &'a str,
    is_facade: bool,
    items: BTreeSet<&'a str>,
    uses: Vec<(&'a str, &'a [String])>,
}

impl<'a> Module<'a> {
    const fn of(file: &'a str, is_facade: bool) -> Self {
        Self { file, is_facade, items: BTreeSet::new(), uses: Vec::new() }
    }

    fn imported(&self, name: &str) -> Option<&'a [String]> {
        self.uses.iter().find(|(bound, _)| *bound == name).map(|(_, path)| *path)
    }
}

/// Where a path leads.
enum End {
    File(String),
    Module(String),
}

struct Modules<'a>(BTreeMap<String, Module<'a>>);

/// All imports between the files under src, in order.
pub fn imports(tree: &Tree) -> Vec<Import> {
    let modules = Modules::of(tree);
    let mut found = BTreeSet::new();
    for (file, source) in tree.sources().filter(|(file, _)| *file != "src/main.rs") {
        // A facade's re-exports are not its own: paths go on through them.
        let paths = source.paths.iter().filter(|path| !(tree.is_test(file, &path.at) || is_facade(file) && path.binds.is_some()));
        for path in paths {
            for to in modules.files(&inner(&module_of(file), &path.at.modules), path) {
                if to != file {
                    found.insert(Import { from: file.to_owned(), to, line: path.at.line, path: path.segments.join("::") });
                }
            }
        }
    }
    found.into_iter().collect()
}

impl<'a> Modules<'a> {
    fn of(tree: &'a Tree) -> Self {
        let mut modules = BTreeMap::new();
        for (file, source) in tree.sources().filter(|(file, _)| *file != "src/main.rs") {
            modules.insert(module_of(file), Module::of(file, is_facade(file)));
            for item in source.items.iter().filter(|item| !item.at.is_test && !matches!(item.kind, "use" | "impl" | "mod")) {
                let module = modules.entry(inner(&module_of(file), &item.at.modules)).or_insert_with(|| Module::of(file, false));
                module.items.insert(&item.name);
            }
            for path in source.paths.iter().filter(|path| !path.at.is_test) {
                if let Some(name) = &path.binds {
                    let module =
                        modules.entry(inner(&module_of(file), &path.at.modules)).or_insert_with(|| Module::of(file, false));
                    module.uses.push((name, &path.segments));
                }
            }
        }
        Self(modules)
    }

    /// The files that a path leads to: several only for a `*` through re-exports.
    fn files(&self, scope: &str, path: &Path) -> Vec<String> {
        let (segments, is_glob) = match &path.segments[..] {
            [front @ .., last] if last == "*" => (front, true),
            // The import of the first name says it already, or it is a name of this module.
            all if path.binds.is_none() && matches!(self.resolve(scope, &all[..1], DEPTH), Some(End::File(_))) => {
                return Vec::new();
            }
            all => (all, false),
        };
        match self.resolve(scope, segments, DEPTH) {
            Some(End::File(file)) => vec![file],
            Some(End::Module(module)) if is_glob => self.all_of(&module),
            // The module alone says nothing: the paths that begin with it do.
            Some(End::Module(_)) | None => Vec::new(),
        }
    }

    fn all_of(&self, module: &str) -> Vec<String> {
        let Some(of) = self.0.get(module) else { return Vec::new() };
        if !of.is_facade {
            return vec![of.file.to_owned()];
        }
        let ends = of.uses.iter().filter_map(|(_, path)| self.resolve(module, path, DEPTH));
        ends.filter_map(|end| if let End::File(file) = end { Some(file) } else { None }).collect()
    }

    fn resolve(&self, scope: &str, path: &[String], depth: usize) -> Option<End> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "tasklab" => self.walk(String::new(), rest, depth),
            "self" => self.walk(scope.to_owned(), rest, depth),
            "super" => self.walk(parent(scope), rest, depth),
            _ => self.step(scope, first, rest, true, depth),
        }
    }

    fn walk(&self, module: String, path: &[String], depth: usize) -> Option<End> {
        match path.split_first() {
            None => Some(End::Module(module)),
            Some((name, rest)) if name == "super" => self.walk(parent(&module), rest, depth),
            Some((name, rest)) => self.step(&module, name, rest, false, depth),
        }
    }

    /// One name further; `is_own` where the path stands in this very module, so that its own imports are seen.
    fn step(&self, module: &str, name: &str, rest: &[String], is_own: bool, depth: usize) -> Option<End> {
        let child = join(module, name);
        if self.0.contains_key(&child) {
            return self.walk(child, rest, depth);
        }
        let at = self.0.get(module)?;
        if (at.is_facade || is_own)
            && let Some(path) = at.imported(name)
        {
            return self.resolve(module, &[path, rest].concat(), depth);
        }
        if at.items.contains(name) || !(at.is_facade || is_own) {
            // In a file of its own a name that is not seen comes from a macro, or through a re-export.
            return Some(End::File(at.file.to_owned()));
        }
        let globs = at.uses.iter().filter(|(bound, _)| *bound == "*" && at.is_facade);
        globs
            .map(|(_, path)| [&path[..path.len() - 1], &[name.to_owned()], rest].concat())
            .find_map(|path| self.resolve(module, &path, depth))
    }
}
