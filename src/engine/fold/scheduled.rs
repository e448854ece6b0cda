//! The kernel's switch records, and what readers of /proc know of waits, into the lanes of a run. Part of the fold, on the engine's thread.

use crate::engine::fold::state::RunFold;
use crate::engine::fold::timeline::reasons::Explanation;
use crate::model::{Monotonic, Pid, SchedulerRecord, Severity, TaskCpu, Tid};

impl RunFold {
    /// Takes in switch records in the order of time, with times of the run. There are no others up to `until`, on any core; also without
    /// records that is news.
    pub fn scheduled(&mut self, records: &[SchedulerRecord], until: Monotonic) {
        if !self.is_finished() {
            self.lanes.scheduled(records, until);
            for (t, pid) in self.lanes.take_executed() {
                self.renamed(t, pid);
            }
            self.published.touch_rest();
            self.lost.add(records);
            self.log_lost(until, false);
        }
    }

    /// Says that switch records are missing: once they are counted, and at the end of the run how many in all.
    pub(super) fn log_lost(&mut self, t: Monotonic, is_end: bool) {
        if let Some(text) = self.lost.sentence(is_end) {
            self.log.push(t, Severity::Bad, &text);
        }
    }

    /// A sample of all processes was taken at `t`; `is_there` is true for these.
    pub(crate) fn sampled_all(&mut self, t: Monotonic, is_there: impl Fn(Pid) -> bool) {
        if !self.is_finished() {
            self.lanes.sampled_all(t, is_there);
        }
    }

    /// The sums over schedstat up to `t` were told, of all threads of which they had changed.
    pub(crate) fn sums_told(&mut self, t: Monotonic) {
        if !self.is_finished() {
            self.lanes.sums_told(t);
            self.published.touch_rest();
        }
    }

    /// The reason of a wait, as a look that ended at `t` has found it.
    pub(crate) fn explained(&mut self, t: Monotonic, pid: Pid, tid: Tid, reason: Explanation<'_>) {
        self.lanes.explained(t, pid, tid, reason);
        self.published.touch_rest();
    }

    /// Its processes that were not waited on, as far as records and samples have told.
    pub(crate) fn living(&self) -> Vec<Pid> {
        let mut all: Vec<Pid> = self.lanes.living().chain(self.processes.not_reaped()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// At most `most` threads that have waited for 15 ms or longer, and nobody says why: each with the start of its wait. Each wait is given
    /// once.
    pub(crate) fn unexplained(&mut self, now: Monotonic, most: usize) -> Vec<(Pid, Tid, Monotonic)> {
        if self.is_finished() { Vec::new() } else { self.lanes.unexplained(now, most) }
    }

    /// Forgets the past of the lanes that nobody needs any more at `now`, but for views.
    pub(crate) fn forget_past(&mut self, now: Monotonic) {
        self.lanes.forget_past(now);
    }

    /// The sums over switch records that are to be told as events at `now`.
    pub(crate) fn cpu_due(&mut self, now: Monotonic) -> Vec<TaskCpu> {
        if self.is_finished() { Vec::new() } else { self.lanes.cpu_due(now) }
    }

    /// The last sums of all threads, to be told before the run's end.
    pub(crate) fn cpu_in_all(&mut self, now: Monotonic) -> Vec<TaskCpu> {
        if self.is_finished() { Vec::new() } else { self.lanes.cpu_in_all(now) }
    }
}
