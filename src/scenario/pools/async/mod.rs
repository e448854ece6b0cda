//! Coroutines.

mod body;
mod card;
mod executor;

pub(crate) use card::ASYNC;
