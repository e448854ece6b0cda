//! The shared part of the tests on real processes: programs that go when a test ends, deadlines, an own view of /proc.
#![expect(missing_docs, clippy::expect_used, reason = "helpers of tests: they are read beside them, and fail as loudly")]

mod app;
pub mod hostile;
pub mod lesson;
pub mod namespace;
mod proc;
pub mod program;
pub mod runs;
pub mod screen;
mod skipped;
pub mod stress;
mod supervisor;
mod wait;
pub mod watchdog;

pub use app::{App, STUBBORN};
pub use proc::{
    descendants_of, descriptors_of, memory_of, named_below, parents, peak_of, state_of, supervisor_below, tagged, zombies_of,
};
pub use skipped::skipped;
pub use supervisor::{Supervisor, survivors};
pub use wait::{deadline, eventually};
