//! The lessons: the catalogue, what a scenario is made of, and the stage that its body runs on.

mod children;
mod control;
mod cost;
mod definition;
mod executor;
mod facts;
mod load;
mod observe;
mod params;
mod primitives;
mod reporter;
mod stage;
mod watch;
mod worker;

mod r#async;
mod deadlock;
mod fork;
mod futures;
mod gil;
mod joinable_queue;
mod lock;
mod overhead;
mod pipeline;
mod process_pool;
mod queue;
mod race;
mod schedule;
mod thread_pool;
mod zombie;

pub use control::StageAction;
pub use definition::{ActionSpec, Chapter, Note, Prediction, Scenario, action, note};
pub use facts::{Facts, at_least, at_most, equals, more_than};
pub use params::{ParamError, ParamKind, ParamSpec, Params, choice, count, flag, seconds, text};
pub use primitives::{
    Barrier, BrokenBarrier, Condition, EndOfFile, Event, Future, FutureState, Held, Local, Lock, NoResult, NotHeld, PipeEnd,
    Pool, Queue, Scope, Semaphore, Thread, Timer, TooManyDone, Until, Worker, Workers,
};
pub use stage::{Stage, StageError, Task};
pub use worker::{PYTHON_SHIM, UnknownScenario, find, work};

/// Every scenario, in the order of the library.
pub const CATALOGUE: &[&Scenario] = &[
    &fork::FORK,
    &zombie::ZOMBIE,
    &race::RACE,
    &lock::LOCK,
    &deadlock::DEADLOCK,
    &gil::GIL,
    &thread_pool::THREAD_POOL,
    &process_pool::PROCESS_POOL,
    &futures::FUTURES,
    &queue::QUEUE,
    &joinable_queue::JOINABLE_QUEUE,
    &overhead::OVERHEAD,
    &r#async::ASYNC,
    &pipeline::PIPELINE,
    &schedule::SCHEDULE,
];
