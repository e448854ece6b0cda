//! A board as it is shown: its header's pins, their levels, owners and resistors. Made by the supervisor, drawn by the window.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Level, Line, PinFunction};

/// The 40-pin header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardView {
    /// Its name: `Raspberry Pi 4 B`, `simulated board`.
    pub name: String,
    /// The backend that drives it: `simulated`, `chardev`, `rppal`.
    pub backend: String,
    /// Why the resistor of a line may be unknown; `None` where each is told.
    pub pull_unknown: Option<PullUnknown>,
    /// Physical pins 1 to 40, in that order; empty before the supervisor has answered.
    pub pins: Vec<PinView>,
}

impl BoardView {
    /// The pin of a line; `None` before the supervisor has answered.
    pub fn pin(&self, line: Line) -> Option<&PinView> {
        self.pins.get(index(line))
    }

    /// The same, to be changed.
    pub fn pin_mut(&mut self, line: Line) -> Option<&mut PinView> {
        self.pins.get_mut(index(line))
    }

    /// Why the resistor of this pin is not known; `None` where it is, and for a pin that has none.
    pub fn why_no_pull(&self, pin: &PinView) -> Option<&PullUnknown> {
        self.pull_unknown.as_ref().filter(|_| pin.function.line().is_some() && pin.pull.is_none())
    }
}

fn index(line: Line) -> usize {
    usize::from(line.pin()).saturating_sub(1)
}

/// One physical pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinView {
    /// Its function.
    pub function: PinFunction,
    /// Its level, where it is a line and the level is known.
    pub level: Option<Level>,
    /// Its owner, such as `lock A`; or, where another program holds it, the consumer that the kernel names.
    pub owner: Option<String>,
    /// The resistor that holds an input where nothing drives it, as far as is known.
    pub pull: Option<Pull>,
    /// A warning before using it: another function that it has now, or a part that is soldered to it.
    pub note: Option<String>,
}

impl PinView {
    /// A pin of which nothing else is known.
    pub const fn new(function: PinFunction) -> Self {
        Self { function, level: None, owner: None, pull: None, note: None }
    }
}

/// The resistor that holds an input where nothing drives it. Shown, it is `pull-up`, `pull-down` or `no pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pull {
    /// A resistor to 3.3 V: it reads high.
    Up,
    /// A resistor to ground: it reads low.
    Down,
    /// Nothing: it floats.
    Off,
}

impl fmt::Display for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "pull-up",
            Self::Down => "pull-down",
            Self::Off => "no pull",
        })
    }
}

/// Why a line's resistor is not known without a claim that sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullUnknown {
    /// The chip has registers for it that can only be written.
    WriteOnly {
        /// The Raspberry Pi's.
        model: String,
        /// Its chip's name.
        chip: String,
    },
    /// The registers that know it could not be read, and why.
    NoAccess(String),
    /// The kernel tells it of a claimed line, and this chip's registers are not known.
    Unclaimed,
}

impl PullUnknown {
    /// In a few words, which follow `pull`.
    pub const fn short(&self) -> &'static str {
        match self {
            Self::WriteOnly { .. } => "cannot be read on this model",
            Self::NoAccess(_) => "could not be read",
            Self::Unclaimed => "unknown until claimed",
        }
    }
}

impl fmt::Display for PullUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.short())?;
        match self {
            Self::WriteOnly { model, chip } => write!(f, "the pull registers of a {model} ({chip}) can only be written"),
            Self::NoAccess(why) => f.write_str(why),
            Self::Unclaimed => f.write_str("the kernel tells the pull of a line only while somebody holds it"),
        }
    }
}
