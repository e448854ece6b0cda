//! What the app asks of the header's lines, and where the answer goes.

use serde::{Deserialize, Serialize};

use crate::gpio::{BoardKind, Level, Watch};
use crate::model::RunId;

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

/// What the app asks of the header. Each is answered once, whatever comes of it: by `Report::Board`, or by `Report::Edges` where nothing
/// else has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineRequest {
    /// Take another board. Refused while a line is in use.
    UseBoard(BoardKind),
    /// Tell how the header is.
    Look,
    /// Drive a line.
    Set {
        /// Which.
        line: u8,
        /// To what.
        level: Level,
        /// What it goes back to when it is given back.
        safe: Level,
        /// On whose behalf.
        owner: String,
    },
    /// Drive a line to the other level than it has.
    Toggle {
        /// Which.
        line: u8,
        /// On whose behalf.
        owner: String,
    },
    /// Tell the edges of an input.
    Watch {
        /// Which.
        line: u8,
        /// How.
        watch: Watch,
        /// On whose behalf.
        owner: String,
    },
    /// Press a virtual button, or let it go.
    Press {
        /// Which.
        line: u8,
        /// Whether it is down.
        is_pressed: bool,
    },
    /// Lay a virtual wire.
    Wire {
        /// The output.
        from: u8,
        /// The input that follows it.
        to: u8,
    },
    /// Read a line, claiming it for a moment if there is no other way.
    Read {
        /// Which.
        line: u8,
    },
    /// Drive a line of an owner's to its safe level and give it back.
    Free {
        /// Which.
        line: u8,
        /// Whose.
        owner: String,
    },
    /// Drive all lines of an owner to their safe level and give them back.
    Release {
        /// Whose.
        owner: String,
    },
    /// Drive the lines that a lost supervisor has left driven to their safe level and give them back.
    Recover {
        /// The board that it was asked to take; `None` for its own choice.
        board: Option<BoardKind>,
        /// Lines that it drove, or may have driven, each with its safe level.
        driven: Vec<(u8, Level)>,
        /// Lines that were high, or may have been.
        high: Vec<u8>,
    },
}
