//! Terminate and kill.

mod body;
mod card;
mod judge;

pub(crate) use card::SIGNALS;
