//! Futures.

mod body;
mod card;

pub(crate) use card::FUTURES;
