//! Timers.

mod body;

pub(crate) use body::TIMER;
