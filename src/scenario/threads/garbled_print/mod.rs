//! Two threads, one screen.

mod body;
mod card;

pub(crate) use card::GARBLED_PRINT;
