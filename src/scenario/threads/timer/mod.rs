//! Timers.

mod body;
mod card;

pub(crate) use card::TIMER;
