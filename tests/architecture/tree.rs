//! The files that the rules look at: those of the package, or made-up ones.
//! Runs in the test's thread; must not judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::imports::{self, Import};
use crate::source::{self, Source};

/// The folders that we look into, beside the manifest and the reasons of the dependencies.
const FOLDERS: &[&str] = &["src", "tests", "benches", "assets"];

/// Files by their paths in the package.
#[derive(Debug, Default)]
pub struct Tree {
    /// All files.
    pub files: BTreeMap<String, File>,
    /// The imports between the files under src, test modules left out.
    pub imports: Vec<Import>,
    tests: BTreeSet<String>,
}

/// A file.
#[derive(Debug, Default)]
pub struct File {
    /// Its contents, if it is text.
    pub text: String,
    /// Its source, if it is Rust.
    pub rust: Option<Source>,
}

impl Tree {
    /// The package's own.
    pub fn of_the_package() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = ["Cargo.toml", "deny.toml"].map(|name| read(package, &package.join(name))).to_vec();
        let mut folders: Vec<_> = FOLDERS.iter().map(|folder| package.join(folder)).collect();
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("could not list {}: {error}", folder.display()));
            for path in entries.flatten().map(|entry| entry.path()) {
                if !path.is_dir() {
                    files.push(read(package, &path));
                } else if !path.ends_with("__pycache__") {
                    folders.push(path);
                }
            }
        }
        assert!(files.len() > 100, "the package was not read: {} files", files.len());
        Self::new(files)
    }

    /// Of paths and texts.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            let rust = (ending(&path) == "rs").then(|| Source::read(&text).unwrap_or_else(|error| panic!("{path}: {error}")));
            tree.files.insert(path, File { text, rust });
        }
        tree.tests = tree.test_files();
        tree.imports = imports::imports(&tree);
        tree
    }

    /// The files of Rust under src, in order of their paths.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        let sources = self.files.iter().filter_map(|(path, file)| Some((path.as_str(), file.rust.as_ref()?)));
        sources.filter(|(path, _)| path.starts_with("src/"))
    }

    /// Whether what stands there in a file under src is compiled for tests alone.
    pub fn is_test(&self, path: &str, at: &source::Place) -> bool {
        at.is_test || self.tests.contains(&imports::module_of(path))
    }

    /// How many fields a type of this name has under a folder, and the files there that hold an `impl` of it.
    pub fn size_of(&self, folder: &str, name: &str) -> (usize, Vec<&str>) {
        let fields_in = |kind: &str, source: &Source| {
            source.items.iter().find(|item| item.kind == kind && item.name == name).map(|item| item.fields)
        };
        let sources = || self.sources().filter(|(path, _)| path.starts_with(folder));
        let fields = sources().filter_map(|(_, source)| fields_in("struct", source)).sum();
        let files = sources().filter(|(_, source)| fields_in("impl", source).is_some()).map(|(path, _)| path).collect();
        (fields, files)
    }

    /// How many files stand in each folder itself.
    pub fn folders(&self) -> BTreeMap<&str, usize> {
        let mut folders = BTreeMap::new();
        for (folder, _) in self.files.keys().filter_map(|path| path.rsplit_once('/')) {
            *folders.entry(folder).or_default() += 1;
        }
        folders
    }

    /// The modules that have files of their own under a module that is compiled for tests alone, and those modules.
    fn test_files(&self) -> BTreeSet<String> {
        let mut roots = Vec::new();
        for (path, source) in self.sources() {
            for item in source.items.iter().filter(|item| item.kind == "mod" && item.at.is_test) {
                roots.push(imports::inner(&imports::module_of(path), item.at.modules.iter().chain([&item.name])));
            }
        }
        let is_below = |module: &str, root: &String| {
            module.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.sources()
            .map(|(path, _)| imports::module_of(path))
            .filter(|module| roots.iter().any(|root| is_below(module, root)))
            .collect()
    }
}

/// The text behind the last point of a path; empty where there is none.
pub fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// A file's path in the package, and its text; none where it is not text.
fn read(package: &Path, path: &Path) -> (String, String) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("could not read {}: {error}", path.display()));
    let name = path.strip_prefix(package).unwrap_or(path).display().to_string();
    (name, String::from_utf8(bytes).unwrap_or_default())
}
