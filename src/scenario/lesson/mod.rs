//! The means of a Rust body: its lesson, children, programs, /proc, and the tracked primitives.

pub(super) mod children;
pub(super) mod control;
pub(super) mod cost;
pub(super) mod forks;
pub(super) mod handle;
pub(super) mod plain;
pub(super) mod primitives;
pub(super) mod proc;
pub(super) mod process_pool;
pub(super) mod processes;
pub(super) mod programs;
pub(super) mod reporter;
pub(super) mod scheduler;
mod tracking;
pub(super) mod until;
pub(super) mod words;

pub use control::{LessonAction, too_late};
pub use handle::{Lesson, LessonError, Task};
pub use primitives::{
    Barrier, BrokenBarrier, Condition, EndOfFile, Event, Future, FutureState, Held, Local, Lock, NoResult, NotHeld, PipeEnd,
    Pool, Queue, Scope, Semaphore, Thing, Thread, Timer, TooManyDone, Until, Worker, Workers,
};
