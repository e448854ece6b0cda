//! A line of the header, and how a person writes it: `GPIO17`, or `BOARD11` for the physical pin. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{GpioError, header};
use crate::model::PinFunction;

/// One of the header's 26 lines, GPIO2 to GPIO27.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Line(u8);

impl Line {
    /// All of them, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (2..=27).map(Self)
    }

    /// The line with this number (the kernel's offset on the header's chip). 0 and 1 belong to the HAT's EEPROM; others are not on
    /// the header.
    pub fn new(number: u32) -> Result<Self, GpioError> {
        match u8::try_from(number) {
            Ok(number @ 0..=1) => Err(GpioError::HatId(number)),
            Ok(number @ 2..=27) => Ok(Self(number)),
            _ => Err(GpioError::NotOnHeader(number)),
        }
    }

    /// The line on this physical pin, 1 to 40.
    pub fn at_pin(pin: u32) -> Result<Self, GpioError> {
        match header::function(pin) {
            Some(PinFunction::Input(number)) => Ok(Self(number)),
            Some(other) => Err(GpioError::NotALine { pin, what: header::words(other) }),
            None => Err(GpioError::NotALine { pin, what: "not on the header, whose pins are 1 to 40" }),
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its physical pin, 1 to 40.
    pub fn pin(self) -> u8 {
        // Every line is on the header, as the header's test shows.
        header::physical(self.0).unwrap_or_default()
    }

    /// What to know before wiring something to it.
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

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GPIO{}", self.0)
    }
}

impl FromStr for Line {
    type Err = GpioError;

    /// Reads `GPIO17` or `BOARD11`, in any case. A bare number is refused, since it can mean either.
    fn from_str(text: &str) -> Result<Self, GpioError> {
        if let Some(number) = number(text) {
            return Err(GpioError::BareNumber(both_readings(number)));
        }
        let after = |scheme: &str| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            if start.eq_ignore_ascii_case(scheme) { number(rest) } else { None }
        };
        match (after("GPIO"), after("BOARD")) {
            (Some(number), _) => Self::new(number),
            (_, Some(pin)) => Self::at_pin(pin),
            _ => Err(GpioError::NoLine(text.to_owned())),
        }
    }
}

/// A number as people write pins: digits alone, without a leading zero.
fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

/// What a bare number can mean, in words.
fn both_readings(number: u32) -> String {
    let as_line = match Line::new(number) {
        Ok(line) => format!("GPIO{number} is the line on physical pin {}", line.pin()),
        Err(GpioError::HatId(_)) => format!("GPIO{number} belongs to the HAT's EEPROM"),
        Err(_) => format!("GPIO{number} is not on the header"),
    };
    let as_pin = match header::function(number) {
        Some(PinFunction::Input(line)) => format!("BOARD{number}, the physical pin, is GPIO{line}"),
        Some(other) => format!("BOARD{number}, the physical pin, is {}", header::words(other)),
        None => format!("BOARD{number} is not on the header"),
    };
    format!("{number} can be read in two ways: {as_line}; {as_pin}; write GPIO or BOARD in front")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Covers: F72.
    #[test]
    fn of_a_chips_58_lines_26_may_be_used() {
        let usable: Vec<u32> = (0..58).filter(|offset| Line::new(*offset).is_ok()).collect();
        assert_eq!(usable, (2..=27).collect::<Vec<u32>>());
        assert_eq!(Line::new(0), Err(GpioError::HatId(0)));
        assert_eq!("gpio1".parse::<Line>(), Err(GpioError::HatId(1)));
        assert_eq!("GPIO28".parse::<Line>(), Err(GpioError::NotOnHeader(28)));
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
            assert_eq!(text.parse::<Line>(), Err(GpioError::NoLine(text.to_owned())));
        }
        let error = "17".parse::<Line>().expect_err("ambiguous").to_string();
        assert!(error.contains("physical pin 11") && error.contains("BOARD17, the physical pin, is 3.3 V power"), "{error}");
        let error = "11".parse::<Line>().expect_err("ambiguous").to_string();
        assert!(error.contains("physical pin 23") && error.contains("is GPIO17"), "{error}");
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
            prop_assert!(matches!(&bare, Err(GpioError::BareNumber(text)) if text.contains("GPIO") && text.contains("BOARD")));
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,12}") {
            if let Ok(line) = text.parse::<Line>() {
                prop_assert!((2..=27).contains(&line.number()));
            }
        }
    }
}
