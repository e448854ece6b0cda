//! The parent of everything that is launched. The app talks to it over one socket pair; it spawns, reaps and signals,
//! and when the app is gone it leaves nothing behind.

mod capacity;
mod cgroup;
mod child_table;
mod client;
mod descendants;
mod guard;
mod header;
mod launch;
mod link;
pub mod mark;
mod prepare;
mod protocol;
mod server;
mod systemd_scope;

pub use client::{Client, Incoming, SupervisorError};
pub use header::{DEAD_MAN, LineRequest};
pub use prepare::CAPTURE;
pub use protocol::{ChildPipes, LaunchFailure, LaunchProblem, LaunchedChild, Report, Request};
pub use server::serve;
