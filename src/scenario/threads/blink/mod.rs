//! Blink.

mod body;

pub(crate) use body::BLINK;
