//! Barriers with the semantics of Python's `threading.Barrier`: all parties go on together, or all get the error.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;

use super::monitor::{By, Done, Monitor, Operation, Wake};
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::Lane;

/// The barrier is broken: somebody's time ran out, or somebody aborted or reset it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the barrier is broken")]
pub struct BrokenBarrier;

/// A tracked barrier. See [`Lesson::barrier`].
#[derive(Debug)]
pub struct Barrier<'s> {
    parties: usize,
    monitor: Monitor<'s, Gathering>,
}

#[derive(Debug, Default)]
struct Gathering {
    /// The tasks that have come since the barrier last opened.
    came: usize,
    /// How often it has opened.
    opened: u64,
    /// How often those who waited had to leave, since it broke or was reset.
    left: u64,
    is_broken: bool,
    /// The tasks that came and did not have to leave, since the start.
    arrivals: u64,
    /// Passes with fewer arrivals than it takes.
    early: u64,
    /// For those who wait now: the task that ends their wait, once it has.
    ended_by: Arc<OnceLock<By>>,
}

impl Gathering {
    fn leave_all(&mut self, by: Option<&Arc<Lane>>) {
        self.arrivals -= self.came as u64;
        self.left += 1;
        self.came = 0;
        self.end_waits(by);
    }

    fn end_waits(&mut self, by: Option<&Arc<Lane>>) {
        let _ = std::mem::take(&mut self.ended_by).set(by.cloned());
    }
}

/// The state that one of them found when it came.
#[derive(Debug)]
struct Arrival {
    place: usize,
    opened: u64,
    left: u64,
    ended_by: Arc<OnceLock<By>>,
}

impl Lesson {
    /// A barrier that opens when this many have come (at least one).
    ///
    /// ```ignore
    /// let gate = lesson.barrier("gate", 5);
    /// match gate.wait_for(Duration::from_secs(1)) {
    ///     Ok(place) => …,               // 0 for exactly one of them, as in Python
    ///     Err(BrokenBarrier) => …,      // in every task that waited
    /// }
    /// gate.reset();
    /// ```
    pub fn barrier(&self, name: &str, parties: usize) -> Barrier<'_> {
        let monitor = Monitor::new(self, format!("barrier {name}"), None, Gathering::default());
        Barrier { parties: parties.max(1), monitor }
    }
}

impl Barrier<'_> {
    /// Waits for the others, however long.
    #[track_caller]
    pub fn wait(&self) -> Result<usize, BrokenBarrier> {
        self.pass(Operation::new("wait at"))
    }

    /// Waits for the others at most this long; if the time runs out, the barrier breaks for all.
    #[track_caller]
    pub fn wait_for(&self, timeout: Duration) -> Result<usize, BrokenBarrier> {
        self.pass(Operation::new("wait at").within(timeout))
    }

    /// Mends it. Those who wait get the error.
    #[track_caller]
    pub fn reset(&self) {
        self.monitor.perform(Operation::new("reset"), |gathering, me| {
            gathering.leave_all(me);
            gathering.is_broken = false;
            Some(Done::new(()).wakes(Wake::All(0)))
        });
        self.monitor.operated("reset", ());
    }

    /// Breaks it.
    #[track_caller]
    pub fn abort(&self) {
        self.monitor.perform(Operation::new("abort"), |gathering, me| {
            gathering.is_broken = true;
            gathering.leave_all(me);
            Some(Done::new(()).wakes(Wake::All(0)))
        });
        self.monitor.operated("abort", ());
    }

    pub(super) fn on(&self) -> &str {
        self.monitor.on()
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        self.monitor.look(|gathering| gathering.is_broken)
    }

    /// How many have come and wait.
    pub fn n_waiting(&self) -> usize {
        self.monitor.look(|gathering| gathering.came)
    }

    /// The number of tasks that open it.
    pub const fn parties(&self) -> usize {
        self.parties
    }

    /// How often somebody passed before all had come: counted by each one that passes.
    pub fn early_passes(&self) -> u64 {
        self.monitor.look(|gathering| gathering.early)
    }

    #[track_caller]
    fn pass(&self, operation: Operation) -> Result<usize, BrokenBarrier> {
        let mut arrived = None;
        let passed = self.monitor.perform(operation, |gathering, me| self.attempt(gathering, me, &mut arrived));
        let passed = passed.unwrap_or_else(|| {
            // The time is up. The last one may have come at the very end; else it breaks for all.
            let last = self.monitor.perform(Operation::new("break").without_gate(), |gathering, me| {
                self.attempt(gathering, me, &mut arrived).or_else(|| {
                    gathering.is_broken = true;
                    gathering.leave_all(me);
                    Some(Done::new(Err(BrokenBarrier)).wakes(Wake::All(0)))
                })
            });
            last.unwrap_or(Err(BrokenBarrier))
        });
        let gave = passed.map_or_else(|_| Value::from("BrokenBarrierError"), Value::from);
        self.monitor.operated("wait", gave);
        passed
    }

    /// Comes, once, and passes if it is open or broken.
    fn attempt(
        &self,
        gathering: &mut Gathering,
        me: Option<&Arc<Lane>>,
        mine: &mut Option<Arrival>,
    ) -> Option<Done<Result<usize, BrokenBarrier>>> {
        if mine.is_none() && !gathering.is_broken {
            let ended_by = Arc::clone(&gathering.ended_by);
            *mine = Some(Arrival { place: gathering.came, opened: gathering.opened, left: gathering.left, ended_by });
            gathering.came += 1;
            gathering.arrivals += 1;
        }
        let parties = self.parties as u64;
        let mut wake = Wake::Nobody;
        if mine.is_some() && !gathering.is_broken && gathering.came == self.parties {
            (gathering.came, gathering.opened) = (0, gathering.opened + 1);
            gathering.end_waits(me);
            wake = Wake::All(0);
        }
        let ended_by = mine.as_ref().and_then(|mine| mine.ended_by.get()).cloned().flatten();
        let result = match mine {
            Some(mine) if gathering.opened > mine.opened => {
                gathering.early += u64::from(gathering.arrivals < (mine.opened + 1) * parties);
                Ok(mine.place)
            }
            Some(mine) if mine.left == gathering.left && !gathering.is_broken => return None,
            _ => Err(BrokenBarrier),
        };
        Some(Done::new(result).wakes(wake).woken_by(ended_by))
    }
}
