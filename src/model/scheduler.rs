//! What the kernel's scheduler did with threads: records of single switches, and sums over a time.

use serde::{Deserialize, Serialize};

use super::{Monotonic, Pid, Tid};

/// One thing that the kernel's scheduler did with a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerRecord {
    /// When, on the monotonic clock: absolute, not a time of a run.
    pub t: Monotonic,
    /// The process.
    pub pid: Pid,
    /// The thread.
    pub tid: Tid,
    /// The core on which it happened.
    pub core: u16,
    /// The thing.
    pub what: Scheduled,
}

/// The kinds of things that the scheduler does with a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduled {
    /// It goes on, on this core.
    In,
    /// It must leave its core although it could go on: it is ready.
    Preempted,
    /// It leaves its core since it has to wait.
    Blocked,
    /// It was made, by `by` of the process `parent`. It is ready until its first `In`.
    Began {
        /// The process that made it; its own one for a thread.
        parent: Pid,
        /// The thread that made it.
        by: Tid,
    },
    /// It has ended. If nothing was mapped since it has executed a program, the process lives on and nothing more is told of it: it runs as
    /// another user (a set-uid program), or its user may not read the program.
    Ended,
    /// It has this name from now on, as the kernel shows it (at most 15 bytes, decoded lossily).
    Named {
        /// The name.
        name: Box<str>,
        /// Whether it has executed another program, which gave the name.
        is_exec: bool,
    },
    /// It has mapped a file's code, as each program does that it executes.
    Mapped,
    /// The times of its whole life by schedstat, which also has what records do not: how long it was ready after wake-ups, and on a core
    /// before each record of that is written. Counted up to its last turn.
    Counted {
        /// Nanoseconds on a core; up to a tick ago while it is on one.
        ran: u64,
        /// Nanoseconds in which it was ready.
        ready: u64,
    },
    /// So many records of this core are missing, from `since` until now. `pid` and `tid` of the record mean nothing.
    Lost {
        /// The last time before the gap at which this core's records were whole. The time of the record itself, if its gap was told before
        /// and this is only their number.
        since: Monotonic,
        /// How many; 0 where the kernel has not told it yet.
        count: u64,
    },
}

/// Time that a thread spent on a core and off it, since the last such sums or (`is_final`) in all: the event `task.cpu`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCpu {
    /// The process.
    pub pid: Pid,
    /// The thread.
    pub tid: Tid,
    /// The name of its lane.
    pub name: String,
    /// Nanoseconds on a core.
    pub ran_ns: u64,
    /// Nanoseconds in which it could have run and had no core.
    pub ready_ns: u64,
    /// The rest, in nanoseconds: it waited, slept, or was stopped.
    pub blocked_ns: u64,
    /// How often it was switched in.
    pub switches: u64,
    /// The cores that it was on, ascending.
    pub cores: Vec<u16>,
    /// Whether the sums come from switch records and nothing of the time is unknown. Else records of it are missing, or there are none and
    /// the sums come from /proc/PID/task/TID/schedstat.
    #[serde(rename = "exact")]
    pub is_exact: bool,
    /// Whether the sums are those of its whole life in the run: it has ended, or the run has.
    #[serde(rename = "final")]
    pub is_final: bool,
}
