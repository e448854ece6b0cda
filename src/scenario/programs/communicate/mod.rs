//! Talking to a program.

mod body;
mod card;

pub(crate) use card::COMMUNICATE;
