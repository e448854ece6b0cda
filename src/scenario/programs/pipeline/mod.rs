//! Pipelines.

mod body;
mod watch;

pub(crate) use body::PIPELINE;
