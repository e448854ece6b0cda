//! The interface to a 40-pin header, and the kinds of boards. The rules for driving lines are in [`Lines`](super::Lines), not here.
//! Runs on the supervisor's only thread: nothing here may wait.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::GpioError;
use crate::model::{Level, Line, Monotonic, Pull, PullUnknown};

/// A line as it is known without a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineInfo {
    /// Its level, where it can be read without claiming the line, or we have claimed it.
    pub level: Option<Level>,
    /// Its resistor.
    pub pull: Option<Pull>,
    /// Another function that it has now, such as `Alt0`, or `Out` where something else drives it.
    pub function: Option<String>,
    /// Another program that holds it, by the name that it gave the kernel.
    pub consumer: Option<String>,
}

/// A 40-pin header, real or simulated.
pub trait Board: Send + fmt::Debug {
    /// Its name, such as `Raspberry Pi 4 B`.
    fn name(&self) -> String;

    /// Which backend this is.
    fn kind(&self) -> BoardKind;

    /// Makes a line an output with this level, in one step, or changes the level of one that is ours. `consumer` is the name that
    /// others see.
    fn drive(&mut self, line: Line, level: Level, consumer: &str) -> Result<(), GpioError>;

    /// Makes a line an input and tells its edges from now on.
    fn watch(&mut self, line: Line, settings: InputSettings, consumer: &str) -> Result<(), GpioError>;

    /// Makes a line that is ours an input, and gives it back.
    fn release(&mut self, line: Line);

    /// Reads what is known of a line without claiming it.
    fn info(&self, line: Line) -> LineInfo;

    /// Why the resistor of a line may be unknown; `None` where each one can be read.
    fn pull_unknown(&self) -> Option<&PullUnknown> {
        None
    }

    /// The level of a line; claims the line for a moment if there is no other way.
    fn read(&mut self, line: Line) -> Result<Level, GpioError>;

    /// Presses or releases the virtual button of an input. A real one is pressed by hand.
    fn press(&mut self, line: Line, _is_pressed: bool) -> Result<(), GpioError> {
        Err(GpioError::RealButton(line))
    }

    /// Lets an input follow an output, as a wire between the two would. A real wire is put in by hand.
    fn wire(&mut self, from: Line, to: Line) -> Result<(), GpioError> {
        Err(GpioError::NoWire { from, to })
    }

    /// Lines that change with this one: those at the other end of its virtual wires.
    fn followers(&self, _line: Line) -> Vec<Line> {
        Vec::new()
    }

    /// Notes that a lost supervisor has left this line high, so that a simulated board's log tells when it is low again.
    fn was_high(&mut self, _line: Line) {}

    /// Descriptors that are readable when a watched line has changed.
    fn fds(&self) -> Vec<BorrowedFd<'_>>;

    /// When a change will have lasted long enough to count, and [`take_edges`](Self::take_edges) gives it; `None` where the kernel
    /// does the debouncing.
    fn due(&self) -> Option<Monotonic> {
        None
    }

    /// Edges of watched lines since the last call, with the kernel's own times. Called before and after each change that we make.
    fn take_edges(&mut self, now: Monotonic) -> Vec<(Line, Level, Monotonic)>;
}

/// The settings of an input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSettings {
    /// The resistor to switch on; `None` leaves it as it is.
    pub pull: Option<Pull>,
    /// Changes that last less than this do not count; `None` for all.
    pub debounce: Option<Duration>,
}

/// Which board to use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoardKind {
    /// The best that this machine offers.
    #[default]
    Auto,
    /// The kernel's character device: the header's chip, or the one with this label.
    Chardev(Option<String>),
    /// The Pi's registers, through the crate of that name.
    Rppal,
    /// No board: pins on the screen; each edge is also written to the file, if one is named.
    Simulated(Option<String>),
}

impl BoardKind {
    /// Its name without a chip's label.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Chardev(_) => "chardev",
            Self::Rppal => "rppal",
            Self::Simulated(_) => "simulated",
        }
    }
}

impl fmt::Display for BoardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Chardev(Some(detail)) | Self::Simulated(Some(detail)) => write!(f, ":{detail}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for BoardKind {
    type Err = GpioError;

    fn from_str(text: &str) -> Result<Self, GpioError> {
        match text.split_once(':') {
            Some(("chardev", label)) if !label.is_empty() => return Ok(Self::Chardev(Some(label.to_owned()))),
            Some(("simulated", file)) if !file.is_empty() => return Ok(Self::Simulated(Some(file.to_owned()))),
            _ => {}
        }
        [Self::Auto, Self::Chardev(None), Self::Rppal, Self::Simulated(None)]
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or_else(|| GpioError::UnknownBoard(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_named_by_its_word() {
        for word in ["auto", "chardev", "chardev:gpio-sim.0", "rppal", "simulated", "simulated:/tmp/edges"] {
            assert_eq!(word.parse::<BoardKind>().expect("a word").to_string(), word);
        }
        for word in ["gpiod", "chardev:", "rppal:x", ""] {
            let error = word.parse::<BoardKind>().expect_err("none").to_string();
            assert!(error.contains(word) && error.contains("chardev"), "{error}");
        }
    }
}
