//! Saving a run: its recording as event lines, its processes as a table. A thread of its own writes, and reports to the engine at the
//! end. A file has its name only once it is whole.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::engine::drive::bell::Bell;
use crate::engine::drive::place::write_whole;
use crate::engine::fold::numbers::count;
use crate::engine::run::recording::{Contents, Saving};
use crate::model::{Monotonic, ProcessRow};
use crate::sys::start_thread;

/// Saves at the same time, at most.
const MOST: usize = 8;
/// Numbers that are tried for a file name.
const MOST_NAMES: u32 = 10_000;

/// Starts saves, and receives their results.
#[derive(Debug)]
pub(crate) struct Saver {
    sender: Sender<String>,
    bell: Bell,
    pub(crate) done: Receiver<String>,
}

impl Saver {
    pub(crate) fn new(bell: Bell) -> Self {
        let (sender, done) = bounded(MOST);
        Self { sender, bell, done }
    }

    /// Writes files on a thread of its own. The result is a sentence in `done`.
    pub(crate) fn save(&self, saving: Saving) -> io::Result<()> {
        let (sender, bell) = (self.sender.clone(), self.bell.clone());
        let write = move || {
            let said = match place().and_then(|folder| write(&folder, &saving)) {
                Ok(text) => text,
                Err(error) => format!("could not save the run: {error}"),
            };
            if sender.try_send(said).is_ok() {
                bell.ring();
            }
        };
        start_thread("save", write).map(drop)
    }
}

/// The folder for saved files: `Task Lab` in the documents, or in the home folder if there are no documents.
fn place() -> io::Result<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let home = home.ok_or_else(|| io::Error::other("HOME is not set, so that there is no folder for it"))?;
    let documents = home.join("Documents");
    Ok(if documents.is_dir() { documents } else { home }.join("Task Lab"))
}

fn write(folder: &Path, saving: &Saving) -> io::Result<String> {
    fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
    let file = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lost = |dropped: u64, what: &str| match dropped {
        0 => String::new(),
        lost => format!("; {} no longer in memory", count(lost, &format!("older {what} was"), &format!("older {what}s were"))),
    };
    let saved = match &saving.contents {
        Contents::Run { events, dropped, processes } => {
            let [lines, table] = free_names(folder, &saving.name, ["jsonl", "csv"])?;
            keep(&lines, |file| events.iter().try_for_each(|event| writeln!(file, "{}", event.to_line())))?;
            keep(&table, |file| file.write_all(csv(processes).as_bytes()))?;
            let (lines, table, lost) = (file(&lines), file(&table), lost(*dropped, "event"));
            let (events, processes) =
                (count(events.len() as u64, "event", "events"), count(processes.len() as u64, "process", "processes"));
            format!("{lines} ({events}), {table} ({processes}){lost}")
        }
        Contents::Edges { waveform, until } => {
            let [dump, table] = free_names(folder, &format!("{}-edges", saving.name), ["vcd", "csv"])?;
            keep(&dump, |mut file| waveform.write_vcd(&mut file, &saving.name, *until))?;
            keep(&table, |mut file| waveform.write_csv(&mut file))?;
            let lost = lost(waveform.dropped(), "edge");
            format!("{} and {} ({}){lost}", file(&dump), file(&table), count(waveform.len() as u64, "edge", "edges"))
        }
    };
    Ok(format!("✔ Saved in {}: {saved}.", folder.display()))
}

/// The first pair of file names that are both free.
fn free_names(folder: &Path, name: &str, extensions: [&str; 2]) -> io::Result<[PathBuf; 2]> {
    let pair = |number: u32| extensions.map(|extension| folder.join(format!("{name}-{number:03}.{extension}")));
    let free = (1..=MOST_NAMES).map(pair).find(|pair| pair.iter().all(|path| fs::symlink_metadata(path).is_err()));
    free.ok_or_else(|| io::Error::other(format!("{} is full of recordings of {name}; delete some", folder.display())))
}

/// Writes a file that has its name only when all of it is on the disk.
fn keep(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    write_whole(path, fill).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The processes as a spreadsheet reads them.
fn csv(processes: &[ProcessRow]) -> String {
    let mut text =
        String::from("pid,ppid,pgid,sid,depth,name,command,state,status,orphan,rss_bytes,started_s,ended_s,reaped_s\n");
    for row in processes {
        let seconds = |t: Option<Monotonic>| t.map_or_else(String::new, |t| format!("{:.6}", t.secs()));
        let status = row.status.map_or_else(String::new, |status| status.to_string());
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{},{:.6},{},{}",
            row.pid,
            row.ppid,
            row.pgid,
            row.sid,
            row.depth,
            cell(&row.name),
            cell(&row.command),
            row.state.word(),
            cell(&status),
            row.is_orphan,
            row.rss,
            row.started.secs(),
            seconds(row.ended),
            seconds(row.reaped)
        );
    }
    text
}

/// A text as a cell: quoted, and never taken for a formula.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = text.replace('"', "\"\"");
    if is_formula { format!("\"'{text}\"") } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gpio::Waveform;
    use crate::model::{Event, EventKind, Level, Line};

    fn saving() -> Saving {
        let event = Event { t: Monotonic::ZERO, kind: EventKind::Notice { text: "x".to_owned() } };
        let events = std::iter::repeat_n(Arc::new(event), 3).collect();
        Saving { name: "zombie".to_owned(), contents: Contents::Run { events, dropped: 2, processes: Vec::new() } }
    }

    #[test]
    fn each_save_has_its_own_names_and_nothing_half_written_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("Documents/Task Lab");
        for number in 1..=2 {
            let said = write(&place, &saving()).expect("writes");
            assert!(said.contains(&format!("zombie-00{number}.jsonl (3 events)")) && said.contains("2 older events"), "{said}");
        }
        let mut names: Vec<_> = fs::read_dir(&place).expect("there").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, ["zombie-001.csv", "zombie-001.jsonl", "zombie-002.csv", "zombie-002.jsonl"]);
        let lines = fs::read_to_string(place.join("zombie-001.jsonl")).expect("there");
        assert!(lines.lines().all(|line| Event::from_line(line.as_bytes(), Monotonic::ZERO).is_ok_and(|event| event.is_some())));
        assert_eq!(lines.lines().count(), 3);
    }

    #[test]
    fn the_edges_are_saved_for_a_viewer_and_for_a_spreadsheet() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut waveform = Waveform::with_limit(10);
        waveform.push(Monotonic::from_nanos(5), Line::gpio(17), Level::High);
        let contents = Contents::Edges { waveform, until: Monotonic::from_nanos(9) };
        let said = write(folder.path(), &Saving { name: "blink".to_owned(), contents }).expect("writes");
        assert!(said.contains("blink-edges-001.vcd and blink-edges-001.csv (1 edge)"), "{said}");
        let read = |name| fs::read_to_string(folder.path().join(name)).expect("there");
        assert!(read("blink-edges-001.vcd").ends_with("#5\n12\n#9\n"));
        assert_eq!(read("blink-edges-001.csv").lines().count(), 2);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("writes");
        let error = write(&file.join("below"), &saving()).expect_err("a file is no folder").to_string();
        assert!(error.contains("file/below"), "{error}");
    }

    #[test]
    fn a_name_with_quotes_or_a_formula_stays_a_text() {
        assert_eq!(cell("say \"hi\", you"), "\"say \"\"hi\"\", you\"");
        assert_eq!(cell("=cmd()"), "\"'=cmd()\"");
    }
}
