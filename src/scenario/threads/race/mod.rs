//! The race.

mod body;
mod card;

pub(crate) use card::RACE;
