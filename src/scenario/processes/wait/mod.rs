//! Waiting for a child.

mod body;
mod card;

pub(crate) use card::WAIT;
