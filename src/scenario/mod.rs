//! The lessons: the catalogue, what a scenario is made of, and the stage that its body runs on.

mod children;
mod concepts;
mod control;
mod cost;
mod crash_test;
mod definition;
mod executor;
mod facts;
mod gil_alone;
mod load;
mod observe;
mod params;
mod primitives;
mod programs;
mod relatives;
mod reporter;
mod stage;
mod watch;
mod words;
mod worker;

mod across_systems;
mod r#async;
mod barrier;
mod blink;
mod chaos;
mod communicate;
mod condition;
mod deadlock;
mod event;
mod exec;
mod fork;
mod futures;
mod garbled_print;
mod gil;
mod joinable_queue;
mod lock;
mod old_interfaces;
mod orphan;
mod overhead;
mod pipe;
mod pipeline;
mod popen;
mod process_basics;
mod process_group;
mod process_pool;
mod queue;
mod race;
mod schedule;
mod semaphore;
mod shared_memory;
mod signals;
mod start_methods;
mod subprocess_run;
mod thread_basics;
mod thread_local;
mod thread_pool;
mod timer;
mod wait;
mod zombie;

pub use concepts::concept;
pub use control::{Reply, StageAction, too_late};
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
    &thread_basics::THREAD_BASICS,
    &garbled_print::GARBLED_PRINT,
    &thread_local::THREAD_LOCAL,
    &race::RACE,
    &lock::LOCK,
    &deadlock::DEADLOCK,
    &semaphore::SEMAPHORE,
    &event::EVENT,
    &barrier::BARRIER,
    &condition::CONDITION,
    &timer::TIMER,
    &blink::BLINK,
    &chaos::CHAOS,
    &gil::GIL,
    &thread_pool::THREAD_POOL,
    &process_pool::PROCESS_POOL,
    &futures::FUTURES,
    &queue::QUEUE,
    &joinable_queue::JOINABLE_QUEUE,
    &pipe::PIPE,
    &overhead::OVERHEAD,
    &r#async::ASYNC,
    &subprocess_run::SUBPROCESS_RUN,
    &popen::POPEN,
    &communicate::COMMUNICATE,
    &pipeline::PIPELINE,
    &signals::SIGNALS,
    &schedule::SCHEDULE,
    &across_systems::ACROSS_SYSTEMS,
];
