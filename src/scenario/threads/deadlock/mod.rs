//! Deadlock.

mod body;
mod card;

pub(crate) use card::DEADLOCK;
