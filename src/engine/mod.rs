//! Runs and their recordings: launch, collect, step, publish, record.

mod command;
mod handle;

pub use command::{Command, LaunchRequest, What};
pub use handle::{EngineHandle, SendError};
