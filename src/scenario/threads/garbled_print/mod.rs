//! Two threads, one screen.

mod body;
mod card;
mod judge;

pub(crate) use card::GARBLED_PRINT;
