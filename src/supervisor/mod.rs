//! The supervisor: the parent of everything that is launched. The app talks to it over one socket pair. It starts, reaps and signals
//! processes, owns the lines of the header, and when the app is gone it leaves nothing behind.

mod capacity;
mod cgroup;
mod child_table;
mod client;
mod descendants;
mod driven_lines;
mod guard;
mod header;
mod kill_rounds;
mod launch;
mod launch_failure;
mod line_request;
mod link;
pub mod mark;
mod oom_score;
mod prepare;
mod protocol;
mod server;
mod systemd_scope;

pub use client::{Client, Incoming, SupervisorError};
pub use driven_lines::DEAD_MAN;
pub use launch_failure::{LaunchFailure, LaunchProblem};
pub use line_request::{LineRequest, ReplyTo};
pub use prepare::CAPTURE;
pub use protocol::{ChildPipes, LaunchedChild, Report, Request, SignalRequestId};
pub use server::serve;
