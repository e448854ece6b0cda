//! The means of a Rust body: its lesson, children, programs, /proc, and the tracked primitives.

pub(super) mod body;
pub(super) mod children;
pub(super) mod control;
pub(super) mod cost;
pub(super) mod forks;
pub(super) mod handle;
pub(super) mod primitives;
pub(super) mod process_pool;
pub(super) mod processes;
pub(super) mod programs;
pub(super) mod reporter;
pub(super) mod scheduler;
mod sleep;
mod tracking;

pub use control::LessonAction;
pub use handle::{Lesson, LessonError, Task};
pub use primitives::{
    Barrier, BoundedSemaphore, BrokenBarrier, Condition, EndOfFile, Event, Future, FutureState, Held, HeldAgain, Lock, NewThread,
    NoResult, NotHeld, NotOwner, PipeEnd, Pool, Queue, ReentrantLock, Scope, Semaphore, Thing, Thread, Timer, TooManyDone,
    TooManyReleased, Until, Variable, Worker, Workers,
};
