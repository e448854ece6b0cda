//! Settings of a Python program of the user's: the literals at its top level. Its file stays as it is; Task Lab has Python execute
//! `run_with_knobs.py`, which gives its place to the program with other literals in it. Reads the program's file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::engine::run::python::script;
use crate::engine::run::requests::LaunchError;
use crate::model::ChildSpec;
use crate::scenario::{Knob, changes, knobs};

/// The variable that tells the observer which literals stand where.
const VARIABLE: &str = "TASKLAB_KNOBS";

/// Bytes of a program whose settings are looked for.
const LONGEST: u64 = 1 << 20;

/// A place in the source, in bytes: its begin, its end, what stands there and what is put there.
type Put = (usize, usize, String, String);

/// The script of a Python program, and its source.
#[derive(Debug)]
pub struct OwnProgram {
    file: PathBuf,
    source: String,
}

impl OwnProgram {
    /// The script that this program executes. `None`: it is no Python program, or one without a script. The error says why the script
    /// cannot be read.
    pub fn of(spec: &ChildSpec) -> Option<Result<Self, String>> {
        let (words, at) = script(spec)?;
        let file = spec.cwd.as_ref().map_or_else(PathBuf::new, PathBuf::from).join(&words[at]);
        let found = std::path::absolute(&file).and_then(|absolute| Ok((read(&absolute)?, absolute)));
        let read = found.map(|(source, file)| Self { file, source });
        Some(read.map_err(|error| format!("could not read {}: {error}", file.display())))
    }

    /// Its file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What can be set, in the order of its lines.
    pub fn knobs(&self) -> Vec<Knob> {
        knobs(&self.source)
    }

    /// Has the program run with these values in place of its own.
    pub fn set(&self, spec: &mut ChildSpec, values: &BTreeMap<String, Value>) {
        let put: Vec<Put> = changes(&self.source, values)
            .into_iter()
            .map(|(place, literal)| (place.start, place.end, self.source[place].to_owned(), in_ascii(&literal)))
            .collect();
        if !put.is_empty() {
            let text = json!({ "file": self.file.to_string_lossy(), "put": put }).to_string();
            spec.env.push((VARIABLE.into(), text.into()));
        }
    }

    /// The source with what is set for this program.
    pub fn source_of(&self, spec: &ChildSpec) -> String {
        let set = spec.env.iter().find(|(name, _)| name == VARIABLE).and_then(|(_, text)| {
            let knobs: Value = serde_json::from_str(text.to_str()?).ok()?;
            serde_json::from_value::<Vec<Put>>(knobs["put"].clone()).ok()
        });
        let mut source = self.source.clone();
        for (begin, end, before, literal) in set.into_iter().flatten().rev() {
            if source.get(begin..end) == Some(&before) {
                source.replace_range(begin..end, &literal);
            }
        }
        source
    }
}

/// A literal of Python with the same value in a file of any encoding.
fn in_ascii(literal: &str) -> String {
    let escaped = |sign: char| if sign.is_ascii() { sign.to_string() } else { format!("\\U{:08x}", u32::from(sign)) };
    literal.chars().map(escaped).collect()
}

/// The text of a regular file. From a pipe it could be read only once, and perhaps never.
fn read(file: &Path) -> io::Result<String> {
    let about = std::fs::metadata(file)?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(io::Error::other("it is no file of at most a megabyte"));
    }
    std::fs::read_to_string(file)
}

/// Puts the program that knows of them before the script, where there are values for one.
pub(crate) fn let_it_have_them(
    spec: &mut ChildSpec,
    runner: impl FnOnce() -> Result<OsString, LaunchError>,
) -> Result<(), LaunchError> {
    if spec.env.iter().any(|(name, _)| name == VARIABLE)
        && let Some((mut words, at)) = script(spec)
    {
        spec.name = spec.display_name();
        words.insert(at, runner()?);
        spec.argv = words;
    }
    Ok(())
}
