//! A recording on disk: event lines, under another name until the run is over. Runs on the main thread.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::CliError;
use super::whole_lines::WholeLines;

/// A file of event lines. Dropped before [`finish`](Self::finish), what was written stays under the other name.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    /// Where it grows; `None` where that is `path` itself, because it is no regular file.
    partial: Option<PathBuf>,
    file: WholeLines<File>,
}

impl RecordFile {
    /// Opens it, or says why not, before anything runs.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        let partial = (!is_special).then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(".partial");
            PathBuf::from(name)
        });
        let place = partial.as_deref().unwrap_or(path);
        let file = if is_special { File::options().write(true).open(place) } else { File::create(place) };
        let file = file.map_err(|error| CliError::Missing(format!("could not record to {}: {error}", place.display())))?;
        Ok(Self { path: path.to_owned(), partial, file: WholeLines::new(file) })
    }

    /// Appends one line.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())?;
        self.file.write_all(b"\n")
    }

    /// For what has a form of its own.
    pub(super) const fn writer(&mut self) -> &mut WholeLines<File> {
        &mut self.file
    }

    /// What was held back goes to the file, so that nothing is missing should we be killed.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// The run is over: the recording gets its name.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        let done = self.file.flush().and_then(|()| match &self.partial {
            Some(partial) => self.file.get_ref().sync_all().and_then(|()| fs::rename(partial, &self.path)),
            None => Ok(()),
        });
        done.map_err(|error| self.failed(&error))
    }

    /// Why it is not complete.
    pub(super) fn failed(&self, error: &io::Error) -> CliError {
        let place = self.partial.as_ref().unwrap_or(&self.path);
        CliError::Missing(format!(
            "could not record to {}: {error}; what was written so far is in {}",
            self.path.display(),
            place.display()
        ))
    }
}

#[cfg(test)]
mod tests {
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
}
