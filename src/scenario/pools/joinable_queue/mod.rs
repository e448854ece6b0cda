//! Joinable queues.

mod body;
mod card;
mod judge;

pub(crate) use card::JOINABLE_QUEUE;
