//! Condition variables.

mod body;

pub(crate) use body::CONDITION;
