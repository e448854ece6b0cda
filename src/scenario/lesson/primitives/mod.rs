//! Tracked primitives: locks, semaphores, events, barriers, conditions, queues, timers, pools and pipes with the semantics
//! of Python's. They report each wait, each holder, and the line of the lesson where that happens. Made by the lesson:
//! `lesson.lock("counter")`.

mod barrier;
mod condition;
mod event;
mod freed;
mod listener;
mod lock;
mod monitor;
mod pipe;
mod pool;
mod queue;
mod reentrant;
mod semaphore;
mod step;
#[cfg(test)]
mod tests;
mod thing;
mod threads;
mod timer;
mod variable;
#[cfg(test)]
mod waker_tests;

pub use barrier::{Barrier, BrokenBarrier};
pub use condition::Condition;
pub use event::Event;
pub use lock::{Held, Lock, NotHeld};
pub use pipe::{EndOfFile, PipeEnd};
pub use pool::{Future, FutureState, NoResult, Pool, Until};
pub use queue::{Queue, TooManyDone};
pub use reentrant::{HeldAgain, NotOwner, ReentrantLock};
pub use semaphore::{BoundedSemaphore, Semaphore, TooManyReleased};
pub use thing::Thing;
pub use threads::{NewThread, Scope, Thread, Worker, Workers};
pub use timer::Timer;
pub use variable::Variable;
