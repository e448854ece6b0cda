//! Queues.

mod body;
mod card;

pub(crate) use card::QUEUE;
