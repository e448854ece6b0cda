//! Runs and their recordings: launch, collect, fold, publish, record, compare. Imports go down: drive, comparison, run, fold.

mod comparison;
mod drive;
mod fold;
mod run;

pub use crate::gpio::BoardKind;
pub use crate::supervisor::LineRequest;
pub use crate::sys::{is_open, start_thread};
pub use comparison::compare::{CompareError, CompareRequest, LANGUAGE};
pub use comparison::table::{CompareRow, compare_rows};
pub use comparison::verdict::noise;
pub use drive::command::Command;
pub use drive::handle::{EngineHandle, SendError};
pub use drive::place::{Patient, Place, Target, WholeFile, write_whole};
pub use drive::start::{Engine, EngineError, Options};
pub use fold::log::{Log, one_line};
pub use fold::numbers::{count, grouped, plain};
pub use fold::state::{DEFAULT_OUTPUT_BUDGET, RunFold};
pub use run::python::knobs::OwnProgram;
pub use run::python::{PythonProgram, first_language, has_python};
pub use run::recording::Recording;
pub use run::requests::{LaunchError, LaunchRequest, What};
pub use run::streams::events::Lines;
pub use run::subscription::EngineEvent;
