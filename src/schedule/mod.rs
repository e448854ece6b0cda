//! The event queue of the schedule lesson and of scripts: which event is due when, and in which order. Pure: it knows no clock, so
//! the caller says what time it is.

mod queue;

pub use queue::{EventId, Schedule};
