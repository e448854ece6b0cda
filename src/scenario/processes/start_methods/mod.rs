//! Fork, spawn, fork server.

mod body;

pub(crate) use body::START_METHODS;
