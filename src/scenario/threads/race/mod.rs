//! The race.

mod body;

pub(crate) use body::RACE;
