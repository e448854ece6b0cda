//! A header without a board: every line can be driven, every input has a button, and wires can be laid between two.
//! Every edge can be logged to a file, where another process sees what a real board would have shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;

use super::board::{Look, Watch};
use super::{Board, BoardKind, GpioError, Level, Line};
use crate::model::{Event, EventKind, Monotonic, Pull};
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
    log: Option<Log>,
}

/// Where edges are written, and the levels that were written last.
#[derive(Debug)]
struct Log {
    path: String,
    file: File,
    levels: BTreeMap<Line, Level>,
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
            log: None,
        }
    }

    /// Appends each edge to a file, as an event line whose time is that of the monotonic clock.
    pub fn logging_to(mut self, path: &Path) -> Result<Self, GpioError> {
        let cannot =
            |error: io::Error| GpioError::Kernel { what: format!("log edges to {}", path.display()), why: error.to_string() };
        let file = File::options().append(true).create(true).open(path).map_err(cannot)?;
        self.log = Some(Log { path: path.display().to_string(), file, levels: BTreeMap::new() });
        Ok(self)
    }

    /// Writes what has changed. A full disk must not keep a line from being made safe.
    fn log_edges(&mut self) {
        let Some(mut log) = self.log.take() else { return };
        for line in Line::all() {
            let level = self.level(line);
            if log.levels.insert(line, level).unwrap_or(Level::Low) != level {
                let kind = EventKind::Gpio { line: line.number(), value: level.value() };
                let _ = writeln!(log.file, "{}", Event { t: monotonic_now(), kind }.to_line());
            }
        }
        self.log = Some(log);
    }

    fn level(&self, line: Line) -> Level {
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
            return Err(GpioError::Pressed(line.number()));
        }
        if let Some(from) = self.wires.get(&line).filter(|from| self.outputs.contains_key(from)) {
            return Err(GpioError::Wired { line: line.number(), from: from.number() });
        }
        self.outputs.insert(line, level);
        self.log_edges();
        Ok(())
    }

    fn watch(&mut self, line: Line, watch: Watch, _consumer: &str) -> Result<(), GpioError> {
        if let Some(pull) = watch.pull {
            self.pulls.insert(line, pull);
        }
        self.log_edges();
        Ok(())
    }

    fn let_go(&mut self, line: Line) {
        self.outputs.remove(&line);
        self.pulls.remove(&line);
        self.log_edges();
    }

    fn look(&self, line: Line) -> Look {
        Look { level: Some(self.level(line)), pull: self.pulls.get(&line).copied(), ..Look::default() }
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
            return Err(GpioError::NoWire { from: from.number(), to: to.number() });
        }
        self.wires.insert(to, from);
        self.log_edges();
        Ok(())
    }

    fn followers(&self, line: Line) -> Vec<Line> {
        self.wires.iter().filter(|(_, from)| **from == line).map(|(to, _)| *to).collect()
    }

    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn take_edges(&mut self) -> Vec<(Line, Level, Monotonic)> {
        Vec::new()
    }
}
