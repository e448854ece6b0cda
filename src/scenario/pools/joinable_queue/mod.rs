//! Joinable queues.

mod body;
mod card;

pub(crate) use card::JOINABLE_QUEUE;
