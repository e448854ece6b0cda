//! The parent of everything that is launched. The app talks to it over one socket pair; it spawns, reaps and signals,
//! and when the app is gone it leaves nothing behind.

mod capacity;
mod cgroup;
mod child_table;
mod client;
mod descendants;
mod driven_lines;
mod guard;
mod header;
mod launch;
mod line_request;
mod link;
pub mod mark;
mod prepare;
mod protocol;
mod server;
mod systemd_scope;

pub use client::{Client, Incoming, SupervisorError};
pub use driven_lines::DEAD_MAN;
pub use line_request::{LineRequest, ReplyTo};
pub use prepare::CAPTURE;
pub use protocol::{ChildPipes, LaunchFailure, LaunchProblem, LaunchedChild, Report, Request, SignalRequestId};
pub use server::serve;
