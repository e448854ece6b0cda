//! The event queue of the schedule lesson and of scripts: what is due when, in which order. Pure: it knows no clock, and
//! whoever uses it says what time it is.

mod queue;

pub use queue::{EventId, Schedule};
