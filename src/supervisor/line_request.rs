//! The app's requests for the header's lines, and the receivers of the answers.

use serde::{Deserialize, Serialize};

use crate::gpio::{BoardKind, InputSettings};
use crate::model::{Level, Line, RunId};

/// Where the app takes the answer to a [`LineRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplyTo {
    /// To nobody: the user sees a refusal as a notice, and the rest on the board.
    Nobody,
    /// To the sender of a command to the engine, by the number that the sender gave it.
    Command(u64),
    /// To a run whose body asked: the run shows a refusal.
    Run(RunId),
    /// To the engine itself, which asked for the lines of a lost supervisor to be made safe.
    Recovery,
}

/// A request about the header. Each is answered once, refused or not: by `Report::Board`, or by `Report::Edges` if nothing but levels has
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineRequest {
    /// Use another board. Refused while a line is in use.
    UseBoard(BoardKind),
    /// Report the whole header.
    Look,
    /// Drive a line.
    Set {
        /// The line.
        line: Line,
        /// The level.
        level: Level,
        /// The level that it gets before it is released.
        safe: Level,
        /// The owner of the line.
        owner: String,
    },
    /// Drive a line to the opposite of its level.
    Toggle {
        /// The line.
        line: Line,
        /// The owner of the line.
        owner: String,
    },
    /// Report the edges of an input.
    Watch {
        /// The line.
        line: Line,
        /// Its pull and its debounce time.
        settings: InputSettings,
        /// The owner of the line.
        owner: String,
    },
    /// Press a virtual button, or release it.
    Press {
        /// The line.
        line: Line,
        /// Whether it is pressed.
        is_pressed: bool,
    },
    /// Lay a virtual wire.
    Wire {
        /// The output.
        from: Line,
        /// The input that follows it.
        to: Line,
    },
    /// Read a line. It is claimed for a moment if there is no other way.
    Read {
        /// The line.
        line: Line,
    },
    /// Drive a line of an owner to its safe level and release it.
    Free {
        /// The line.
        line: Line,
        /// The owner.
        owner: String,
    },
    /// Drive all lines of an owner to their safe level and release them.
    Release {
        /// The owner.
        owner: String,
    },
    /// Drive the lines that a lost supervisor has left driven to their safe level and release them.
    Recover {
        /// The board that it was asked to use; `None` for its own choice.
        board: Option<BoardKind>,
        /// Lines that it drove, or may have driven, each with its safe level.
        driven: Vec<(Line, Level)>,
        /// Lines that were high, or may have been.
        high: Vec<Line>,
    },
}
