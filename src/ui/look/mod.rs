//! Colours, fonts, and small pieces that several views share.

pub(super) mod fill;
pub(super) mod foreign;
pub(super) mod hatch;
pub(super) mod states;
pub(super) mod surface;
pub(super) mod theme;
pub(super) mod widgets;
