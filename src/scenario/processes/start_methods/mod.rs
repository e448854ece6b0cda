//! Fork, spawn, fork server.

mod body;
mod card;

pub(crate) use card::START_METHODS;
