//! The 40-pin header, as it lies on every Raspberry Pi since the B+. Pure.

use crate::model::PinFunction;

/// What each physical pin is, 1 to 40; lines as inputs, which is what they are until somebody drives them.
const HEADER: [PinFunction; 40] = {
    use PinFunction::{Ground as G, HatId as H, Input as I, Power3V3 as P3, Power5V as P5};
    [
        P3,
        P5, //
        I(2),
        P5, //
        I(3),
        G, //
        I(4),
        I(14), //
        G,
        I(15), //
        I(17),
        I(18), //
        I(27),
        G, //
        I(22),
        I(23), //
        P3,
        I(24), //
        I(10),
        G, //
        I(9),
        I(25), //
        I(11),
        I(8), //
        G,
        I(7), //
        H,
        H, //
        I(5),
        G, //
        I(6),
        I(12), //
        I(13),
        G, //
        I(19),
        I(16), //
        I(26),
        I(20), //
        G,
        I(21),
    ]
};

/// What a physical pin is, 1 to 40; `None` for any other number.
pub(super) fn function(physical: u32) -> Option<PinFunction> {
    HEADER.get(usize::try_from(physical.checked_sub(1)?).ok()?).copied()
}

/// The physical pin of a GPIO line; `None` when it is not on the header.
pub(super) fn physical(line: u8) -> Option<u8> {
    (1..).zip(HEADER).find(|(_, function)| *function == PinFunction::Input(line)).map(|(pin, _)| pin)
}

/// A pin that is no line, in words.
pub(super) fn words(function: PinFunction) -> &'static str {
    match function {
        PinFunction::Power3V3 => "3.3 V power",
        PinFunction::Power5V => "5 V power",
        PinFunction::Ground => "ground",
        PinFunction::HatId => "the HAT's EEPROM",
        PinFunction::Input(_) | PinFunction::Output(_) => "a GPIO line",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_what_the_documentation_counts() {
        let count = |wanted: PinFunction| HEADER.iter().filter(|function| **function == wanted).count();
        assert_eq!(
            (count(PinFunction::Power3V3), count(PinFunction::Power5V), count(PinFunction::Ground), count(PinFunction::HatId)),
            (2, 2, 8, 2)
        );
        let mut lines: Vec<u8> = (0..=255).filter(|line| physical(*line).is_some()).collect();
        lines.sort_unstable();
        assert_eq!(lines, (2..=27).collect::<Vec<u8>>());
    }

    #[test]
    fn well_known_pins_lie_where_everybody_wires_them() {
        for (line, pin) in
            [(2, 3), (3, 5), (4, 7), (14, 8), (15, 10), (17, 11), (18, 12), (27, 13), (22, 15), (10, 19), (21, 40), (26, 37)]
        {
            assert_eq!(physical(line), Some(pin), "GPIO{line}");
        }
        assert_eq!((function(0), function(41), function(27)), (None, None, Some(PinFunction::HatId)));
    }
}
