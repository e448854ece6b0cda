//! Runs and their recordings: launch, collect, step, publish, record.

mod acting;
mod bell;
mod command;
mod compare;
mod course;
mod engine_loop;
mod findings;
#[cfg(test)]
mod fold_tests;
mod handle;
mod lanes;
mod launch;
mod ledger;
mod log;
mod machine;
mod outputs;
mod publish;
mod recording;
mod run;
mod sampler;
mod save;
mod sentences;
mod start;
mod state;
mod streams;
mod table;
mod tap;
mod track;
mod tree;
mod verdict;
mod waits;
mod watch;

pub use command::{Command, LaunchRequest, What};
pub use compare::{CompareError, CompareRequest, LANGUAGE};
pub use handle::{EngineHandle, SendError};
pub use launch::LaunchError;
pub use log::{Log, one_line};
pub use recording::Recording;
pub use start::{Engine, EngineError, Options};
pub use state::{DEFAULT_OUTPUT_BUDGET, RunFold};
pub use streams::Lines;
pub use table::{CompareRow, compare_rows};
pub use tap::Told;
pub use verdict::noise;
