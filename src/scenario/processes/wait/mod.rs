//! Waiting for a child.

mod body;

pub(crate) use body::WAIT;
