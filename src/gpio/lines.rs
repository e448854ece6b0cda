//! The rules for a header's lines: one owner each, no more outputs high than a board can feed, safe levels, and the log of edges.
//! Belongs to the supervisor's thread; never waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::BorrowedFd;

use serde::{Deserialize, Serialize};

use super::{Board, BoardKind, GpioError, InputSettings};
use crate::model::{BoardView, Level, Line, Monotonic, PinFunction, PinView};

/// Outputs that may be high at once: with an LED at some 6 mA each they stay below the 50 mA that a real header gives.
const MOST_HIGH: usize = 8;

/// Edges that are kept for readers who come late.
const EDGES_KEPT: usize = 4096;

/// The owner of lines that are made safe after a supervisor was lost.
const RECOVERY: &str = "recovery";

/// A line that changed its level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Counts the edges from 1; a gap in what a reader gets says how many it has missed.
    pub sequence: u64,
    /// When, on the monotonic clock: the kernel's own time where it has one.
    pub t: Monotonic,
    /// Which line.
    pub line: Line,
    /// Its level since then.
    pub level: Level,
    /// The owner that drove or watched it; `None` for a button.
    pub owner: Option<String>,
}

/// A line that is driven.
#[derive(Debug)]
struct Driven {
    owner: String,
    level: Level,
    safe: Level,
}

/// A board's lines, and their owners.
#[derive(Debug)]
pub struct Lines {
    board: Box<dyn Board>,
    driven: BTreeMap<Line, Driven>,
    watched: BTreeMap<Line, BTreeSet<String>>,
    edges: VecDeque<Edge>,
    sequence: u64,
    /// The level that was told last, for where none can be read.
    told: BTreeMap<Line, Level>,
    most_high: usize,
}

impl Lines {
    /// The lines of this board, none of them ours.
    pub const fn new(board: Box<dyn Board>) -> Self {
        Self {
            board,
            driven: BTreeMap::new(),
            watched: BTreeMap::new(),
            edges: VecDeque::new(),
            sequence: 0,
            told: BTreeMap::new(),
            most_high: MOST_HIGH,
        }
    }

    /// The same with another limit of outputs that may be high at once.
    #[must_use]
    pub const fn with_most_high(mut self, most_high: usize) -> Self {
        self.most_high = most_high;
        self
    }

    /// Takes another board. Not while a line is in use.
    pub fn change_board(&mut self, board: Box<dyn Board>) -> Result<(), GpioError> {
        let in_use = self.driven.iter().map(|(line, driven)| (line, driven.owner.clone()));
        let in_use = in_use.chain(self.watched.iter().map(|(line, owners)| (line, owners.iter().cloned().collect())));
        if let Some((&line, holder)) = in_use.into_iter().next() {
            return Err(GpioError::Held { line, holder });
        }
        self.board = board;
        self.told.clear();
        Ok(())
    }

    /// The header as it is now.
    pub fn view(&self) -> BoardView {
        let pins = (1..=40).filter_map(PinFunction::at_pin);
        let pins = pins.map(|function| function.line().map_or_else(|| PinView::new(function), |line| self.pin(line)));
        BoardView {
            name: self.board.name(),
            backend: self.board.kind().word().to_owned(),
            pull_unknown: self.board.pull_unknown().cloned(),
            pins: pins.collect(),
        }
    }

    fn pin(&self, line: Line) -> PinView {
        let info = self.board.info(line);
        let driven = self.driven.get(&line);
        let watchers = self.watched.get(&line).map(|owners| owners.iter().cloned().collect::<Vec<_>>().join(", "));
        let function = info.function.map(|function| format!("in use as {function}"));
        PinView {
            function: if driven.is_some() { PinFunction::Output(line) } else { PinFunction::Input(line) },
            level: info.level,
            owner: driven.map(|driven| driven.owner.clone()).or(watchers).or(info.consumer),
            pull: info.pull,
            note: note(function, line.warning()),
        }
    }

    /// Drives a line, which makes it an output of `owner` that goes back to `safe` when it is given back.
    pub fn set(&mut self, line: Line, level: Level, safe: Level, owner: &str, now: Monotonic) -> Result<(), GpioError> {
        self.may_drive(line, owner)?;
        let others_high = self.driven.iter().filter(|(other, driven)| **other != line && driven.level == Level::High).count();
        if level == Level::High && others_high >= self.most_high {
            return Err(GpioError::TooManyHigh { line, limit: self.most_high });
        }
        self.recorded(line, now, Some(owner), |board| board.drive(line, level, owner))?;
        self.watched.remove(&line);
        self.driven.insert(line, Driven { owner: owner.to_owned(), level, safe });
        Ok(())
    }

    /// Drives a line to the other level than it has, and tells which.
    pub fn toggle(&mut self, line: Line, owner: &str, now: Monotonic) -> Result<Level, GpioError> {
        let level = match self.driven.get(&line) {
            Some(driven) => !driven.level,
            None => !self.board.read(line)?,
        };
        self.set(line, level, self.safe_level(line), owner, now).map(|()| level)
    }

    /// Refuses an owner if another one drives or watches the line.
    pub fn may_drive(&self, line: Line, owner: &str) -> Result<(), GpioError> {
        let driver = self.driven.get(&line).map(|driven| &driven.owner).filter(|holder| *holder != owner);
        let watcher = || self.watched.get(&line).and_then(|owners| owners.iter().find(|watcher| *watcher != owner));
        match driver.or_else(watcher) {
            Some(holder) => Err(GpioError::Held { line, holder: holder.clone() }),
            None => Ok(()),
        }
    }

    /// The owner of a line that is driven.
    pub fn owner(&self, line: Line) -> Option<&str> {
        self.driven.get(&line).map(|driven| driven.owner.as_str())
    }

    /// The level of a line, driven or read.
    pub fn read(&mut self, line: Line) -> Result<Level, GpioError> {
        self.board.read(line)
    }

    /// Tells the edges of an input from now on.
    pub fn watch(&mut self, line: Line, settings: InputSettings, owner: &str) -> Result<(), GpioError> {
        if let Some(driven) = self.driven.get(&line) {
            return Err(GpioError::IsOutput { line, holder: driven.owner.clone() });
        }
        // A second watcher gets the same edges; only the first one's resistor and debouncing count.
        if !self.watched.contains_key(&line) {
            self.board.watch(line, settings, owner)?;
        }
        self.watched.entry(line).or_default().insert(owner.to_owned());
        Ok(())
    }

    /// Presses or releases the virtual button of an input.
    pub fn press(&mut self, line: Line, is_pressed: bool, now: Monotonic) -> Result<(), GpioError> {
        if let Some(driven) = self.driven.get(&line) {
            return Err(GpioError::IsOutput { line, holder: driven.owner.clone() });
        }
        self.recorded(line, now, None, |board| board.press(line, is_pressed))
    }

    /// Lets an input follow an output, on a simulated board.
    pub fn wire(&mut self, from: Line, to: Line, now: Monotonic) -> Result<(), GpioError> {
        if let Some(driven) = self.driven.get(&to) {
            return Err(GpioError::IsOutput { line: to, holder: driven.owner.clone() });
        }
        self.recorded(to, now, None, |board| board.wire(from, to))
    }

    /// Gives back the lines of one owner: each is driven to its safe level, and then becomes an input. The error names those that may
    /// not be safe.
    pub fn release(&mut self, owner: &str, now: Monotonic) -> Result<(), GpioError> {
        self.release_where(|_, holder| holder == owner, now)
    }

    /// Gives back one line of an owner's, in the same way.
    pub fn release_line(&mut self, line: Line, owner: &str, now: Monotonic) -> Result<(), GpioError> {
        self.release_where(|own, holder| own == line && holder == owner, now)
    }

    /// Gives back the lines of all owners in the same way.
    pub fn make_safe(&mut self, now: Monotonic) -> Result<(), GpioError> {
        self.release_where(|_, _| true, now)
    }

    /// Makes safe, in the same way, the lines that a lost supervisor has left: those that it drove, each with its safe level, and those
    /// that may be high for another reason.
    pub fn recover(&mut self, driven: &[(Line, Level)], high: &[Line], now: Monotonic) -> Result<(), GpioError> {
        for line in high {
            self.board.was_high(*line);
        }
        for (line, safe) in driven {
            self.driven.entry(*line).or_insert_with(|| Driven { owner: RECOVERY.to_owned(), level: *safe, safe: *safe });
        }
        self.release(RECOVERY, now)
    }

    /// Whether a line is driven or watched.
    pub fn is_in_use(&self) -> bool {
        !self.driven.is_empty() || !self.watched.is_empty()
    }

    /// Whether a line is driven.
    pub fn is_driving(&self) -> bool {
        !self.driven.is_empty()
    }

    /// The lines that are driven, by their numbers, each with its safe level.
    pub fn safe_levels(&self) -> Vec<(Line, Level)> {
        self.driven.iter().map(|(line, driven)| (*line, driven.safe)).collect()
    }

    /// The level that a line gets before it is released: low, unless it is driven and another one was declared.
    pub fn safe_level(&self, line: Line) -> Level {
        self.driven.get(&line).map_or(Level::Low, |driven| driven.safe)
    }

    /// The lines that are driven, and those that follow them by a wire: any of them may be high.
    pub fn may_be_high(&self) -> Vec<Line> {
        self.driven.keys().flat_map(|line| self.with_followers(*line)).collect()
    }

    /// A line, and those that follow it by a wire.
    pub fn with_followers(&self, line: Line) -> impl Iterator<Item = Line> + use<> {
        self.board.followers(line).into_iter().chain([line])
    }

    /// The kind of the board.
    pub fn board_kind(&self) -> BoardKind {
        self.board.kind()
    }

    /// Descriptors that are readable when [`collect`](Self::collect) has something to do.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.board.fds()
    }

    /// The time at which [`collect`](Self::collect) has something to do, besides.
    pub fn due(&self) -> Option<Monotonic> {
        self.board.due()
    }

    /// Takes over the edges that the kernel has seen, and changes that have lasted long enough to count.
    pub fn collect(&mut self, now: Monotonic) {
        for (line, level, t) in self.board.take_edges(now) {
            let owner = self.watched.get(&line).and_then(|owners| owners.first().cloned());
            self.push(line, level, t, owner);
        }
    }

    /// The edges after the one with this number (0 for all), oldest first, as far as they are kept.
    pub fn edges_since(&self, sequence: u64) -> Vec<Edge> {
        let from = self.edges.partition_point(|edge| edge.sequence <= sequence);
        self.edges.range(from..).cloned().collect()
    }

    fn release_where(&mut self, is_meant: impl Fn(Line, &str) -> bool, now: Monotonic) -> Result<(), GpioError> {
        let meant: Vec<(Line, Level, String)> = self
            .driven
            .iter()
            .filter(|(line, driven)| is_meant(**line, &driven.owner))
            .map(|(line, driven)| (*line, driven.safe, driven.owner.clone()))
            .collect();
        let mut problems = Vec::new();
        for (line, safe, owner) in meant {
            // The line is released even where the board reports an error.
            let done = self.recorded(line, now, Some(&owner), |board| board.drive(line, safe, &owner));
            problems.extend(done.err().map(|why| (line, why.to_string())));
            let _ = self.recorded(line, now, Some(&owner), |board| {
                board.release(line);
                Ok(())
            });
            self.driven.remove(&line);
        }
        for line in Line::all() {
            let Some(owners) = self.watched.get_mut(&line) else { continue };
            owners.retain(|owner| !is_meant(line, owner));
            if owners.is_empty() {
                self.watched.remove(&line);
                // Without our resistor its level may change: nobody watches it any more.
                self.board.release(line);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(GpioError::NotSafe(problems)) }
    }

    /// Does something to a line, and records the levels that this has changed. Where a level cannot be read without a claim, the level
    /// that was told last counts, or low.
    fn recorded(
        &mut self,
        line: Line,
        now: Monotonic,
        owner: Option<&str>,
        act: impl FnOnce(&mut dyn Board) -> Result<(), GpioError>,
    ) -> Result<(), GpioError> {
        // A change that has lasted until now counts before this one.
        self.collect(now);
        let affected: Vec<Line> = self.with_followers(line).collect();
        let levels = |board: &dyn Board| -> Vec<Option<Level>> { affected.iter().map(|line| board.info(*line).level).collect() };
        let before = levels(&*self.board);
        let result = act(&mut *self.board);
        for ((line, before), after) in affected.iter().zip(before).zip(levels(&*self.board)) {
            let before = before.or_else(|| self.told.get(line).copied()).unwrap_or(Level::Low);
            if let Some(after) = after.filter(|after| *after != before) {
                self.push(*line, after, now, owner.map(str::to_owned));
            }
        }
        self.collect(now);
        result
    }

    fn push(&mut self, line: Line, level: Level, t: Monotonic, owner: Option<String>) {
        self.sequence += 1;
        self.told.insert(line, level);
        if self.edges.len() == EDGES_KEPT {
            self.edges.pop_front();
        }
        self.edges.push_back(Edge { sequence: self.sequence, t, line, level, owner });
    }
}

/// The warnings before using a line: its function now, and the part that is soldered to it.
fn note(function: Option<String>, warning: Option<&str>) -> Option<String> {
    match (function, warning) {
        (Some(function), Some(warning)) => Some(format!("{function}; {warning}")),
        (function, warning) => function.or_else(|| warning.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests;
