//! A board with a 40-pin header, and choosing one at run time. The supervisor's only thread owns it: nothing here may wait.

use std::fmt;
use std::str::FromStr;

use super::simulated::Simulated;
use super::{GpioError, Line};
use crate::model::{BoardView, Monotonic};

/// The level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 0 volts.
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
}

impl std::ops::Not for Level {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// A line that changed its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Counts the board's edges from 1; a gap in what a reader gets says how many it has missed.
    pub sequence: u64,
    /// When.
    pub t: Monotonic,
    /// Which line.
    pub line: Line,
    /// Its level since then.
    pub level: Level,
}

/// A 40-pin header, real or simulated. A line is driven by one owner at a time, such as `run 3` or `lock A`; all others are inputs.
pub trait Board: Send + fmt::Debug {
    /// How the header is now.
    fn view(&self) -> BoardView;

    /// Drives a line, which makes it an output of `owner`.
    fn set(&mut self, line: Line, level: Level, owner: &str, now: Monotonic) -> Result<(), GpioError>;

    /// Drives a line to the other level than it has, and tells which.
    fn toggle(&mut self, line: Line, owner: &str, now: Monotonic) -> Result<Level, GpioError> {
        let level = !self.level(line);
        self.set(line, level, owner, now).map(|()| level)
    }

    /// The level of a line, driven or read.
    fn level(&self, line: Line) -> Level;

    /// Gives back the lines of one owner: each is driven low, the declared safe level, and then an input.
    fn release(&mut self, owner: &str, now: Monotonic);

    /// Gives back all lines that are driven, whoever owns them.
    fn make_safe(&mut self, now: Monotonic);

    /// Presses or lets go the virtual button of an input, which sets it high while pressed. A board with real buttons refuses.
    fn press(&mut self, line: Line, is_pressed: bool, now: Monotonic) -> Result<(), GpioError>;

    /// The edges after the one with this number (0 for all), oldest first, as far as they are kept.
    fn edges_since(&self, sequence: u64) -> Vec<Edge>;
}

/// Which board to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BoardKind {
    /// The best that this machine offers.
    #[default]
    Auto,
    /// The kernel's character device.
    Chardev,
    /// The Pi's registers, through the crate of that name.
    Rppal,
    /// None: pins on the screen.
    Simulated,
}

impl fmt::Display for BoardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Chardev => "chardev",
            Self::Rppal => "rppal",
            Self::Simulated => "simulated",
        })
    }
}

impl FromStr for BoardKind {
    type Err = GpioError;

    fn from_str(text: &str) -> Result<Self, GpioError> {
        [Self::Auto, Self::Chardev, Self::Rppal, Self::Simulated]
            .into_iter()
            .find(|kind| kind.to_string() == text)
            .ok_or_else(|| GpioError::UnknownBoard(text.to_owned()))
    }
}

/// Opens a board. This version drives no real one: `auto` is the simulated board, also on a Pi, and says so in its name.
pub fn choose(kind: BoardKind) -> Result<Box<dyn Board>, GpioError> {
    match kind {
        BoardKind::Auto | BoardKind::Simulated => Ok(Box::new(Simulated::new())),
        BoardKind::Chardev | BoardKind::Rppal => Err(GpioError::NotAvailable { kind }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_chosen_by_its_word() {
        for kind in [BoardKind::Auto, BoardKind::Simulated] {
            assert_eq!(choose(kind).expect("always there").view().backend, "simulated");
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for word in ["chardev", "rppal"] {
            let error = choose(word.parse().expect("a word")).expect_err("later").to_string();
            assert!(error.contains(word) && error.contains("--board simulated"), "{error}");
        }
        let error = "gpiod".parse::<BoardKind>().expect_err("none").to_string();
        assert!(error.contains("gpiod") && error.contains("chardev"), "{error}");
    }
}
