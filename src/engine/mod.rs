//! Runs and their recordings: launch, collect, step, publish, record.

mod command;
#[cfg(test)]
mod fold_tests;
mod handle;
mod lanes;
mod log;
mod outputs;
mod publish;
mod recording;
mod sentences;
mod state;
mod track;
mod tree;

pub use command::{Command, LaunchRequest, What};
pub use handle::{EngineHandle, SendError};
pub use log::Log;
pub use recording::Recording;
pub use state::{DEFAULT_OUTPUT_BUDGET, RunFold};
