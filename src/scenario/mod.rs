//! The lessons: the catalogue, what a scenario is made of, and the stage that its body runs on.

mod children;
mod control;
mod definition;
mod facts;
mod load;
mod observe;
mod params;
mod relatives;
mod reporter;
mod stage;
mod watch;
mod worker;

mod exec;
mod fork;
mod old_interfaces;
mod orphan;
mod pipeline;
mod process_basics;
mod process_group;
mod schedule;
mod shared_memory;
mod start_methods;
mod thread_pool;
mod wait;
mod zombie;

pub use control::StageAction;
pub use definition::{ActionSpec, Chapter, Note, Prediction, Scenario, action, note};
pub use facts::{Facts, at_most, equals, more_than};
pub use params::{ParamError, ParamKind, ParamSpec, Params, choice, count, flag, seconds, text};
pub use stage::{Stage, StageError, Task};
pub use worker::{PYTHON_SHIM, UnknownScenario, find, work};

/// Every scenario, in the order of the library.
pub const CATALOGUE: &[&Scenario] = &[
    &process_basics::PROCESS_BASICS,
    &shared_memory::SHARED_MEMORY,
    &fork::FORK,
    &exec::EXEC,
    &wait::WAIT,
    &zombie::ZOMBIE,
    &orphan::ORPHAN,
    &process_group::PROCESS_GROUP,
    &start_methods::START_METHODS,
    &old_interfaces::OLD_INTERFACES,
    &thread_pool::THREAD_POOL,
    &pipeline::PIPELINE,
    &schedule::SCHEDULE,
];
