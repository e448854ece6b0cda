//! Coroutines.

mod body;
mod card;
mod executor;
mod judge;

pub(crate) use card::ASYNC;
