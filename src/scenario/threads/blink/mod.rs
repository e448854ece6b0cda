//! Blink.

mod body;
mod card;

pub(crate) use card::BLINK;
