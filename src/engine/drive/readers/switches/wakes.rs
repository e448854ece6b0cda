//! How long threads were ready after their wake-ups, which no switch record tells, and all that they ran: schedstat has it, for all of a
//! thread's life. It is read of each thread that went on after a wait, so that most readings are about a single one.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::batch::SwitchBatch;
use crate::model::{Pid, Scheduled, SchedulerRecord, Tid};
use crate::sys::{monotonic_now, thread_cpu_time, thread_schedstat};

/// All readings at once may take so much of a core's time, which is one percent of the time between two of them.
const AT_ONCE: Duration = Duration::from_micros(330);
/// Threads that have their turn later; with more of them those that come then are not read.
const MOST: usize = 4_096;

/// The threads that are to be read, and what was read.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// Threads that wait, as far as the records tell.
    waiting: HashSet<Tid>,
    /// Those that went on since they were read last, the first one first; and their numbers.
    queue: VecDeque<(Pid, Tid)>,
    queued: HashSet<Tid>,
    /// Readings whose times the records have not reached.
    read: Vec<SchedulerRecord>,
}

impl Wakes {
    /// Takes in records.
    pub(super) fn see(&mut self, records: &[SchedulerRecord]) {
        for SchedulerRecord { pid, tid, what, .. } in records {
            match what {
                Scheduled::Blocked => drop(self.waiting.insert(*tid)),
                Scheduled::In if self.waiting.remove(tid) && self.queue.len() < MOST && self.queued.insert(*tid) => {
                    self.queue.push_back((*pid, *tid));
                }
                Scheduled::Ended => drop(self.waiting.remove(tid)),
                _ => {}
            }
        }
    }

    /// Reads those whose turn it is. Whether there were any.
    pub(super) fn ask(&mut self) -> bool {
        let end = thread_cpu_time() + AT_ONCE;
        while let Some((pid, tid)) = self.queue.pop_front() {
            self.queued.remove(&tid);
            let Some(stat) = thread_schedstat(pid, tid) else { continue };
            let t = monotonic_now();
            let [ran, ready] = [stat.ran, stat.waited].map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
            self.read.push(SchedulerRecord { t, pid, tid, core: 0, what: Scheduled::Counted { ran, ready } });
            if thread_cpu_time() >= end {
                break;
            }
        }
        !self.read.is_empty()
    }

    /// Puts the readings into the batch that has all records up to their times.
    pub(super) fn give(&mut self, batch: &mut SwitchBatch) {
        let until = batch.until;
        let count = self.read.partition_point(|read| read.t <= until);
        if count > 0 {
            batch.records.extend(self.read.drain(..count));
            // Stable, and both parts are in order already.
            batch.records.sort_by_key(|record| record.t);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Monotonic;
    use crate::sys::own_pid;

    fn own_thread() -> Tid {
        Tid::new(rustix::thread::gettid().as_raw_nonzero().get())
    }

    fn record(t: u64, tid: Tid, what: Scheduled) -> SchedulerRecord {
        SchedulerRecord { t: Monotonic::from_nanos(t), pid: own_pid(), tid, core: 0, what }
    }

    #[test]
    fn a_thread_that_went_on_is_read_once_and_its_reading_stands_behind_what_it_did_before() {
        let (me, nobody) = (own_thread(), Tid::new(i32::MAX));
        let mut wakes = Wakes::default();
        wakes.see(&[record(1, me, Scheduled::Preempted), record(2, me, Scheduled::In)]);
        assert!(!wakes.ask(), "it was only preempted");
        let waits = [(3, Scheduled::Blocked), (4, Scheduled::In), (5, Scheduled::Blocked), (6, Scheduled::In)];
        for tid in [me, nobody] {
            wakes.see(&waits.clone().map(|(t, what)| record(t, tid, what)));
        }
        let before = monotonic_now();
        assert!(wakes.ask() && wakes.queue.is_empty() && wakes.queued.is_empty());
        let [SchedulerRecord { t, tid, what: Scheduled::Counted { .. }, .. }] = wakes.read[..] else {
            panic!("{:?}", wakes.read)
        };
        assert_eq!((tid, t >= before), (me, true));
        let later = record(t.nanos() + 1, me, Scheduled::Preempted);
        let mut batch = SwitchBatch { records: vec![record(6, me, Scheduled::In), later], until: before };
        wakes.give(&mut batch);
        assert_eq!(batch.records.len(), 2, "records up to its time are missing");
        batch.until = t + Duration::from_millis(1);
        wakes.give(&mut batch);
        assert!(matches!(batch.records[1].what, Scheduled::Counted { .. }), "{batch:?}");
        assert!(!wakes.ask(), "once");
    }
}
