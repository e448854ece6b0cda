//! The times of threads in the scheduler, so far, by /proc: for runs without switch records. On the engine's monitor thread.

use std::collections::HashMap;

use crate::model::{Pid, ProcessSample, Tid};
use crate::sys::{SchedStat, thread_schedstat};

/// What the scheduler has done with a thread since it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadTimes {
    /// The thread.
    pub tid: Tid,
    /// Its name.
    pub name: String,
    /// The core that it last ran on.
    pub core: u16,
    /// Its times.
    pub times: SchedStat,
}

/// The times of all threads of these processes. One that has gone meanwhile is not there.
pub fn thread_times(processes: &[ProcessSample]) -> HashMap<Pid, Vec<ThreadTimes>> {
    let of_process = |process: &ProcessSample| {
        let of_thread = |thread: &crate::model::ThreadSample| {
            let times = thread_schedstat(process.pid, thread.tid)?;
            Some(ThreadTimes { tid: thread.tid, name: thread.name.clone(), core: thread.core, times })
        };
        (process.pid, process.threads.iter().filter_map(of_thread).collect())
    };
    processes.iter().map(of_process).collect()
}
