//! A header without a board: every line can be driven, every input has a button, and wires can be laid between two. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;

use super::board::{Look, Watch};
use super::{Board, BoardKind, GpioError, Level, Line};
use crate::model::{Monotonic, Pull};

/// The simulated board.
#[derive(Debug)]
pub struct Simulated {
    name: String,
    outputs: BTreeMap<Line, Level>,
    pulls: BTreeMap<Line, Pull>,
    pressed: BTreeSet<Line>,
    /// From the input to the line that it follows.
    wires: BTreeMap<Line, Line>,
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
        Self { name, outputs: BTreeMap::new(), pulls: BTreeMap::new(), pressed: BTreeSet::new(), wires: BTreeMap::new() }
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
        BoardKind::Simulated
    }

    fn drive(&mut self, line: Line, level: Level, _consumer: &str) -> Result<(), GpioError> {
        if self.pressed.contains(&line) {
            return Err(GpioError::Pressed(line.number()));
        }
        if let Some(from) = self.wires.get(&line).filter(|from| self.outputs.contains_key(from)) {
            return Err(GpioError::Wired { line: line.number(), from: from.number() });
        }
        self.outputs.insert(line, level);
        Ok(())
    }

    fn watch(&mut self, line: Line, watch: Watch, _consumer: &str) -> Result<(), GpioError> {
        if let Some(pull) = watch.pull {
            self.pulls.insert(line, pull);
        }
        Ok(())
    }

    fn let_go(&mut self, line: Line) {
        self.outputs.remove(&line);
        self.pulls.remove(&line);
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
        Ok(())
    }

    fn wire(&mut self, from: Line, to: Line) -> Result<(), GpioError> {
        if from == to || self.wires.contains_key(&from) || self.wires.values().any(|line| *line == to) {
            return Err(GpioError::NoWire { from: from.number(), to: to.number() });
        }
        self.wires.insert(to, from);
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
