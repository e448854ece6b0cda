//! The kernel's switch records: `reader` gets them on a thread of its own while a run goes on, `router` finds the run of each, and
//! `tracking` is what the engine sees of both.

mod batch;
mod reader;
mod router;
mod tracking;

pub(crate) use batch::SwitchBatch;
pub(crate) use tracking::Switches;
