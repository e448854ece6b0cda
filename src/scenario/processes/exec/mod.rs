//! Exec.

mod body;
mod card;

pub(crate) use card::EXEC;
