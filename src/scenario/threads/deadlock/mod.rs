//! Deadlock.

mod body;

pub(crate) use body::DEADLOCK;
