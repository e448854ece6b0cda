//! Pipes.

mod body;

pub(crate) use body::PIPE;
