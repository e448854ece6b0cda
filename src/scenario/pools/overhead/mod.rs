//! The cost of a task in a thread or process of its own.

mod body;
mod card;
mod judge;

pub(crate) use card::OVERHEAD;
