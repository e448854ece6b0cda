//! Locks.

mod body;
mod card;

pub(crate) use card::LOCK;
