//! Barriers.

mod body;
mod card;

pub(crate) use card::BARRIER;
