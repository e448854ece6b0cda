//! The 40-pin header, and what can be done with one pin.

pub(crate) mod board;
mod pin_card;
mod pins;
