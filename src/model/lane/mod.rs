//! The lanes of a run: what each thread did, by the kernel, and what its program says of it, in columns that snapshots share.

mod chunks;
mod cores;
mod parts;
mod states;
mod words;

pub use cores::CoreLane;
pub use parts::{Lane, LaneEnd, LaneId, LaneNow, LaneSource, Mark, MarkKind};
pub use states::{LaneState, StateSpan, States, Times};
pub use words::{Word, Words};
