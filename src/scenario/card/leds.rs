//! LEDs that several lessons drive.

/// GPIO lines of a bar of eight LEDs, in the order in which they lie on it.
pub(crate) const LED_BAR: [u8; 8] = [17, 27, 22, 23, 24, 25, 5, 6];
