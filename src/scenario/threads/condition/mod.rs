//! Condition variables.

mod body;
mod card;

pub(crate) use card::CONDITION;
