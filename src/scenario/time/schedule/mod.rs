//! Scheduled events.

mod body;
mod card;

pub(crate) use card::SCHEDULE;
