//! LEDs that several lessons drive.

use crate::model::Line;

/// The lines of a bar of eight LEDs, in the order in which they lie on it.
pub(crate) const LED_BAR: [Line; 8] = [
    Line::gpio(17),
    Line::gpio(27),
    Line::gpio(22),
    Line::gpio(23),
    Line::gpio(24),
    Line::gpio(25),
    Line::gpio(5),
    Line::gpio(6),
];
