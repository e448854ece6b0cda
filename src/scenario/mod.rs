//! The lessons: the catalogue, what a scenario is made of, and the stage that its body runs on.

mod children;
mod control;
mod definition;
mod facts;
mod load;
mod observe;
mod params;
mod programs;
mod reporter;
mod stage;
mod watch;
mod worker;

mod across_systems;
mod communicate;
mod fork;
mod pipe;
mod pipeline;
mod popen;
mod schedule;
mod signals;
mod subprocess_run;
mod thread_pool;
mod zombie;

pub use control::StageAction;
pub use definition::{ActionSpec, Chapter, Note, Prediction, Scenario, action, note};
pub use facts::{Facts, at_most, equals, more_than};
pub use params::{ParamError, ParamKind, ParamSpec, Params, choice, count, flag, seconds, text};
pub use stage::{Stage, StageError, Task};
pub use worker::{PYTHON_SHIM, UnknownScenario, find, work};

/// Every scenario, in the order of the library.
pub const CATALOGUE: &[&Scenario] = &[
    &fork::FORK,
    &zombie::ZOMBIE,
    &thread_pool::THREAD_POOL,
    &pipe::PIPE,
    &subprocess_run::SUBPROCESS_RUN,
    &popen::POPEN,
    &communicate::COMMUNICATE,
    &pipeline::PIPELINE,
    &signals::SIGNALS,
    &schedule::SCHEDULE,
    &across_systems::ACROSS_SYSTEMS,
];
