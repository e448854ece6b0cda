//! Pipes.

mod body;
mod card;

pub(crate) use card::PIPE;
