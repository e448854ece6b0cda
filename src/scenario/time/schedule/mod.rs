//! Scheduled events.

mod body;
mod card;
mod judge;

pub(crate) use card::SCHEDULE;
