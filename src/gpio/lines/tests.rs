//! Lines of the simulated board, and of boards that cannot be made to misbehave otherwise; time is what a test says.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::gpio::{BoardKind, LineInfo, Simulated};
use crate::model::Pull;

fn board() -> Lines {
    Lines::new(Box::new(Simulated::new(None)))
}

fn at(nanos: u64) -> Monotonic {
    Monotonic::from_nanos(nanos)
}

fn levels(lines: &Lines, since: u64) -> Vec<(u8, u8)> {
    lines.edges_since(since).iter().map(|edge| (edge.line.number(), edge.level.value())).collect()
}

fn high(lines: &mut Lines, number: u8, owner: &str) -> Result<(), GpioError> {
    lines.set(Line::gpio(number), Level::High, Level::Low, owner, at(1))
}

#[test]
fn an_edge_is_a_change_and_nothing_else() {
    let mut lines = board();
    lines.set(Line::gpio(17), Level::Low, Level::Low, "lock A", at(1)).expect("free");
    lines.set(Line::gpio(17), Level::High, Level::Low, "lock A", at(2)).expect("ours");
    lines.set(Line::gpio(17), Level::High, Level::Low, "lock A", at(3)).expect("ours");
    assert_eq!(lines.toggle(Line::gpio(17), "lock A", at(4)), Ok(Level::Low));
    lines.press(Line::gpio(27), true, at(5)).expect("an input");
    lines.press(Line::gpio(27), true, at(6)).expect("an input");
    lines.press(Line::gpio(27), false, at(7)).expect("an input");
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
    for error in [lines.press(Line::gpio(17), true, at(2)), lines.watch(Line::gpio(17), InputSettings::default(), "run 2")] {
        let error = error.expect_err("an output").to_string();
        assert!(error.contains("lock A"), "{error}");
    }
    lines.press(Line::gpio(18), true, at(2)).expect("an input");
    assert_eq!(lines.toggle(Line::gpio(18), "run 2", at(3)), Err(GpioError::Pressed(Line::gpio(18))));
    lines.release("run 2", at(4)).expect("safe");
    assert_eq!(lines.read(Line::gpio(17)), Ok(Level::High), "another's line stays");
    lines.release("lock A", at(5)).expect("safe");
    high(&mut lines, 17, "run 2").expect("free again");
}

#[test]
fn the_header_shows_function_level_owner_pull_and_warnings() {
    let mut lines = board();
    high(&mut lines, 17, "lock A").expect("free");
    lines.watch(Line::gpio(27), InputSettings { pull: Some(Pull::Up), debounce: None }, "event go").expect("free");
    let view = lines.view();
    assert_eq!((view.pins.len(), view.backend.as_str()), (40, "simulated"));
    let pin = |number: u8| view.pin(Line::gpio(number)).expect("there");
    let expected = PinView {
        level: Some(Level::High),
        owner: Some("lock A".to_owned()),
        ..PinView::new(PinFunction::Output(Line::gpio(17)))
    };
    assert_eq!(pin(17), &expected);
    assert_eq!(view.pins[0], PinView::new(PinFunction::Power3V3));
    assert_eq!(
        (pin(27).function, pin(27).level, pin(27).pull),
        (PinFunction::Input(Line::gpio(27)), Some(Level::High), Some(Pull::Up))
    );
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
    lines.set(Line::gpio(20), Level::Low, Level::Low, "run 1", at(2)).expect("low costs nothing");
    lines.set(Line::gpio(2), Level::Low, Level::Low, "run 1", at(3)).expect("ours");
    high(&mut lines, 20, "run 1").expect("within the limit");
    assert!(high(&mut board().with_most_high(0), 2, "x").is_err());
}

#[test]
fn a_line_goes_back_to_the_safe_level_that_was_declared() {
    let mut lines = board();
    lines.set(Line::gpio(5), Level::Low, Level::High, "relay", at(1)).expect("free");
    lines.set(Line::gpio(6), Level::High, Level::Low, "relay", at(2)).expect("free");
    lines.make_safe(at(3)).expect("safe");
    // Let go, an input without a resistor to 3.3 V reads low.
    assert_eq!(levels(&lines, 0), [(6, 1), (5, 1), (5, 0), (6, 0)]);
    assert!(!lines.is_in_use());
}

#[test]
fn a_wire_carries_the_level_and_a_button_pulls_against_the_resistor() {
    let mut lines = board();
    lines.wire(Line::gpio(22), Line::gpio(27), at(1)).expect("free");
    high(&mut lines, 22, "run 1").expect("free");
    assert_eq!(lines.read(Line::gpio(27)), Ok(Level::High));
    assert!(lines.set(Line::gpio(27), Level::Low, Level::Low, "run 1", at(2)).is_err(), "two outputs on one wire");
    lines.release("run 1", at(3)).expect("safe");
    assert_eq!(levels(&lines, 0), [(27, 1), (22, 1), (27, 0), (22, 0)]);
    assert!(lines.wire(Line::gpio(27), Line::gpio(22), at(4)).is_err(), "no circle");
    lines.watch(Line::gpio(5), InputSettings { pull: Some(Pull::Up), debounce: None }, "x").expect("free");
    lines.press(Line::gpio(5), true, at(5)).expect("an input");
    assert_eq!(lines.read(Line::gpio(5)), Ok(Level::Low));
}

#[test]
fn a_board_is_not_changed_under_a_line_in_use() {
    let mut lines = board();
    high(&mut lines, 17, "lock A").expect("free");
    let error = lines.change_board(Box::new(Simulated::new(None))).expect_err("in use").to_string();
    assert!(error.contains("lock A"), "{error}");
    lines.make_safe(at(2)).expect("safe");
    lines.change_board(Box::new(Simulated::new(Some("Raspberry Pi 5")))).expect("free");
    assert_eq!(lines.view().name, "Raspberry Pi 5, simulated pins");
}

/// Watches line 27 for changes that last 10 ns, from time 0 on.
fn debounced() -> Lines {
    let mut lines = board();
    let watch = InputSettings { pull: None, debounce: Some(Duration::from_nanos(10)) };
    lines.watch(Line::gpio(27), watch, "watcher").expect("free");
    lines
}

fn pressed(lines: &mut Lines, is_pressed: bool, nanos: u64) {
    lines.press(Line::gpio(27), is_pressed, at(nanos)).expect("an input");
}

fn told(lines: &Lines) -> Vec<(u64, u8)> {
    lines.edges_since(0).iter().map(|edge| (edge.t.nanos(), edge.level.value())).collect()
}

#[test]
fn a_change_counts_once_it_has_lasted() {
    let mut lines = debounced();
    assert_eq!(lines.due(), None);
    pressed(&mut lines, true, 100);
    assert_eq!((lines.due(), lines.read(Line::gpio(27))), (Some(at(110)), Ok(Level::Low)));
    lines.collect(at(109));
    assert!(told(&lines).is_empty(), "too young");
    // Late, as a busy machine is: the time is that at which it counted.
    lines.collect(at(500));
    assert_eq!((told(&lines), lines.due(), lines.read(Line::gpio(27))), (vec![(110, 1)], None, Ok(Level::High)));
    pressed(&mut lines, false, 600);
    lines.collect(at(610));
    assert_eq!(told(&lines), [(110, 1), (610, 0)]);
}

#[test]
fn what_bounces_counts_from_the_last_bounce_on_and_a_glitch_not_at_all() {
    let mut lines = debounced();
    for (nanos, is_pressed) in [(100, true), (105, false), (108, true), (112, false), (119, true)] {
        pressed(&mut lines, is_pressed, nanos);
    }
    lines.collect(at(1_000));
    assert_eq!(told(&lines), [(129, 1)]);
    pressed(&mut lines, false, 2_000);
    pressed(&mut lines, true, 2_009);
    lines.collect(at(3_000));
    assert_eq!(told(&lines), [(129, 1)], "it was let go for less than that");
}

/// Nothing reads the line while the button is pressed.
#[test]
fn a_press_that_lasted_counts_though_it_is_seen_only_when_it_is_over() {
    let mut lines = debounced();
    pressed(&mut lines, true, 100);
    pressed(&mut lines, false, 200);
    lines.collect(at(300));
    assert_eq!(told(&lines), [(110, 1), (210, 0)]);
}

#[test]
fn a_wires_end_is_debounced_and_one_that_is_not_watched_is_not() {
    let mut lines = debounced();
    lines.wire(Line::gpio(22), Line::gpio(27), at(1)).expect("free");
    high(&mut lines, 22, "run 1").expect("free");
    lines.collect(at(50));
    assert_eq!(levels(&lines, 0), [(22, 1), (27, 1)]);
    lines.release("watcher", at(60)).expect("safe");
    lines.set(Line::gpio(22), Level::Low, Level::Low, "run 1", at(70)).expect("ours");
    assert_eq!((lines.due(), levels(&lines, 2)), (None, vec![(27, 0), (22, 0)]));
}

#[test]
fn one_wire_has_one_output() {
    let mut lines = board();
    lines.wire(Line::gpio(22), Line::gpio(27), at(1)).expect("free");
    high(&mut lines, 27, "run 1").expect("free");
    let error = high(&mut lines, 22, "run 1").expect_err("a short circuit").to_string();
    assert!(error.contains("GPIO22") && error.contains("GPIO27"), "{error}");
    lines.release("run 1", at(2)).expect("safe");
    high(&mut lines, 22, "run 1").expect("free");
}

/// A chip that drives what it has already, and nothing more.
#[derive(Debug)]
struct Broken;

impl Board for Broken {
    fn name(&self) -> String {
        "broken".to_owned()
    }

    fn kind(&self) -> BoardKind {
        BoardKind::Rppal
    }

    fn drive(&mut self, line: Line, level: Level, _: &str) -> Result<(), GpioError> {
        let why = "Input/output error".to_owned();
        if level == Level::High { Ok(()) } else { Err(GpioError::Kernel { what: format!("drive {line}"), why }) }
    }

    fn watch(&mut self, line: Line, _: InputSettings, _: &str) -> Result<(), GpioError> {
        Err(GpioError::CannotWatch(line))
    }

    fn release(&mut self, _: Line) {}

    fn info(&self, _: Line) -> LineInfo {
        LineInfo::default()
    }

    fn read(&mut self, line: Line) -> Result<Level, GpioError> {
        Err(GpioError::CannotWatch(line))
    }

    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn take_edges(&mut self, _: Monotonic) -> Vec<(Line, Level, Monotonic)> {
        Vec::new()
    }
}

#[test]
fn a_line_that_could_not_be_made_safe_is_not_called_safe() {
    let give_back = [
        |lines: &mut Lines| lines.release("run 1", at(2)),
        |lines: &mut Lines| lines.release_line(Line::gpio(5), "run 1", at(2)),
        |lines: &mut Lines| lines.make_safe(at(2)),
    ];
    let recover = |lines: &mut Lines| lines.recover(&[(Line::gpio(5), Level::Low)], &[], at(2));
    let mut lines = Lines::new(Box::new(Broken));
    let mut errors = vec![recover(&mut lines)];
    errors.extend(give_back.map(|give_back| {
        high(&mut lines, 5, "run 1").expect("it can be driven high");
        give_back(&mut lines)
    }));
    for error in errors {
        let error = error.expect_err("it cannot be driven low").to_string();
        assert!(error.contains("GPIO5 is safe is not known") && error.contains("Input/output error"), "{error}");
    }
    assert!(!lines.is_driving(), "it is let go all the same");
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

    fn watch(&mut self, line: Line, _: InputSettings, _: &str) -> Result<(), GpioError> {
        Err(GpioError::CannotWatch(line))
    }

    fn release(&mut self, line: Line) {
        self.0.remove(&line);
    }

    fn info(&self, line: Line) -> LineInfo {
        LineInfo { level: self.0.get(&line).copied(), function: Some("Alt0".to_owned()), ..LineInfo::default() }
    }

    fn read(&mut self, line: Line) -> Result<Level, GpioError> {
        Ok(self.0.get(&line).copied().unwrap_or(Level::Low))
    }

    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn take_edges(&mut self, _: Monotonic) -> Vec<(Line, Level, Monotonic)> {
        Vec::new()
    }
}

#[test]
fn where_no_level_can_be_read_an_edge_is_told_once() {
    let mut lines = Lines::new(Box::new(Blind::default()));
    for time in 1..4 {
        lines.set(Line::gpio(17), Level::High, Level::High, "relay", at(time)).expect("free");
        lines.release("relay", at(time)).expect("safe");
    }
    assert_eq!(levels(&lines, 0), [(17, 1)], "it was let go high, and nobody saw it fall");
    lines.set(Line::gpio(17), Level::Low, Level::Low, "relay", at(5)).expect("free");
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
    lines.release_line(Line::gpio(5), "run 1", at(2)).expect("safe");
    lines.release_line(Line::gpio(6), "you", at(3)).expect("safe");
    assert_eq!((lines.owner(Line::gpio(5)), lines.owner(Line::gpio(6))), (Some("you"), None));
    assert_eq!(lines.read(Line::gpio(6)), Ok(Level::Low));
}

#[test]
fn late_readers_see_that_they_missed_edges() {
    let mut lines = board();
    for number in 0..EDGES_KEPT as u64 + 10 {
        lines.toggle(Line::gpio(5), "x", at(number)).expect("ours");
    }
    let edges = lines.edges_since(0);
    assert_eq!((edges.len(), edges[0].sequence), (EDGES_KEPT, 11));
}

proptest! {
    /// After any requests, levels follow from the edges alone, no edge repeats a level, and `make_safe` leaves nothing driven.
    #[test]
    fn edges_tell_the_whole_story(steps in proptest::collection::vec((0_u8..5, 2_u8..28, 0_u8..3), 0..300)) {
        let mut lines = board();
        for (index, (what, number, owner)) in steps.into_iter().enumerate() {
            let (line, owner, now) = (Line::gpio(number), format!("run {owner}"), at(index as u64));
            // Refusals are part of the play.
            let _ = match what {
                0 => lines.set(line, Level::High, Level::Low, &owner, now),
                1 => lines.toggle(line, &owner, now).map(drop),
                2 => lines.press(line, true, now),
                3 => lines.press(line, false, now),
                _ => lines.release(&owner, now),
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
        lines.make_safe(at(1000)).expect("safe");
        let view = lines.view();
        prop_assert!(view.pins.iter().all(|pin| pin.owner.is_none() && !matches!(pin.function, PinFunction::Output(_))));
    }
}
