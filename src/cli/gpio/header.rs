//! The header as text and as JSON. Pure.

use serde_json::{Value, json};

use crate::model::{BoardView, Level, PinFunction, harmless};

/// The header for people: a line for the board, then one for each pin.
pub(super) fn board_text(board: &BoardView) -> String {
    let unknown = board.pull_unknown.as_ref().map(|unknown| format!("; pull {unknown}")).unwrap_or_default();
    let mut text = harmless(&format!("{} ({}){unknown}", board.name, board.backend)) + "\n";
    for (index, pin) in board.pins.iter().enumerate() {
        let (level, pull) = (pin.level.map(|level| level.to_string()), pin.pull.map(|pull| pull.to_string()));
        let mut rest: Vec<&str> = vec![direction(pin.function)];
        rest.extend([&level, &pull, &pin.owner, &pin.note].into_iter().filter_map(|word| word.as_deref()));
        rest.retain(|word| !word.is_empty());
        let line = harmless(&format!("{:>2}  {:<7} {}", index + 1, pin.function, rest.join(", ")));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The header for programs.
pub(super) fn board_json(board: &BoardView) -> Value {
    let pins = board.pins.iter().enumerate().map(|(index, pin)| {
        json!({
            "pin": index + 1,
            "name": pin.function.to_string(),
            "direction": direction(pin.function),
            "level": pin.level.map(Level::value),
            "owner": pin.owner,
            "pull": pin.pull.map(|pull| pull.to_string()),
            "pull_unknown": board.why_no_pull(pin).map(ToString::to_string),
            "note": pin.note,
        })
    });
    json!({"board": board.name, "backend": board.backend, "pins": pins.collect::<Vec<_>>()})
}

const fn direction(function: PinFunction) -> &'static str {
    match function {
        PinFunction::Input(_) => "input",
        PinFunction::Output(_) => "output",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Line, PinView, Pull, PullUnknown};

    /// A header of a ground pin, an input with a pull-up and one whose resistor the board cannot read.
    fn board() -> BoardView {
        let pulled = PinView { pull: Some(Pull::Up), ..PinView::new(PinFunction::Input(Line::gpio(2))) };
        BoardView {
            name: "Raspberry Pi 3 B".to_owned(),
            backend: "chardev".to_owned(),
            pull_unknown: Some(PullUnknown::WriteOnly { model: "Raspberry Pi 3 B".to_owned(), chip: "BCM2837A1".to_owned() }),
            pins: vec![PinView::new(PinFunction::Ground), pulled, PinView::new(PinFunction::Input(Line::gpio(3)))],
        }
    }

    /// Covers: F45.
    #[test]
    fn the_owner_of_a_pin_is_shown_in_one_harmless_line() {
        let held = PinView { owner: Some("a\x1b[2J\u{202e}\nb".to_owned()), ..PinView::new(PinFunction::Input(Line::gpio(4))) };
        let text = board_text(&BoardView { name: "board\x07".to_owned(), pins: vec![held], ..board() });
        assert!(text.starts_with("board^G (chardev)") && text.ends_with(" 1  GPIO4   input, a^[[2J<U+202E> b\n"), "{text:?}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_resistor_that_cannot_be_read_is_said_to_be_so_with_the_reason() {
        let text = board_text(&board());
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains("pull cannot be read on this model") && first.contains("BCM2837A1"), "{first}");
        assert!(text.contains("GPIO2   input, pull-up\n") && text.ends_with("GPIO3   input\n"), "{text}");

        let json = board_json(&board());
        let of = |index: usize| (json["pins"][index]["pull"].as_str(), json["pins"][index]["pull_unknown"].as_str());
        assert_eq!(of(0), (None, None), "a ground pin has none");
        assert_eq!(of(1), (Some("pull-up"), None));
        assert!(of(2).0.is_none() && of(2).1.is_some_and(|why| why.contains("can only be written")), "{json}");
        let told = BoardView { pull_unknown: None, ..board() };
        assert!(board_json(&told)["pins"][2]["pull_unknown"].is_null() && !board_text(&told).contains("cannot"));
    }
}
