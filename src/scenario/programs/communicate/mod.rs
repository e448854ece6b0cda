//! Talking to a program.

mod body;

pub(crate) use body::COMMUNICATE;
