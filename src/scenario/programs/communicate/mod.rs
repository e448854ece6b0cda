//! Talking to a program.

mod body;
mod card;
mod judge;

pub(crate) use card::COMMUNICATE;
