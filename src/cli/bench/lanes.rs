//! The costs of lanes: taking in switch records, and publishing many lanes with a long past. On the caller's thread.

use std::sync::Arc;
use std::time::Duration;

use super::switches::own_time;
use crate::engine::{DEFAULT_OUTPUT_BUDGET, RunFold};
use crate::model::{Monotonic, Pid, RunId, RunView, Scheduled, SchedulerRecord, Tid};

/// Threads that take turns on each of so many cores.
const THREADS: u64 = 100;
const CORES: u64 = 4;
/// Records between two views, of 100,000 a second.
const BATCH: usize = 100_000 / 30;
/// The time between two records, in nanoseconds.
const APART: u64 = 10_000;

/// A fold with so many records: one thread leaves its core, and the next one goes on there.
#[derive(Debug)]
pub(super) struct Folding {
    fold: RunFold,
    records: u64,
    /// The last view, as a window holds it.
    view: Option<Arc<RunView>>,
}

impl Folding {
    pub(super) fn new() -> Self {
        let mut fold = RunFold::new(RunId::new(1), "bench", "", DEFAULT_OUTPUT_BUDGET);
        let (pid, by) = (Pid::new(1), Tid::new(1));
        let born = |thread| record(0, thread, 0, Scheduled::Began { parent: pid, by });
        fold.scheduled(&(0..THREADS).map(born).collect::<Vec<_>>(), Monotonic::ZERO);
        Self { fold, records: 0, view: None }
    }

    /// Takes in so many records and makes a view after each thirtieth of a second. Returns the CPU time of both.
    pub(super) fn take_in(&mut self, count: u64) -> Duration {
        let mut took = Duration::ZERO;
        let end = self.records + count;
        while self.records < end {
            let batch: Vec<_> = (self.records..end).take(BATCH).map(switch).collect();
            self.records += batch.len() as u64;
            let until = Monotonic::from_nanos(self.records * APART);
            let before = own_time();
            self.fold.scheduled(&batch, until);
            self.view = Some(self.fold.view(until, None));
            took += own_time().saturating_sub(before);
        }
        took
    }

    /// A view after each lane has changed: its CPU time.
    pub(super) fn publish(&mut self) -> Duration {
        let batch: Vec<_> = (self.records..).take(2 * THREADS as usize).map(switch).collect();
        self.records += batch.len() as u64;
        let until = Monotonic::from_nanos(self.records * APART);
        self.fold.scheduled(&batch, until);
        let before = own_time();
        self.view = Some(self.fold.view(until, None));
        own_time().saturating_sub(before)
    }

    /// The changes on all lanes.
    pub(super) fn changes(&self) -> usize {
        self.view.iter().flat_map(|view| &view.lanes).map(|lane| lane.states.len()).sum()
    }
}

/// The record with this number: on each core threads go on and block in turns.
fn switch(number: u64) -> SchedulerRecord {
    let (core, turn) = (number / 2 % CORES, number / 2 / CORES);
    let each = THREADS / CORES;
    let what = if number.is_multiple_of(2) { Scheduled::In } else { Scheduled::Blocked };
    record(number * APART, core * each + turn % each, core as u16, what)
}

fn record(t: u64, thread: u64, core: u16, what: Scheduled) -> SchedulerRecord {
    let tid = 10 + thread as i32;
    SchedulerRecord { t: Monotonic::from_nanos(t), pid: Pid::new(10), tid: Tid::new(tid), core, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_is_a_change() {
        let mut folding = Folding::new();
        assert!(folding.take_in(20_000) > Duration::ZERO);
        assert_eq!(folding.changes() as u64, 20_000 + THREADS);
        folding.publish();
        assert_eq!(folding.changes() as u64, 20_000 + 3 * THREADS);
    }
}
