//! The 40-pin header, as it lies on every Raspberry Pi since the B+: its lines and their levels, how a person writes a line, and what
//! each physical pin is. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The level of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// 0 volts.
    #[default]
    Low,
    /// 3.3 volts.
    High,
}

impl Level {
    /// 0 or 1, as on an event line.
    pub const fn value(self) -> u8 {
        match self {
            Self::Low => 0,
            Self::High => 1,
        }
    }

    /// The level that is high if `is_high`.
    pub const fn high_if(is_high: bool) -> Self {
        if is_high { Self::High } else { Self::Low }
    }
}

impl std::ops::Not for Level {
    type Output = Self;

    fn not(self) -> Self {
        Self::high_if(self == Self::Low)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::High => "high",
        })
    }
}

/// One of the header's 26 lines, GPIO2 to GPIO27.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Line(u8);

/// The lines' numbers.
const FIRST: u8 = 2;
const LAST: u8 = 27;

impl Line {
    /// All of them, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (FIRST..=LAST).map(Self)
    }

    /// The line with this number (the kernel's offset on the header's chip). 0 and 1 belong to the HAT's EEPROM; others are not on
    /// the header.
    pub fn new(number: u32) -> Result<Self, ParseLineError> {
        match u8::try_from(number) {
            Ok(number @ 0..FIRST) => Err(ParseLineError::HatId(number)),
            Ok(number @ FIRST..=LAST) => Ok(Self(number)),
            _ => Err(ParseLineError::NotOnHeader(number)),
        }
    }

    /// A line whose number stands in the code, 2 to 27. Panics for any other number; in a constant that is an error at compile time.
    pub const fn gpio(number: u8) -> Self {
        assert!(FIRST <= number && number <= LAST, "the header's lines are GPIO2 to GPIO27");
        Self(number)
    }

    /// The line on this physical pin, 1 to 40.
    pub fn at_pin(pin: u32) -> Result<Self, ParseLineError> {
        match PinFunction::at_pin(pin) {
            Some(PinFunction::Input(line)) => Ok(line),
            Some(other) => Err(ParseLineError::NotALine { pin, what: other.description() }),
            None => Err(ParseLineError::NotALine { pin, what: "not on the header, whose pins are 1 to 40" }),
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its physical pin, 1 to 40.
    pub fn pin(self) -> u8 {
        // Every line is on the header, as its test shows.
        (1..).zip(HEADER).find(|(_, function)| *function == PinFunction::Input(self)).map_or(0, |(pin, _)| pin)
    }

    /// A warning before wiring something to it.
    pub const fn warning(self) -> Option<&'static str> {
        match self.0 {
            2 | 3 => Some(
                "GPIO2 and GPIO3 are I2C: they have fixed pull-up resistors to 3.3 V and read high when nothing is connected",
            ),
            14 | 15 => Some("GPIO14 and GPIO15 are the serial port: a serial console that is switched on uses them"),
            _ => None,
        }
    }
}

impl TryFrom<u32> for Line {
    type Error = ParseLineError;

    fn try_from(number: u32) -> Result<Self, ParseLineError> {
        Self::new(number)
    }
}

impl From<Line> for u32 {
    fn from(line: Line) -> Self {
        line.0.into()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GPIO{}", self.0)
    }
}

/// Why a text or a number is no line. Each message stands alone, and says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseLineError {
    /// A number that can be read in two ways.
    #[error("{0}")]
    BareNumber(String),
    /// A name in another scheme, or none.
    #[error("{0:?} names no pin: write GPIO2 to GPIO27, or BOARD and the physical pin, such as BOARD11")]
    NoLine(String),
    /// Outside the header.
    #[error("GPIO{0} is not on the 40-pin header: its lines are GPIO2 to GPIO27")]
    NotOnHeader(u32),
    /// The EEPROM's lines.
    #[error("GPIO{0} belongs to the HAT's EEPROM and is not to be used: take one of GPIO2 to GPIO27")]
    HatId(u8),
    /// A physical pin that is no line.
    #[error("BOARD{pin} is {what}, not a line that can be read or driven")]
    NotALine {
        /// The physical pin.
        pin: u32,
        /// Its function, in words.
        what: &'static str,
    },
}

impl FromStr for Line {
    type Err = ParseLineError;

    /// Reads `GPIO17` or `BOARD11`, in any case. A bare number is refused, since it can mean either.
    fn from_str(text: &str) -> Result<Self, ParseLineError> {
        if let Some(number) = number(text) {
            return Err(ParseLineError::BareNumber(both_readings(number)));
        }
        let after = |scheme: &str| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            if start.eq_ignore_ascii_case(scheme) { number(rest) } else { None }
        };
        match (after("GPIO"), after("BOARD")) {
            (Some(number), _) => Self::new(number),
            (_, Some(pin)) => Self::at_pin(pin),
            _ => Err(ParseLineError::NoLine(text.to_owned())),
        }
    }
}

/// A number as people write pins: digits alone, without a leading zero.
fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

/// The two meanings of a bare number, in words.
fn both_readings(number: u32) -> String {
    let as_line = match Line::new(number) {
        Ok(line) => format!("{line} is the line on physical pin {}", line.pin()),
        Err(ParseLineError::HatId(_)) => format!("GPIO{number} belongs to the HAT's EEPROM"),
        Err(_) => format!("GPIO{number} is not on the header"),
    };
    let as_pin = match PinFunction::at_pin(number) {
        Some(PinFunction::Input(line)) => format!("BOARD{number}, the physical pin, is {line}"),
        Some(other) => format!("BOARD{number}, the physical pin, is {}", other.description()),
        None => format!("BOARD{number} is not on the header"),
    };
    format!("{number} can be read in two ways: {as_line}; {as_pin}; write GPIO or BOARD in front")
}

/// The function of a physical pin. Shown, it is the name beside the pin: `3V3`, `GND`, `GPIO17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PinFunction {
    /// 3.3 volts.
    Power3V3,
    /// 5 volts.
    Power5V,
    /// Ground.
    Ground,
    /// The HAT's EEPROM: not for us.
    HatId,
    /// A line, as an input.
    Input(Line),
    /// A line that we drive.
    Output(Line),
}

impl PinFunction {
    /// The function of a physical pin while nothing is driven, so that all lines are inputs. `None` unless `pin` is 1 to 40.
    pub fn at_pin(pin: u32) -> Option<Self> {
        HEADER.get(usize::try_from(pin.checked_sub(1)?).ok()?).copied()
    }

    /// The line, where it is one.
    pub const fn line(self) -> Option<Line> {
        match self {
            Self::Input(line) | Self::Output(line) => Some(line),
            Self::Power3V3 | Self::Power5V | Self::Ground | Self::HatId => None,
        }
    }

    /// Whether it is a line that we drive.
    pub const fn is_output(self) -> bool {
        matches!(self, Self::Output(_))
    }

    /// In words.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Power3V3 => "3.3 V power",
            Self::Power5V => "5 V power",
            Self::Ground => "ground",
            Self::HatId => "the HAT's EEPROM",
            Self::Input(_) | Self::Output(_) => "a GPIO line",
        }
    }
}

impl fmt::Display for PinFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Power3V3 => f.pad("3V3"),
            Self::Power5V => f.pad("5V"),
            Self::Ground => f.pad("GND"),
            Self::HatId => f.pad("ID"),
            Self::Input(line) | Self::Output(line) => f.pad(&line.to_string()),
        }
    }
}

/// The function of each physical pin, 1 to 40, two in a row as they lie. Lines are inputs until something drives them.
#[rustfmt::skip]
const HEADER: [PinFunction; 40] = {
    use PinFunction::{Ground as GND, HatId as ID, Power3V3 as V3, Power5V as V5};
    const fn io(number: u8) -> PinFunction {
        PinFunction::Input(Line::gpio(number))
    }
    [
        V3,     V5,
        io(2),  V5,
        io(3),  GND,
        io(4),  io(14),
        GND,    io(15),
        io(17), io(18),
        io(27), GND,
        io(22), io(23),
        V3,     io(24),
        io(10), GND,
        io(9),  io(25),
        io(11), io(8),
        GND,    io(7),
        ID,     ID,
        io(5),  GND,
        io(6),  io(12),
        io(13), GND,
        io(19), io(16),
        io(26), io(20),
        GND,    io(21),
    ]
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Covers: F72.
    #[test]
    fn of_a_chips_58_lines_26_may_be_used() {
        let usable: Vec<u32> = (0..58).filter(|offset| Line::new(*offset).is_ok()).collect();
        assert_eq!(usable, (2..=27).collect::<Vec<u32>>());
        assert_eq!(Line::new(0), Err(ParseLineError::HatId(0)));
        assert_eq!("gpio1".parse::<Line>(), Err(ParseLineError::HatId(1)));
        assert_eq!("GPIO28".parse::<Line>(), Err(ParseLineError::NotOnHeader(28)));
        assert_eq!(Line::all().filter(|line| line.warning().is_some()).map(Line::number).collect::<Vec<_>>(), [2, 3, 14, 15]);
    }

    /// Covers: F71.
    #[test]
    fn of_six_spellings_two_are_taken() {
        // Those of gpiozero: a number, GPIO, BCM, BOARD, WiringPi, header and pin.
        let seventeen = Line::new(17);
        for text in ["GPIO17", "gpio17", "BOARD11", "Board11"] {
            assert_eq!(text.parse(), seventeen, "{text}");
        }
        for text in ["BCM17", "WPI0", "J8:11", "", "GPIO", "GPIO017", "GPIO+17", "GPIO 17", " GPIO17", "GPIOé", "ÄGPIO1", "-17"]
        {
            assert_eq!(text.parse::<Line>(), Err(ParseLineError::NoLine(text.to_owned())));
        }
        let error = "17".parse::<Line>().expect_err("ambiguous").to_string();
        assert!(error.contains("physical pin 11") && error.contains("BOARD17, the physical pin, is 3.3 V power"), "{error}");
        let error = "11".parse::<Line>().expect_err("ambiguous").to_string();
        assert!(error.contains("physical pin 23") && error.contains("is GPIO17"), "{error}");
    }

    #[test]
    fn the_header_has_what_the_documentation_counts() {
        let count = |wanted: PinFunction| HEADER.iter().filter(|function| **function == wanted).count();
        assert_eq!(
            (count(PinFunction::Power3V3), count(PinFunction::Power5V), count(PinFunction::Ground), count(PinFunction::HatId)),
            (2, 2, 8, 2)
        );
        let mut lines: Vec<Line> = HEADER.iter().filter_map(|function| function.line()).collect();
        lines.sort_unstable();
        assert!(lines.into_iter().eq(Line::all()), "each line once");
    }

    #[test]
    fn well_known_pins_lie_where_everybody_wires_them() {
        for (line, pin) in
            [(2, 3), (3, 5), (4, 7), (14, 8), (15, 10), (17, 11), (18, 12), (27, 13), (22, 15), (10, 19), (21, 40), (26, 37)]
        {
            assert_eq!(Line::gpio(line).pin(), pin, "GPIO{line}");
        }
        let at = PinFunction::at_pin;
        assert_eq!((at(0), at(41), at(27)), (None, None, Some(PinFunction::HatId)));
    }

    #[test]
    fn a_line_that_is_not_on_the_header_is_not_read_from_json_either() {
        assert_eq!(serde_json::to_string(&Line::gpio(17)).expect("writes"), "17");
        assert_eq!(serde_json::from_str::<Line>("17").expect("reads"), Line::gpio(17));
        assert!(serde_json::from_str::<Line>("28").expect_err("none").to_string().contains("GPIO28 is not on the 40-pin header"));
    }

    proptest! {
        #[test]
        fn every_offset_and_spelling_agree(offset in 0_u32..58) {
            let by_name = format!("GPIO{offset}").parse::<Line>();
            prop_assert_eq!(by_name.clone(), Line::new(offset));
            if let Ok(line) = by_name {
                prop_assert_eq!(u32::from(line.number()), offset);
                prop_assert_eq!(line.to_string().parse::<Line>(), Ok(line));
                prop_assert_eq!(format!("board{}", line.pin()).parse::<Line>(), Ok(line));
                prop_assert_eq!(Line::at_pin(line.pin().into()), Ok(line));
            }
            let bare = offset.to_string().parse::<Line>();
            prop_assert!(matches!(&bare, Err(ParseLineError::BareNumber(text)) if text.contains("GPIO") && text.contains("BOARD")));
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,12}") {
            if let Ok(line) = text.parse::<Line>() {
                prop_assert!((2..=27).contains(&line.number()));
            }
        }
    }
}
