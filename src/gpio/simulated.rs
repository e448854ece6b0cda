//! A header without a board: every line can be driven, every input has a button, and wires can be laid between two.
//! Every edge can be logged to a file, where another process sees what a real board would have shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, FileType};
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::{Board, BoardKind, GpioError, InputSettings, LineInfo};
use crate::model::{Event, EventKind, Level, Line, Monotonic, Pull};
use crate::sys::monotonic_now;

/// The simulated board.
#[derive(Debug)]
pub struct Simulated {
    name: String,
    outputs: BTreeMap<Line, Level>,
    pulls: BTreeMap<Line, Pull>,
    pressed: BTreeSet<Line>,
    /// From the input to the line that it follows.
    wires: BTreeMap<Line, Line>,
    bouncing: BTreeMap<Line, Bouncing>,
    log: Option<Log>,
}

/// A watched line whose changes count once they have lasted, as the kernel's debouncing has it.
#[derive(Debug)]
struct Bouncing {
    period: Duration,
    /// The level that counts.
    settled: Level,
    /// The level on the line, and since when.
    actual: Level,
    since: Monotonic,
}

impl Bouncing {
    /// When the level on the line will count, unless it changes before.
    fn due(&self) -> Option<Monotonic> {
        (self.actual != self.settled).then(|| self.since + self.period)
    }
}

/// The file of edges, and the levels that were written last.
#[derive(Debug)]
struct Log {
    path: String,
    file: File,
    levels: BTreeMap<Line, Level>,
    /// The last line was cut off, as by a full disk.
    is_torn: bool,
    /// Whether the user was told that edges are missing.
    has_failed: bool,
}

impl Log {
    /// A FIFO would keep us waiting for its reader, and a device may do something when it is opened: so the path is looked at first.
    fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(about) => must_be_regular(about.file_type())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut options = File::options();
        let file = options.append(true).create(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
        // Somebody may have put another one there meanwhile.
        must_be_regular(file.metadata()?.file_type())?;
        Ok(Self { path: path.display().to_string(), file, levels: BTreeMap::new(), is_torn: false, has_failed: false })
    }

    /// The level that was written last: no line was high before anything was written.
    fn last(&self, line: Line) -> Level {
        self.levels.get(&line).copied().unwrap_or(Level::Low)
    }

    /// Appends a line by one write, so that it stays whole beside those of other programs. Returns whether all of it was written.
    fn append(&mut self, line: &str) -> bool {
        let text = format!("{}{line}\n", if self.is_torn { "\n" } else { "" });
        let written = match self.file.write(text.as_bytes()) {
            Ok(written) if written == text.len() => {
                self.is_torn = false;
                return true;
            }
            Ok(written) => {
                self.is_torn |= written > 0;
                Ok(())
            }
            Err(error) => Err(error),
        };
        // The board has no other way to say so, and its edges reach the app all the same.
        if !std::mem::replace(&mut self.has_failed, true) {
            let why = written.err().map_or_else(|| "a line did not fit".to_owned(), |error| error.to_string());
            eprintln!("tasklab: could not write all edges to the board's log: {why}");
        }
        false
    }
}

/// Refuses all but a regular file.
fn must_be_regular(kind: FileType) -> io::Result<()> {
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::other(format!("it is {what}; name a regular file, or one that is not there yet")))
}

impl Simulated {
    /// A board with all lines as inputs, at rest; `model` is that of the Raspberry Pi that it runs on, if it is one.
    pub fn new(model: Option<&str>) -> Self {
        Self::named(model.map_or_else(|| "simulated board".to_owned(), |model| format!("{model}, simulated pins")))
    }

    /// The same, for a Raspberry Pi whose real header cannot be used.
    pub fn instead_of(model: &str, why: &GpioError) -> Self {
        Self::named(format!("{model}, simulated pins: {why}"))
    }

    fn named(name: String) -> Self {
        Self {
            name,
            outputs: BTreeMap::new(),
            pulls: BTreeMap::new(),
            pressed: BTreeSet::new(),
            wires: BTreeMap::new(),
            bouncing: BTreeMap::new(),
            log: None,
        }
    }

    /// Appends each edge to a file, as an event line whose time is that of the monotonic clock.
    pub fn logging_to(mut self, path: &Path) -> Result<Self, GpioError> {
        let cannot =
            |error: io::Error| GpioError::Kernel { what: format!("log edges to {}", path.display()), why: error.to_string() };
        self.log = Some(Log::open(path).map_err(cannot)?);
        Ok(self)
    }

    /// Writes the changes. A full disk must not keep a line from being made safe: an edge that was not written is tried again with the
    /// next change.
    fn log_edges(&mut self) {
        let Some(mut log) = self.log.take() else { return };
        for line in Line::all() {
            let level = self.actual(line);
            let kind = EventKind::Gpio { line, level };
            if log.last(line) != level && log.append(&Event { t: monotonic_now(), kind }.to_line()) {
                log.levels.insert(line, level);
            }
        }
        self.log = Some(log);
    }

    /// The level that counts. On a debounced line that is the last one that has lasted.
    fn level(&self, line: Line) -> Level {
        self.bouncing.get(&line).map_or_else(|| self.actual(line), |bouncing| bouncing.settled)
    }

    fn actual(&self, line: Line) -> Level {
        let at_rest = Level::high_if(self.pulls.get(&line) == Some(&Pull::Up));
        match (self.outputs.get(&line), self.wires.get(&line).and_then(|from| self.outputs.get(from))) {
            (Some(driven), _) | (None, Some(driven)) => *driven,
            // A button connects an input with the other potential than its resistor does.
            (None, None) if self.pressed.contains(&line) => !at_rest,
            (None, None) => at_rest,
        }
    }
}

impl Board for Simulated {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn kind(&self) -> BoardKind {
        BoardKind::Simulated(self.log.as_ref().map(|log| log.path.clone()))
    }

    fn drive(&mut self, line: Line, level: Level, _consumer: &str) -> Result<(), GpioError> {
        if self.pressed.contains(&line) {
            return Err(GpioError::Pressed(line));
        }
        let mut ends = self.followers(line);
        ends.extend(self.wires.get(&line));
        if let Some(other) = ends.into_iter().find(|end| self.outputs.contains_key(end)) {
            return Err(GpioError::Wired { line, from: other });
        }
        self.bouncing.remove(&line);
        self.outputs.insert(line, level);
        self.log_edges();
        Ok(())
    }

    fn watch(&mut self, line: Line, settings: InputSettings, _consumer: &str) -> Result<(), GpioError> {
        if let Some(pull) = settings.pull {
            self.pulls.insert(line, pull);
        }
        if let Some(period) = settings.debounce.filter(|period| !period.is_zero()) {
            let level = self.actual(line);
            self.bouncing.insert(line, Bouncing { period, settled: level, actual: level, since: Monotonic::ZERO });
        }
        self.log_edges();
        Ok(())
    }

    fn release(&mut self, line: Line) {
        self.outputs.remove(&line);
        self.pulls.remove(&line);
        self.bouncing.remove(&line);
        self.log_edges();
    }

    fn info(&self, line: Line) -> LineInfo {
        LineInfo { level: Some(self.level(line)), pull: self.pulls.get(&line).copied(), ..LineInfo::default() }
    }

    fn read(&mut self, line: Line) -> Result<Level, GpioError> {
        Ok(self.level(line))
    }

    fn press(&mut self, line: Line, is_pressed: bool) -> Result<(), GpioError> {
        if is_pressed {
            self.pressed.insert(line);
        } else {
            self.pressed.remove(&line);
        }
        self.log_edges();
        Ok(())
    }

    fn wire(&mut self, from: Line, to: Line) -> Result<(), GpioError> {
        if from == to || self.wires.contains_key(&from) || self.wires.values().any(|line| *line == to) {
            return Err(GpioError::NoWire { from, to });
        }
        self.wires.insert(to, from);
        self.log_edges();
        Ok(())
    }

    fn followers(&self, line: Line) -> Vec<Line> {
        self.wires.iter().filter(|(_, from)| **from == line).map(|(to, _)| *to).collect()
    }

    fn was_high(&mut self, line: Line) {
        if let Some(log) = &mut self.log {
            log.levels.insert(line, Level::High);
        }
        self.log_edges();
    }

    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn due(&self) -> Option<Monotonic> {
        self.bouncing.values().filter_map(Bouncing::due).min()
    }

    fn take_edges(&mut self, now: Monotonic) -> Vec<(Line, Level, Monotonic)> {
        let actual: Vec<Level> = self.bouncing.keys().map(|line| self.actual(*line)).collect();
        let mut edges = Vec::new();
        for ((line, bouncing), actual) in self.bouncing.iter_mut().zip(actual) {
            // The level until now, before that from now on.
            if let Some(due) = bouncing.due().filter(|due| now >= *due) {
                bouncing.settled = bouncing.actual;
                edges.push((*line, bouncing.settled, due));
            }
            if bouncing.actual != actual {
                (bouncing.actual, bouncing.since) = (actual, now);
            }
        }
        edges.sort_by_key(|(_, _, at)| *at);
        edges
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// (line, level) of each edge in a log.
    fn edges(path: &Path) -> Vec<(u8, u8)> {
        let text = fs::read_to_string(path).expect("there");
        let edge = |line: &str| match Event::from_line(line.as_bytes(), Monotonic::ZERO)
            .expect("a whole line")
            .expect("an event")
            .kind
        {
            EventKind::Gpio { line, level } => (line.number(), level.value()),
            other => panic!("{other:?}"),
        };
        text.lines().map(edge).collect()
    }

    #[test]
    fn a_log_is_a_regular_file_and_nothing_else_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&fifo, &link).expect("a link");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let what = |path: &Path| Simulated::new(None).logging_to(path).expect_err("no file").to_string();
        for (path, kind) in [
            (fifo.as_path(), "a FIFO"),
            (&link, "a FIFO"),
            (&socket, "a socket"),
            (folder.path(), "a folder"),
            (Path::new("/dev/null"), "a device"),
        ] {
            let error = what(path);
            assert!(error.contains(&path.display().to_string()) && error.contains(kind), "{error}");
        }
        // With a reader it could be opened, and would end with it.
        let _reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).expect("a reader");
        assert!(what(&fifo).contains("a FIFO"));
        let (file, link) = (folder.path().join("edges"), folder.path().join("to-edges"));
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        Simulated::new(None).logging_to(&link).expect("a link to a file that is not there yet");
        assert!(file.is_file());
    }

    #[test]
    fn two_programs_share_a_log_and_each_line_of_it_is_whole() {
        const EACH: usize = 3_000;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("edges");
        std::thread::scope(|scope| {
            for number in [17, 27] {
                let mut board = Simulated::new(None).logging_to(&path).expect("a log");
                scope.spawn(move || {
                    for change in 0..EACH {
                        board.drive(Line::gpio(number), Level::high_if(change % 2 == 0), "test").expect("free");
                    }
                });
            }
        });
        let edges = edges(&path);
        for number in [17, 27] {
            let levels: Vec<u8> = edges.iter().filter(|edge| edge.0 == number).map(|edge| edge.1).collect();
            assert_eq!(levels, [1, 0].repeat(EACH / 2), "GPIO{number}");
        }
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("edges");
        let mut log = Log::open(&path).expect("a log");
        log.file.write_all(b"half").expect("written");
        log.is_torn = true;
        assert!(log.append("next") && log.append("last"));
        assert_eq!(fs::read_to_string(&path).expect("there"), "half\nnext\nlast\n");
    }

    #[test]
    fn a_lost_boards_last_word_becomes_true() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("edges");
        let mut lost = Simulated::new(None).logging_to(&path).expect("a log");
        lost.wire(Line::gpio(17), Line::gpio(27)).expect("free");
        for number in [17, 5] {
            lost.drive(Line::gpio(number), Level::High, "test").expect("free");
        }
        lost.drive(Line::gpio(5), Level::Low, "test").expect("ours");
        drop(lost);
        let mut next = Simulated::new(None).logging_to(&path).expect("a log");
        for number in [17, 27] {
            next.was_high(Line::gpio(number));
        }
        assert_eq!(edges(&path), [(17, 1), (27, 1), (5, 1), (5, 0), (17, 0), (27, 0)]);
    }
}
