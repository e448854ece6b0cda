//! Which lines of the header are driven: the supervisor tells its guard, which makes them safe if the supervisor cannot.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::gpio::BoardKind;
use crate::model::{Level, Line};

/// How long the app may say nothing while lines are driven: then they are made safe (a dead man's switch).
pub const DEAD_MAN: Duration = Duration::from_secs(1);

/// The board, the lines that are driven, each with its safe level, and the lines that may be high.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DrivenLines {
    pub(super) board: BoardKind,
    pub(super) safe_levels: Vec<(Line, Level)>,
    pub(super) may_be_high: Vec<Line>,
}
