//! Coroutines.

mod body;
mod executor;

pub(crate) use body::ASYNC;
