//! Pipelines.

mod body;
mod card;
mod watch;

pub(crate) use card::PIPELINE;
