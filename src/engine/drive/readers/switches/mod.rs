//! The kernel's switch records: `reader` gets them on a thread of its own while a run goes on, `router` finds the run of each,
//! `wakes` reads of woken threads how long they were ready, and `tracking` is what the engine sees of both.

mod batch;
mod reader;
mod router;
mod tracking;
mod wakes;

pub(crate) use batch::SwitchBatch;
pub(crate) use tracking::Switches;
