//! Runs and their recordings: launch, collect, step, publish, record.

mod acting;
mod bell;
mod command;
mod course;
mod ending;
mod engine_loop;
#[cfg(test)]
mod fold_tests;
mod handle;
mod header;
mod lanes;
mod launch;
mod log;
mod machine;
mod outputs;
mod publish;
mod recording;
mod run;
mod sampler;
mod sentences;
mod start;
mod state;
mod streams;
mod tap;
mod track;
mod tree;
mod waits;
mod watch;

pub use crate::supervisor::LineRequest;
pub use command::{Command, LaunchRequest, What};
pub use handle::{EngineHandle, SendError};
pub use launch::LaunchError;
pub use log::{Log, one_line};
pub use recording::Recording;
pub use start::{Engine, EngineError, Options};
pub use state::{DEFAULT_OUTPUT_BUDGET, RunFold};
pub use streams::Lines;
pub use tap::Told;
