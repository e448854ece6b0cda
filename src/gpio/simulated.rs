//! A header without a board: every line can be driven, and every input has a button. Runs on the supervisor's thread; never waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Board, Edge, GpioError, Level, Line, header};
use crate::model::{BoardView, Monotonic, PinFunction, PinView};

/// Outputs that may be high at once: with an LED at some 6 mA each they stay below the 50 mA that a real header gives.
const MOST_HIGH: usize = 8;

/// Edges that are kept for readers who come late.
const EDGES_KEPT: usize = 4096;

/// The simulated board.
#[derive(Debug)]
pub struct Simulated {
    name: String,
    outputs: BTreeMap<Line, Output>,
    pressed: BTreeSet<Line>,
    edges: VecDeque<Edge>,
    sequence: u64,
    most_high: usize,
}

/// A line that is driven.
#[derive(Debug)]
struct Output {
    owner: String,
    level: Level,
}

impl Default for Simulated {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulated {
    /// A board with all lines as inputs, at rest.
    pub fn new() -> Self {
        let name = super::model().map_or_else(|| "simulated board".to_owned(), |model| format!("{model}, simulated pins"));
        Self {
            name,
            outputs: BTreeMap::new(),
            pressed: BTreeSet::new(),
            edges: VecDeque::new(),
            sequence: 0,
            most_high: MOST_HIGH,
        }
    }

    /// The same with another limit of outputs that may be high at once.
    #[must_use]
    pub const fn with_most_high(mut self, most_high: usize) -> Self {
        self.most_high = most_high;
        self
    }

    fn record(&mut self, line: Line, level: Level, t: Monotonic) {
        self.sequence += 1;
        if self.edges.len() == EDGES_KEPT {
            self.edges.pop_front();
        }
        self.edges.push_back(Edge { sequence: self.sequence, t, line, level });
    }

    fn release_where(&mut self, is_meant: impl Fn(&Output) -> bool, now: Monotonic) {
        for line in Line::all() {
            if let Some(output) = self.outputs.get(&line).filter(|output| is_meant(output)) {
                let was = output.level;
                self.outputs.remove(&line);
                if was == Level::High {
                    self.record(line, Level::Low, now);
                }
            }
        }
    }
}

impl Board for Simulated {
    fn view(&self) -> BoardView {
        let pins = (1..=40).filter_map(header::function).map(|function| {
            let PinFunction::Input(number) = function else { return PinView { function, level: None, owner: None } };
            let Ok(line) = Line::new(number.into()) else { return PinView { function, level: None, owner: None } };
            let output = self.outputs.get(&line);
            PinView {
                function: if output.is_some() { PinFunction::Output(number) } else { function },
                level: Some(self.level(line) == Level::High),
                owner: output.map(|output| output.owner.clone()),
            }
        });
        BoardView { name: self.name.clone(), backend: "simulated".to_owned(), pins: pins.collect() }
    }

    fn set(&mut self, line: Line, level: Level, owner: &str, now: Monotonic) -> Result<(), GpioError> {
        let before = self.level(line);
        match self.outputs.get(&line) {
            Some(output) if output.owner != owner => {
                return Err(GpioError::Held { line: line.number(), holder: output.owner.clone() });
            }
            None if self.pressed.contains(&line) => return Err(GpioError::Pressed(line.number())),
            _ => {}
        }
        let high = self.outputs.values().filter(|output| output.level == Level::High).count();
        if before == Level::Low && level == Level::High && high >= self.most_high {
            return Err(GpioError::TooManyHigh { line: line.number(), limit: self.most_high });
        }
        self.outputs.insert(line, Output { owner: owner.to_owned(), level });
        if level != before {
            self.record(line, level, now);
        }
        Ok(())
    }

    fn level(&self, line: Line) -> Level {
        match self.outputs.get(&line) {
            Some(output) => output.level,
            None if self.pressed.contains(&line) => Level::High,
            None => Level::Low,
        }
    }

    fn release(&mut self, owner: &str, now: Monotonic) {
        self.release_where(|output| output.owner == owner, now);
    }

    fn make_safe(&mut self, now: Monotonic) {
        self.release_where(|_| true, now);
    }

    fn press(&mut self, line: Line, is_pressed: bool, now: Monotonic) -> Result<(), GpioError> {
        if let Some(output) = self.outputs.get(&line) {
            return Err(GpioError::IsOutput { line: line.number(), holder: output.owner.clone() });
        }
        let changes = if is_pressed { self.pressed.insert(line) } else { self.pressed.remove(&line) };
        if changes {
            self.record(line, if is_pressed { Level::High } else { Level::Low }, now);
        }
        Ok(())
    }

    fn edges_since(&self, sequence: u64) -> Vec<Edge> {
        let from = self.edges.partition_point(|edge| edge.sequence <= sequence);
        self.edges.range(from..).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(number: u32) -> Line {
        Line::new(number).expect("a line")
    }

    fn at(nanos: u64) -> Monotonic {
        Monotonic::from_nanos(nanos)
    }

    fn levels(board: &Simulated, since: u64) -> Vec<(u8, u8)> {
        board.edges_since(since).iter().map(|edge| (edge.line.number(), edge.level.value())).collect()
    }

    #[test]
    fn an_edge_is_a_change_and_nothing_else() {
        let mut board = Simulated::new();
        board.set(line(17), Level::Low, "lock A", at(1)).expect("free");
        board.set(line(17), Level::High, "lock A", at(2)).expect("ours");
        board.set(line(17), Level::High, "lock A", at(3)).expect("ours");
        assert_eq!(board.toggle(line(17), "lock A", at(4)), Ok(Level::Low));
        board.press(line(27), true, at(5)).expect("an input");
        board.press(line(27), true, at(6)).expect("an input");
        board.press(line(27), false, at(7)).expect("an input");
        assert_eq!(levels(&board, 0), [(17, 1), (17, 0), (27, 1), (27, 0)]);
        assert_eq!(board.edges_since(2).first().map(|edge| (edge.sequence, edge.t)), Some((3, at(5))));
        assert!(board.edges_since(4).is_empty());
    }

    #[test]
    fn a_line_has_one_owner_and_the_refusal_names_it() {
        let mut board = Simulated::new();
        board.set(line(17), Level::High, "lock A", at(1)).expect("free");
        let error = board.set(line(17), Level::Low, "run 2", at(2)).expect_err("held").to_string();
        assert!(error.contains("GPIO17") && error.contains("lock A"), "{error}");
        let error = board.press(line(17), true, at(2)).expect_err("an output").to_string();
        assert!(error.contains("lock A"), "{error}");
        board.press(line(18), true, at(2)).expect("an input");
        assert_eq!(board.toggle(line(18), "run 2", at(3)), Err(GpioError::Pressed(18)));
        board.release("run 2", at(4));
        assert_eq!(board.level(line(17)), Level::High, "another's line stays");
        board.release("lock A", at(5));
        board.set(line(17), Level::High, "run 2", at(6)).expect("free again");
    }

    #[test]
    fn the_header_shows_function_level_and_owner() {
        let mut board = Simulated::new();
        board.set(line(17), Level::High, "lock A", at(1)).expect("free");
        let view = board.view();
        assert_eq!((view.pins.len(), view.backend.as_str()), (40, "simulated"));
        let pin = &view.pins[usize::from(line(17).pin()) - 1];
        assert_eq!(pin, &PinView { function: PinFunction::Output(17), level: Some(true), owner: Some("lock A".to_owned()) });
        assert_eq!(view.pins[0], PinView { function: PinFunction::Power3V3, level: None, owner: None });
        assert_eq!(view.pins[12], PinView { function: PinFunction::Input(27), level: Some(false), owner: None });
    }

    #[test]
    fn the_ninth_high_output_is_refused_with_the_reason() {
        let mut board = Simulated::new();
        (2..10).for_each(|number| board.set(line(number), Level::High, "run 1", at(1)).expect("within the limit"));
        let error = board.set(line(20), Level::High, "run 1", at(2)).expect_err("too many").to_string();
        assert!(error.contains('8') && error.contains("mA"), "{error}");
        board.set(line(2), Level::High, "run 1", at(2)).expect("high already");
        board.set(line(20), Level::Low, "run 1", at(2)).expect("low costs nothing");
        board.set(line(2), Level::Low, "run 1", at(3)).expect("ours");
        board.set(line(20), Level::High, "run 1", at(4)).expect("within the limit");
        assert!(Simulated::new().with_most_high(0).set(line(2), Level::High, "x", at(1)).is_err());
    }

    #[test]
    fn late_readers_see_that_they_missed_edges() {
        let mut board = Simulated::new();
        for number in 0..EDGES_KEPT as u64 + 10 {
            board.toggle(line(5), "x", at(number)).expect("ours");
        }
        let edges = board.edges_since(0);
        assert_eq!((edges.len(), edges[0].sequence), (EDGES_KEPT, 11));
    }

    proptest! {
        /// Whatever is done, levels follow from the edges alone, no edge repeats a level, and `make_safe` leaves nothing driven.
        #[test]
        fn edges_tell_the_whole_story(steps in proptest::collection::vec((0_u8..5, 2_u32..28, 0_u8..3), 0..300)) {
            let mut board = Simulated::new();
            for (index, (what, number, owner)) in steps.into_iter().enumerate() {
                let (line, owner, now) = (line(number), format!("run {owner}"), at(index as u64));
                // Refusals are part of the play.
                let _ = match what {
                    0 => board.set(line, Level::High, &owner, now),
                    1 => board.toggle(line, &owner, now).map(drop),
                    2 => board.press(line, true, now),
                    3 => board.press(line, false, now),
                    _ => { board.release(&owner, now); Ok(()) }
                };
                prop_assert!(board.outputs.values().filter(|output| output.level == Level::High).count() <= MOST_HIGH);
            }
            let mut seen = BTreeMap::new();
            for edge in board.edges_since(0) {
                let before = seen.insert(edge.line, edge.level).unwrap_or(Level::Low);
                prop_assert_ne!(before, edge.level, "an extra edge on {}", edge.line);
            }
            for line in Line::all() {
                prop_assert_eq!(board.level(line), seen.get(&line).copied().unwrap_or(Level::Low));
            }
            board.make_safe(at(1000));
            let view = board.view();
            prop_assert!(view.pins.iter().all(|pin| pin.owner.is_none() && !matches!(pin.function, PinFunction::Output(_))));
        }
    }
}
