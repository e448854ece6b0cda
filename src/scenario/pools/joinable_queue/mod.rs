//! Joinable queues.

mod body;

pub(crate) use body::JOINABLE_QUEUE;
