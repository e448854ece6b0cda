//! The resources that a process has used, as the kernel tells them, and those of a whole run.

use serde::{Deserialize, Serialize};

/// The resources that a process used until it ended (`getrusage(2)`), with those of the children that it waited on. So the sum over
/// all processes that the supervisor waits on counts nothing twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time in its own code, in seconds.
    pub user_s: f64,
    /// CPU time in the kernel, in seconds.
    pub system_s: f64,
    /// The most memory that one of these processes had in RAM, in bytes.
    pub peak_rss: u64,
    /// How often it gave up its core to wait for something (voluntary context switches).
    pub waits: u64,
    /// How often its core was taken away from it (involuntary context switches).
    pub preemptions: u64,
}

/// The resources that a run has used so far. CPU time and switches are those of processes that have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RunCost {
    /// CPU time in programs' own code, in seconds.
    pub user_s: f64,
    /// CPU time in the kernel, in seconds.
    pub system_s: f64,
    /// The most memory that all its processes together had in RAM when a sample was taken, or one of them at any time, in bytes.
    /// Pages that processes share are counted for each.
    pub peak_rss: u64,
    /// Processes that were seen.
    pub processes: u32,
    /// Threads that were seen, the first one of each process included.
    pub threads: u32,
    /// Voluntary context switches.
    pub waits: u64,
    /// Involuntary context switches.
    pub preemptions: u64,
    /// How many cores of the machine were busy on average while it ran, with any work; 0 where that was not sampled.
    pub machine_cores: f64,
}

impl RunCost {
    /// CPU time, in seconds.
    pub fn cpu_s(&self) -> f64 {
        self.user_s + self.system_s
    }

    /// Context switches of both kinds.
    pub const fn switches(&self) -> u64 {
        self.waits + self.preemptions
    }
}
