//! What a task costs.

mod body;
mod card;

pub(crate) use card::OVERHEAD;
