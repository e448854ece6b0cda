//! The rules for a header's lines: one owner each, no more outputs high than a board can feed, safe levels, and the log of edges.
//! Belongs to the supervisor's thread; never waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::BorrowedFd;

use serde::{Deserialize, Serialize};

use super::board::Watch;
use super::{Board, BoardKind, GpioError, Level, Line, header};
use crate::model::{BoardView, Monotonic, PinFunction, PinView};

/// Outputs that may be high at once: with an LED at some 6 mA each they stay below the 50 mA that a real header gives.
const MOST_HIGH: usize = 8;

/// Edges that are kept for readers who come late.
const EDGES_KEPT: usize = 4096;

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
    /// Who drove or watched it; nobody for a button.
    pub owner: Option<String>,
}

/// A line that is driven.
#[derive(Debug)]
struct Driven {
    owner: String,
    level: Level,
    safe: Level,
}

/// A board's lines, and who has them.
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
        if let Some((line, holder)) = in_use.into_iter().next() {
            return Err(GpioError::Held { line: line.number(), holder });
        }
        self.board = board;
        self.told.clear();
        Ok(())
    }

    /// How the header is now.
    pub fn view(&self) -> BoardView {
        let pins = (1..=40).filter_map(header::function).map(|function| match function {
            PinFunction::Input(number) | PinFunction::Output(number) => {
                Line::new(number.into()).map_or_else(|_| PinView::new(function), |line| self.pin(line))
            }
            other => PinView::new(other),
        });
        BoardView {
            name: self.board.name(),
            backend: self.board.kind().word().to_owned(),
            pull_unknown: self.board.pull_unknown().cloned(),
            pins: pins.collect(),
        }
    }

    fn pin(&self, line: Line) -> PinView {
        let look = self.board.look(line);
        let driven = self.driven.get(&line);
        let watchers = self.watched.get(&line).map(|owners| owners.iter().cloned().collect::<Vec<_>>().join(", "));
        let function = look.function.map(|function| format!("in use as {function}"));
        PinView {
            function: if driven.is_some() { PinFunction::Output(line.number()) } else { PinFunction::Input(line.number()) },
            level: look.level.map(|level| level == Level::High),
            owner: driven.map(|driven| driven.owner.clone()).or(watchers).or(look.consumer),
            pull: look.pull,
            note: note(function, line.warning()),
        }
    }

    /// Drives a line, which makes it an output of `owner` that goes back to `safe` when it is given back.
    pub fn set(&mut self, line: Line, level: Level, safe: Level, owner: &str, now: Monotonic) -> Result<(), GpioError> {
        if let Some(driven) = self.driven.get(&line).filter(|driven| driven.owner != owner) {
            return Err(GpioError::Held { line: line.number(), holder: driven.owner.clone() });
        }
        if let Some(holder) = self.watched.get(&line).and_then(|owners| owners.iter().find(|watcher| *watcher != owner)) {
            return Err(GpioError::Held { line: line.number(), holder: holder.clone() });
        }
        let others_high = self.driven.iter().filter(|(other, driven)| **other != line && driven.level == Level::High).count();
        if level == Level::High && others_high >= self.most_high {
            return Err(GpioError::TooManyHigh { line: line.number(), limit: self.most_high });
        }
        self.recorded(line, now, Some(owner), |board| board.drive(line, level, owner))?;
        self.watched.remove(&line);
        self.driven.insert(line, Driven { owner: owner.to_owned(), level, safe });
        Ok(())
    }

    /// Drives a line to the other level than it has, and tells which.
    pub fn toggle(&mut self, line: Line, owner: &str, now: Monotonic) -> Result<Level, GpioError> {
        let (level, safe) = match self.driven.get(&line) {
            Some(driven) => (!driven.level, driven.safe),
            None => (!self.board.read(line)?, Level::Low),
        };
        self.set(line, level, safe, owner, now).map(|()| level)
    }

    /// Who drives a line.
    pub fn owner(&self, line: Line) -> Option<&str> {
        self.driven.get(&line).map(|driven| driven.owner.as_str())
    }

    /// The level of a line, driven or read.
    pub fn read(&mut self, line: Line) -> Result<Level, GpioError> {
        self.board.read(line)
    }

    /// Tells the edges of an input from now on.
    pub fn watch(&mut self, line: Line, watch: Watch, owner: &str) -> Result<(), GpioError> {
        if let Some(driven) = self.driven.get(&line) {
            return Err(GpioError::IsOutput { line: line.number(), holder: driven.owner.clone() });
        }
        // A second watcher gets the same edges; only the first one's resistor and debouncing count.
        if !self.watched.contains_key(&line) {
            self.board.watch(line, watch, owner)?;
        }
        self.watched.entry(line).or_default().insert(owner.to_owned());
        Ok(())
    }

    /// Presses or lets go the virtual button of an input.
    pub fn press(&mut self, line: Line, is_pressed: bool, now: Monotonic) -> Result<(), GpioError> {
        if let Some(driven) = self.driven.get(&line) {
            return Err(GpioError::IsOutput { line: line.number(), holder: driven.owner.clone() });
        }
        self.recorded(line, now, None, |board| board.press(line, is_pressed))
    }

    /// Lets an input follow an output, on a simulated board.
    pub fn wire(&mut self, from: Line, to: Line, now: Monotonic) -> Result<(), GpioError> {
        if let Some(driven) = self.driven.get(&to) {
            return Err(GpioError::IsOutput { line: to.number(), holder: driven.owner.clone() });
        }
        self.recorded(to, now, None, |board| board.wire(from, to))
    }

    /// Gives back the lines of one owner: each is driven to its safe level, and then an input.
    pub fn release(&mut self, owner: &str, now: Monotonic) {
        self.release_where(|_, holder| holder == owner, now);
    }

    /// Gives back one line of an owner's, in the same way.
    pub fn free(&mut self, line: Line, owner: &str, now: Monotonic) {
        self.release_where(|own, holder| own == line && holder == owner, now);
    }

    /// Gives back all lines, whoever owns them.
    pub fn make_safe(&mut self, now: Monotonic) {
        self.release_where(|_, _| true, now);
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
    pub fn safe_levels(&self) -> Vec<(u8, Level)> {
        self.driven.iter().map(|(line, driven)| (line.number(), driven.safe)).collect()
    }

    /// The board that has them.
    pub fn board(&self) -> BoardKind {
        self.board.kind()
    }

    /// Descriptors that are readable when [`collect`](Self::collect) has something to do.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.board.fds()
    }

    /// Takes over the edges that the kernel has seen.
    pub fn collect(&mut self) {
        for (line, level, t) in self.board.take_edges() {
            let owner = self.watched.get(&line).and_then(|owners| owners.first().cloned());
            self.push(line, level, t, owner);
        }
    }

    /// The edges after the one with this number (0 for all), oldest first, as far as they are kept.
    pub fn edges_since(&self, sequence: u64) -> Vec<Edge> {
        let from = self.edges.partition_point(|edge| edge.sequence <= sequence);
        self.edges.range(from..).cloned().collect()
    }

    fn release_where(&mut self, is_meant: impl Fn(Line, &str) -> bool, now: Monotonic) {
        let meant: Vec<(Line, Level, String)> = self
            .driven
            .iter()
            .filter(|(line, driven)| is_meant(**line, &driven.owner))
            .map(|(line, driven)| (*line, driven.safe, driven.owner.clone()))
            .collect();
        for (line, safe, owner) in meant {
            // Whatever the board answers, the line is let go.
            let _ = self.recorded(line, now, Some(&owner), |board| board.drive(line, safe, &owner));
            let _ = self.recorded(line, now, Some(&owner), |board| {
                board.let_go(line);
                Ok(())
            });
            self.driven.remove(&line);
        }
        for line in Line::all() {
            let Some(owners) = self.watched.get_mut(&line) else { continue };
            owners.retain(|owner| !is_meant(line, owner));
            if owners.is_empty() {
                self.watched.remove(&line);
                // What its level becomes without our resistor, nobody watches any more.
                self.board.let_go(line);
            }
        }
    }

    /// Does something to a line, and notes which levels that has changed. A level that cannot be read without a claim is the one that
    /// was told last, or low.
    fn recorded(
        &mut self,
        line: Line,
        now: Monotonic,
        owner: Option<&str>,
        act: impl FnOnce(&mut dyn Board) -> Result<(), GpioError>,
    ) -> Result<(), GpioError> {
        let mut affected = self.board.followers(line);
        affected.push(line);
        let levels = |board: &dyn Board| -> Vec<Option<Level>> { affected.iter().map(|line| board.look(*line).level).collect() };
        let before = levels(&*self.board);
        let result = act(&mut *self.board);
        for ((line, before), after) in affected.iter().zip(before).zip(levels(&*self.board)) {
            let before = before.or_else(|| self.told.get(line).copied()).unwrap_or(Level::Low);
            if let Some(after) = after.filter(|after| *after != before) {
                self.push(*line, after, now, owner.map(str::to_owned));
            }
        }
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

/// What to know before using a line: what it does now, and what is soldered to it.
fn note(function: Option<String>, warning: Option<&str>) -> Option<String> {
    match (function, warning) {
        (Some(function), Some(warning)) => Some(format!("{function}; {warning}")),
        (function, warning) => function.or_else(|| warning.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::board::Look;
    use super::super::{BoardKind, Simulated};
    use super::*;
    use crate::model::Pull;

    fn board() -> Lines {
        Lines::new(Box::new(Simulated::new(None)))
    }

    fn line(number: u32) -> Line {
        Line::new(number).expect("a line")
    }

    fn at(nanos: u64) -> Monotonic {
        Monotonic::from_nanos(nanos)
    }

    fn levels(lines: &Lines, since: u64) -> Vec<(u8, u8)> {
        lines.edges_since(since).iter().map(|edge| (edge.line.number(), edge.level.value())).collect()
    }

    fn high(lines: &mut Lines, number: u32, owner: &str) -> Result<(), GpioError> {
        lines.set(line(number), Level::High, Level::Low, owner, at(1))
    }

    #[test]
    fn an_edge_is_a_change_and_nothing_else() {
        let mut lines = board();
        lines.set(line(17), Level::Low, Level::Low, "lock A", at(1)).expect("free");
        lines.set(line(17), Level::High, Level::Low, "lock A", at(2)).expect("ours");
        lines.set(line(17), Level::High, Level::Low, "lock A", at(3)).expect("ours");
        assert_eq!(lines.toggle(line(17), "lock A", at(4)), Ok(Level::Low));
        lines.press(line(27), true, at(5)).expect("an input");
        lines.press(line(27), true, at(6)).expect("an input");
        lines.press(line(27), false, at(7)).expect("an input");
        assert_eq!(levels(&lines, 0), [(17, 1), (17, 0), (27, 1), (27, 0)]);
        assert_eq!(lines.edges_since(2).first().map(|edge| (edge.sequence, edge.t)), Some((3, at(5))));
        assert!(lines.edges_since(4).is_empty());
    }

    /// Covers: F70.
    #[test]
    fn a_line_has_one_owner_and_the_refusal_names_it() {
        let mut lines = board();
        high(&mut lines, 17, "lock A").expect("free");
        let error = high(&mut lines, 17, "run 2").expect_err("held").to_string();
        assert!(error.contains("GPIO17") && error.contains("lock A"), "{error}");
        for error in [lines.press(line(17), true, at(2)), lines.watch(line(17), Watch::default(), "run 2")] {
            let error = error.expect_err("an output").to_string();
            assert!(error.contains("lock A"), "{error}");
        }
        lines.press(line(18), true, at(2)).expect("an input");
        assert_eq!(lines.toggle(line(18), "run 2", at(3)), Err(GpioError::Pressed(18)));
        lines.release("run 2", at(4));
        assert_eq!(lines.read(line(17)), Ok(Level::High), "another's line stays");
        lines.release("lock A", at(5));
        high(&mut lines, 17, "run 2").expect("free again");
    }

    #[test]
    fn the_header_shows_function_level_owner_pull_and_warnings() {
        let mut lines = board();
        high(&mut lines, 17, "lock A").expect("free");
        lines.watch(line(27), Watch { pull: Some(Pull::Up), debounce: None }, "event go").expect("free");
        let view = lines.view();
        assert_eq!((view.pins.len(), view.backend.as_str()), (40, "simulated"));
        let pin = |number: u32| &view.pins[usize::from(line(number).pin()) - 1];
        let expected = PinView { level: Some(true), owner: Some("lock A".to_owned()), ..PinView::new(PinFunction::Output(17)) };
        assert_eq!(pin(17), &expected);
        assert_eq!(view.pins[0], PinView::new(PinFunction::Power3V3));
        assert_eq!((pin(27).function, pin(27).level, pin(27).pull), (PinFunction::Input(27), Some(true), Some(Pull::Up)));
        assert_eq!(pin(27).owner.as_deref(), Some("event go"));
        assert!(pin(2).note.as_deref().is_some_and(|note| note.contains("I2C")) && pin(17).note.is_none());
    }

    /// Covers: F75.
    #[test]
    fn the_ninth_high_output_is_refused_with_the_reason() {
        let mut lines = board();
        (2..10).for_each(|number| high(&mut lines, number, "run 1").expect("within the limit"));
        let error = high(&mut lines, 20, "run 1").expect_err("too many").to_string();
        assert!(error.contains('8') && error.contains("mA"), "{error}");
        high(&mut lines, 2, "run 1").expect("high already");
        lines.set(line(20), Level::Low, Level::Low, "run 1", at(2)).expect("low costs nothing");
        lines.set(line(2), Level::Low, Level::Low, "run 1", at(3)).expect("ours");
        high(&mut lines, 20, "run 1").expect("within the limit");
        assert!(high(&mut board().with_most_high(0), 2, "x").is_err());
    }

    #[test]
    fn a_line_goes_back_to_the_safe_level_that_was_declared() {
        let mut lines = board();
        lines.set(line(5), Level::Low, Level::High, "relay", at(1)).expect("free");
        lines.set(line(6), Level::High, Level::Low, "relay", at(2)).expect("free");
        lines.make_safe(at(3));
        // Let go, an input without a resistor to 3.3 V reads low.
        assert_eq!(levels(&lines, 0), [(6, 1), (5, 1), (5, 0), (6, 0)]);
        assert!(!lines.is_in_use());
    }

    #[test]
    fn a_wire_carries_the_level_and_a_button_pulls_against_the_resistor() {
        let mut lines = board();
        lines.wire(line(22), line(27), at(1)).expect("free");
        high(&mut lines, 22, "run 1").expect("free");
        assert_eq!(lines.read(line(27)), Ok(Level::High));
        assert!(lines.set(line(27), Level::Low, Level::Low, "run 1", at(2)).is_err(), "two outputs on one wire");
        lines.release("run 1", at(3));
        assert_eq!(levels(&lines, 0), [(27, 1), (22, 1), (27, 0), (22, 0)]);
        assert!(lines.wire(line(27), line(22), at(4)).is_err(), "no circle");
        lines.watch(line(5), Watch { pull: Some(Pull::Up), debounce: None }, "x").expect("free");
        lines.press(line(5), true, at(5)).expect("an input");
        assert_eq!(lines.read(line(5)), Ok(Level::Low));
    }

    #[test]
    fn a_board_is_not_changed_under_a_line_in_use() {
        let mut lines = board();
        high(&mut lines, 17, "lock A").expect("free");
        let error = lines.change_board(Box::new(Simulated::new(None))).expect_err("in use").to_string();
        assert!(error.contains("lock A"), "{error}");
        lines.make_safe(at(2));
        lines.change_board(Box::new(Simulated::new(Some("Raspberry Pi 5")))).expect("free");
        assert_eq!(lines.view().name, "Raspberry Pi 5, simulated pins");
    }

    /// A chip whose levels only a claim shows, as one that is chosen by its label.
    #[derive(Debug, Default)]
    struct Blind(BTreeMap<Line, Level>);

    impl Board for Blind {
        fn name(&self) -> String {
            "blind".to_owned()
        }

        fn kind(&self) -> BoardKind {
            BoardKind::Chardev(Some("blind".to_owned()))
        }

        fn drive(&mut self, line: Line, level: Level, _: &str) -> Result<(), GpioError> {
            self.0.insert(line, level);
            Ok(())
        }

        fn watch(&mut self, line: Line, _: Watch, _: &str) -> Result<(), GpioError> {
            Err(GpioError::CannotWatch(line.number()))
        }

        fn let_go(&mut self, line: Line) {
            self.0.remove(&line);
        }

        fn look(&self, line: Line) -> Look {
            Look { level: self.0.get(&line).copied(), function: Some("Alt0".to_owned()), ..Look::default() }
        }

        fn read(&mut self, line: Line) -> Result<Level, GpioError> {
            Ok(self.0.get(&line).copied().unwrap_or(Level::Low))
        }

        fn fds(&self) -> Vec<BorrowedFd<'_>> {
            Vec::new()
        }

        fn take_edges(&mut self) -> Vec<(Line, Level, Monotonic)> {
            Vec::new()
        }
    }

    #[test]
    fn where_no_level_can_be_read_an_edge_is_told_once() {
        let mut lines = Lines::new(Box::new(Blind::default()));
        for time in 1..4 {
            lines.set(line(17), Level::High, Level::High, "relay", at(time)).expect("free");
            lines.release("relay", at(time));
        }
        assert_eq!(levels(&lines, 0), [(17, 1)], "it was let go high, and nobody saw it fall");
        lines.set(line(17), Level::Low, Level::Low, "relay", at(5)).expect("free");
        assert_eq!(levels(&lines, 1), [(17, 0)]);
    }

    #[test]
    fn what_a_pin_does_now_and_what_is_soldered_to_it_are_both_told() {
        let view = Lines::new(Box::new(Blind::default())).view();
        let note = view.pins[2].note.as_deref().expect("GPIO2 has one");
        assert!(note.contains("in use as Alt0") && note.contains("I2C"), "{note}");
        assert_eq!(view.pins[10].note.as_deref(), Some("in use as Alt0"));
    }

    #[test]
    fn one_line_is_given_back_and_the_owners_others_stay() {
        let mut lines = board();
        high(&mut lines, 5, "you").expect("free");
        high(&mut lines, 6, "you").expect("free");
        lines.free(line(5), "run 1", at(2));
        lines.free(line(6), "you", at(3));
        assert_eq!((lines.owner(line(5)), lines.owner(line(6))), (Some("you"), None));
        assert_eq!(lines.read(line(6)), Ok(Level::Low));
    }

    #[test]
    fn late_readers_see_that_they_missed_edges() {
        let mut lines = board();
        for number in 0..EDGES_KEPT as u64 + 10 {
            lines.toggle(line(5), "x", at(number)).expect("ours");
        }
        let edges = lines.edges_since(0);
        assert_eq!((edges.len(), edges[0].sequence), (EDGES_KEPT, 11));
    }

    proptest! {
        /// Whatever is done, levels follow from the edges alone, no edge repeats a level, and `make_safe` leaves nothing driven.
        #[test]
        fn edges_tell_the_whole_story(steps in proptest::collection::vec((0_u8..5, 2_u32..28, 0_u8..3), 0..300)) {
            let mut lines = board();
            for (index, (what, number, owner)) in steps.into_iter().enumerate() {
                let (line, owner, now) = (line(number), format!("run {owner}"), at(index as u64));
                // Refusals are part of the play.
                let _ = match what {
                    0 => lines.set(line, Level::High, Level::Low, &owner, now),
                    1 => lines.toggle(line, &owner, now).map(drop),
                    2 => lines.press(line, true, now),
                    3 => lines.press(line, false, now),
                    _ => { lines.release(&owner, now); Ok(()) }
                };
                prop_assert!(lines.driven.values().filter(|driven| driven.level == Level::High).count() <= MOST_HIGH);
            }
            let mut seen = BTreeMap::new();
            for edge in lines.edges_since(0) {
                let before = seen.insert(edge.line, edge.level).unwrap_or(Level::Low);
                prop_assert_ne!(before, edge.level, "an extra edge on {}", edge.line);
            }
            for line in Line::all() {
                prop_assert_eq!(lines.read(line), Ok(seen.get(&line).copied().unwrap_or(Level::Low)));
            }
            lines.make_safe(at(1000));
            let view = lines.view();
            prop_assert!(view.pins.iter().all(|pin| pin.owner.is_none() && !matches!(pin.function, PinFunction::Output(_))));
        }
    }
}
