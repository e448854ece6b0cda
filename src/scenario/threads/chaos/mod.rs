//! One program, ten runs.

mod body;
mod card;
mod judge;

pub(crate) use card::CHAOS;
