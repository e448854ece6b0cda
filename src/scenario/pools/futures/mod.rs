//! Futures.

mod body;

pub(crate) use body::FUTURES;
