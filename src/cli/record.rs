//! A file of event lines, which has another name until the run is over. Runs on the main thread.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::out::Out;
use super::whole_lines::WholeLines;
use crate::engine::{Place, Target, WholeFile};

/// A file of event lines. If it is dropped before [`finish`](Self::finish), what was written stays under the other name.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    destination: Destination,
}

#[derive(Debug)]
enum Destination {
    /// A regular file, which gets its name at the end.
    Whole(WholeLines<WholeFile>),
    /// A device, a FIFO or a descriptor, which is written to as it is.
    Stream(WholeLines<Out<OwnedFd>>),
}

impl RecordFile {
    /// Opens it, before anything runs.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let destination = match Place::of(path).and_then(Place::open).map_err(|error| cannot(path, &error))? {
            Target::Whole(file) => Destination::Whole(WholeLines::new(file)),
            Target::Stream(fd) => Destination::Stream(WholeLines::new(Out::new(fd))),
        };
        Ok(Self { path: path.to_owned(), destination })
    }

    /// Appends one line.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        self.writer().write_all(line.as_bytes())?;
        self.writer().write_all(b"\n")
    }

    /// For another format than lines.
    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match &mut self.destination {
            Destination::Whole(file) => file,
            Destination::Stream(out) => out,
        }
    }

    /// Writes what is buffered, so that nothing is missing if we are killed.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }

    /// The run is over: the recording gets its name.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        self.flush().map_err(|error| self.failed(&error))?;
        let Destination::Whole(file) = self.destination else { return Ok(()) };
        let partial = file.get_ref().partial().to_owned();
        let finished = file.into_inner().and_then(WholeFile::finish);
        finished.map_err(|error| incomplete(&self.path, &partial, &error))
    }

    /// The error that says why it is not complete.
    pub(super) fn failed(&self, error: &io::Error) -> CliError {
        match &self.destination {
            Destination::Whole(file) => incomplete(&self.path, file.get_ref().partial(), error),
            Destination::Stream(_) => cannot(&self.path, error),
        }
    }
}

fn cannot(path: &Path, error: &io::Error) -> CliError {
    CliError::Missing(format!("could not record to {}: {error}", path.display()))
}

fn incomplete(path: &Path, partial: &Path, error: &io::Error) -> CliError {
    let (path, partial) = (path.display(), partial.display());
    CliError::Missing(format!("could not record to {path}: {error}; what was written so far is in {partial}"))
}

/// Refuses two options that name one file, or one that names the file in which the other's grows.
pub(super) fn refuse_same_file(files: &[(&str, &Path)]) -> Result<(), CliError> {
    let mut places: Vec<(&str, &Path, Place)> = Vec::new();
    for (option, path) in files {
        // A path that leads nowhere is refused when it is opened.
        let Ok(place) = Place::of(path) else { continue };
        let grows_in = |one: &Place, other: &Place| one.partial().is_some_and(|partial| *other == Place::Name(partial));
        let clash = places.iter().find(|(.., other)| place.is_same(other) || grows_in(&place, other) || grows_in(other, &place));
        if let Some((other, other_path, _)) = clash {
            let (path, other_path) = (path.display(), other_path.display());
            return Err(CliError::Usage(format!("{other} {other_path} and {option} {path} would be the same file; name two")));
        }
        places.push((option, path, place));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_recording_has_its_name_only_when_it_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        let mut record = RecordFile::create(&path).expect("writable");
        record.line("{}").expect("writes");
        record.flush().expect("writes");
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(folder.path().join("a.jsonl.partial")).expect("there"), "{}\n");
        record.finish().expect("renames");
        assert_eq!(fs::read_to_string(&path).expect("there"), "{}\n");
        let error = RecordFile::create(&folder.path().join("no/a")).expect_err("no folder").to_string();
        assert!(error.contains("no/a") && error.contains("os error 2"), "{error}");
        RecordFile::create(Path::new("/dev/null")).expect("a device is written to as it is").finish().expect("nothing to rename");
    }

    #[test]
    fn two_names_of_one_file_are_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "old").expect("written");
        fs::hard_link(at("a"), at("hard")).expect("linked");
        std::os::unix::fs::symlink("a", at("soft")).expect("linked");
        for (one, other) in
            [("a", "a"), ("a", "./a"), ("soft", "hard"), ("new", "new"), ("new", "new.partial"), ("b.partial", "b")]
        {
            let error = refuse_same_file(&[("--vcd", &at(one)), ("--csv", &at(other))]).expect_err("refused").to_string();
            assert!(error.contains("--vcd") && error.contains("--csv"), "{error}");
        }
        let error = refuse_same_file(&[("--record", Path::new("/dev/stdout")), ("--csv", Path::new("/proc/self/fd/1"))]);
        assert!(error.is_err());
        refuse_same_file(&[("--record", &at("a")), ("--vcd", &at("b")), ("--csv", &at("c"))]).expect("the control");
        assert_eq!(fs::read_to_string(at("a")).expect("there"), "old");
    }
}
