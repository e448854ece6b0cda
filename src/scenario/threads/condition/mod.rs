//! Condition variables.

mod body;
mod card;
mod judge;

pub(crate) use card::CONDITION;
