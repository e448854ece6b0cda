//! Files of edges: `--vcd` for waveform viewers, `--csv` for spreadsheets. They are opened before anything runs, and written at the end. A
//! file has its name only once it is whole. Runs on the main thread.

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::{CliError, complain};
use super::record::RecordFile;
use crate::gpio::Waveform;
use crate::model::{Event, EventKind, Monotonic};

/// Edges that are kept for the files, in 16 bytes each.
const MAX_EDGES: usize = 1 << 24;

/// Where the edges are written.
#[derive(Debug, Default, Args)]
pub(super) struct EdgeArguments {
    /// Writes the edges of the GPIO lines to a file for viewers of waveforms (value change dump)
    #[arg(long, value_name = "FILE")]
    vcd: Option<PathBuf>,
    /// Writes the edges of the GPIO lines to a table: seconds, line, physical pin, level
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl EdgeArguments {
    /// The files that are asked for, with their options.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [("--vcd", &self.vcd), ("--csv", &self.csv)].into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?)))
    }
}

/// The files, and the edges that will be in them.
#[derive(Debug)]
pub(super) struct EdgeFiles {
    vcd: Option<RecordFile>,
    csv: Option<RecordFile>,
    waveform: Waveform,
    latest: Monotonic,
}

impl EdgeFiles {
    /// Opens them, before anything runs.
    pub(super) fn create(arguments: &EdgeArguments) -> Result<Self, CliError> {
        let vcd = arguments.vcd.as_deref().map(RecordFile::create).transpose()?;
        let csv = arguments.csv.as_deref().map(RecordFile::create).transpose()?;
        Ok(Self { vcd, csv, waveform: Waveform::with_limit(MAX_EDGES), latest: Monotonic::ZERO })
    }

    /// Keeps the edge, if the event is one.
    pub(super) fn on_event(&mut self, event: &Event) {
        self.advance(event.t);
        if let EventKind::Gpio { line, level } = event.kind
            && (self.vcd.is_some() || self.csv.is_some())
        {
            self.waveform.push(event.t, line, level);
        }
    }

    /// The recording lasts until this time, at least.
    pub(super) fn advance(&mut self, t: Monotonic) {
        self.latest = self.latest.max(t);
    }

    /// Writes them. `title` says what was watched.
    pub(super) fn finish(self, title: &str) -> Result<(), CliError> {
        let (waveform, latest) = (self.waveform, self.latest);
        for (file, is_dump) in [(self.vcd, true), (self.csv, false)] {
            let Some(mut file) = file else { continue };
            let mut out = file.writer();
            let written = if is_dump { waveform.write_vcd(&mut out, title, latest) } else { waveform.write_csv(&mut out) };
            written.map_err(|error| file.failed(&error))?;
            file.finish()?;
        }
        if waveform.dropped() > 0 {
            complain(&format!("note: {} older edges did not fit into memory and are missing", waveform.dropped()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, Line};

    #[test]
    fn both_files_have_their_names_when_they_are_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name| Some(folder.path().join(name));
        let mut files = EdgeFiles::create(&EdgeArguments { vcd: place("a.vcd"), csv: place("a.csv") }).expect("writable");
        for (t, level) in [(5, Level::High), (9, Level::Low)] {
            files.on_event(&Event { t: Monotonic::from_nanos(t), kind: EventKind::Gpio { line: Line::gpio(17), level } });
        }
        files.on_event(&Event { t: Monotonic::from_nanos(12), kind: EventKind::Notice { text: "the end".to_owned() } });
        assert!(!folder.path().join("a.vcd").exists() && !folder.path().join("a.csv").exists());
        files.finish("blink").expect("writes");
        let read = |name| std::fs::read_to_string(folder.path().join(name)).expect("there");
        assert!(read("a.vcd").ends_with("#5\n12\n#9\n02\n#12\n"));
        assert!(read("a.csv").ends_with("0.000000005,GPIO17,11,1\n0.000000009,GPIO17,11,0\n"));
        let missing = EdgeArguments { vcd: place("no/a.vcd"), csv: None };
        assert!(EdgeFiles::create(&missing).expect_err("no such folder").to_string().contains("no/a.vcd"));
    }
}
