//! The machine by /proc and sysfs: its cores, memory and temperature, processes and their threads, our own cost, the load in the
//! past for the plots, and the findings of `tasklab doctor`. No thread of its own: the engine calls it from its monitor thread.

mod doctor;
mod futex;
mod history;
mod load;
mod machine;
mod own_cost;
mod pipes;
mod proc;
mod processes;
mod reasons;
mod syscall;
mod times;
mod waits;

pub use doctor::findings;
pub use history::LoadHistory;
pub use machine::Machine;
pub use own_cost::OwnCost;
pub use pipes::Pipes;
pub use proc::MonitorError;
pub use processes::Processes;
pub use reasons::{PipeEnd, PipeUsers, Reasons, WaitReason, WakerKind, Wakers};
pub use syscall::{Syscall, parse_syscall};
pub use times::{ThreadTimes, thread_times};
pub use waits::{Call, words_for_call, words_for_function, words_for_reading, words_for_writing};
