//! Queues.

mod body;

pub(crate) use body::QUEUE;
