//! Terminate and kill.

mod body;
mod card;

pub(crate) use card::SIGNALS;
