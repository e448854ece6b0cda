//! Fork, spawn, fork server.

mod body;
mod card;
mod judge;

pub(crate) use card::START_METHODS;
