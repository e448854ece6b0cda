//! Locks.

mod body;

pub(crate) use body::LOCK;
