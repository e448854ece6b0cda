//! Scheduled events.

mod body;

pub(crate) use body::SCHEDULE;
