//! The cost of a task.

mod body;
mod card;

pub(crate) use card::OVERHEAD;
