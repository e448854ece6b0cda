//! Waiting for a child.

mod body;
mod card;
mod judge;

pub(crate) use card::WAIT;
