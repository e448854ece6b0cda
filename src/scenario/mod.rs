//! The lessons: the catalogue, what a card is made of (`card`), what a Rust body gets (`lesson`), and one folder for each lesson.

mod card;
mod definition;
mod lesson;
mod pools;
mod processes;
mod programs;
mod shim;
mod threads;
mod time;
mod worker;

pub use card::{
    ActionSpec, Chapter, Facts, Judge, Knob, Leds, Note, ORDER_OF, OpenWaits, Operation, ParamError, ParamKind, ParamSpec,
    Params, Prediction, PushButton, RELEASE, REPLAY, Reply, STEP, Shows, Unwired, WaitOver, Wiring, action, at_least, at_most,
    bar, changes, choice, concept, count, equals, flag, knobs, led, more_than, note, on, seconds, text, with_knobs,
};
pub use definition::Scenario;
pub use lesson::{
    Barrier, BoundedSemaphore, BrokenBarrier, Condition, EndOfFile, Event, Future, FutureState, Held, HeldAgain, Lesson,
    LessonAction, LessonError, Lock, NewThread, NoResult, NotHeld, NotOwner, PipeEnd, Pool, Queue, ReentrantLock, Scope,
    Semaphore, Task, Thing, Thread, Timer, TooManyDone, TooManyReleased, Until, Variable, Worker, Workers,
};
pub use shim::PYTHON_SHIM;
pub use worker::{UnknownScenario, find, work};

/// Every scenario, in the order of the library.
pub const CATALOGUE: &[&Scenario] = &[
    &processes::process_basics::PROCESS_BASICS,
    &processes::shared_memory::SHARED_MEMORY,
    &processes::fork::FORK,
    &processes::exec::EXEC,
    &processes::wait::WAIT,
    &processes::zombie::ZOMBIE,
    &processes::orphan::ORPHAN,
    &processes::process_group::PROCESS_GROUP,
    &processes::start_methods::START_METHODS,
    &processes::old_interfaces::OLD_INTERFACES,
    &threads::thread_basics::THREAD_BASICS,
    &threads::garbled_print::GARBLED_PRINT,
    &threads::thread_local::THREAD_LOCAL,
    &threads::race::RACE,
    &threads::lock::LOCK,
    &threads::deadlock::DEADLOCK,
    &threads::semaphore::SEMAPHORE,
    &threads::event::EVENT,
    &threads::barrier::BARRIER,
    &threads::condition::CONDITION,
    &threads::timer::TIMER,
    &threads::blink::BLINK,
    &threads::chaos::CHAOS,
    &threads::gil::GIL,
    &pools::thread_pool::THREAD_POOL,
    &pools::process_pool::PROCESS_POOL,
    &pools::futures::FUTURES,
    &pools::queue::QUEUE,
    &pools::joinable_queue::JOINABLE_QUEUE,
    &pools::pipe::PIPE,
    &pools::overhead::OVERHEAD,
    &pools::r#async::ASYNC,
    &programs::subprocess_run::SUBPROCESS_RUN,
    &programs::popen::POPEN,
    &programs::communicate::COMMUNICATE,
    &programs::pipeline::PIPELINE,
    &programs::signals::SIGNALS,
    &time::schedule::SCHEDULE,
    &time::across_systems::ACROSS_SYSTEMS,
];
