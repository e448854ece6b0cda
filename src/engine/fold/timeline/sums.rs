//! Sums over a lane's switch records, for the events `task.cpu`. Pure; counting a switch costs a comparison.

use crate::model::{LaneState, Monotonic, Pid, States, TaskCpu, Tid, Times};

const WAITS: [LaneState; 3] = [LaneState::Blocked, LaneState::Sleeping, LaneState::Stopped];

/// What is left over counts with the next reading, but no more than so many nanoseconds of it: it must not fill a wait that has nothing to do
/// with it.
pub(super) const LEFT: i64 = 50_000_000;

/// What schedstat had counted of a thread and its lane has not told, in nanoseconds: on a core and ready. `None` while that is not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Base {
    pub(super) ran: Option<i64>,
    pub(super) ready: Option<i64>,
}

impl Base {
    /// Of a thread that has just been made.
    pub(super) const NEW: Self = Self { ran: Some(0), ready: Some(0) };

    /// What was counted, and is not told, is left over.
    pub(super) fn leave(&mut self, counted: [i64; 2], told: [i64; 2]) {
        for ((base, counted), told) in [&mut self.ran, &mut self.ready].into_iter().zip(counted).zip(told) {
            let least = counted.saturating_sub(told).saturating_sub(LEFT);
            *base = base.map(|base| base.max(least));
        }
    }
}

/// The part of the sums that the states of the lane do not have.
#[derive(Debug, Default)]
pub(super) struct Sums {
    began: Monotonic,
    told_at: Monotonic,
    switches: u64,
    told_switches: u64,
    /// Ascending: all cores, and those since the last sums.
    cores: Vec<u16>,
    new_cores: Vec<u16>,
    /// The core of the last switch, if it is among the new ones.
    newest: Option<u16>,
}

/// The thread that sums are about.
#[derive(Debug)]
pub(super) struct Whose {
    pub(super) pid: Pid,
    pub(super) tid: Tid,
    pub(super) name: String,
}

impl Sums {
    /// The time before does not count.
    pub(super) fn begin(&mut self, t: Monotonic) {
        (self.began, self.told_at) = (t, t);
    }

    /// Until when sums were told.
    pub(super) const fn told_at(&self) -> Monotonic {
        self.told_at
    }

    /// It was switched in on this core.
    pub(super) fn switched_in(&mut self, core: u16) {
        self.switches += 1;
        if self.newest != Some(core) {
            self.newest = Some(core);
            for cores in [&mut self.cores, &mut self.new_cores] {
                if let Err(place) = cores.binary_search(&core) {
                    cores.insert(place, core);
                }
            }
        }
    }

    /// What is new since the last time; `None` if it has only waited.
    pub(super) fn since_last(&mut self, states: &States, until: Monotonic, whose: impl FnOnce() -> Whose) -> Option<TaskCpu> {
        let switches = self.switches - self.told_switches;
        let times = states.times(self.told_at, until);
        let has_waited = switches == 0 && times.of(LaneState::OnCore) == 0 && times.of(LaneState::Ready) == 0;
        (!has_waited).then(|| self.tell(&times, until, whose()))
    }

    /// The last of the sums that add up to all of it; `None` if nothing is new.
    pub(super) fn rest(&mut self, states: &States, until: Monotonic, whose: impl FnOnce() -> Whose) -> Option<TaskCpu> {
        let is_new = self.switches > self.told_switches;
        let times = states.times(self.told_at, until);
        let counted = [LaneState::OnCore, LaneState::Ready].into_iter().chain(WAITS).any(|state| times.of(state) > 0);
        (is_new || counted).then(|| self.tell(&times, until, whose()))
    }

    fn tell(&mut self, times: &Times, until: Monotonic, whose: Whose) -> TaskCpu {
        let switches = self.switches - self.told_switches;
        (self.told_at, self.told_switches, self.newest) = (until, self.switches, None);
        sums(times, whose, switches, std::mem::take(&mut self.new_cores), false)
    }

    /// All of it.
    pub(super) fn in_all(&self, states: &States, until: Monotonic, whose: Whose) -> TaskCpu {
        sums(&states.times(self.began, until), whose, self.switches, self.cores.clone(), true)
    }
}

fn sums(times: &Times, whose: Whose, switches: u64, cores: Vec<u16>, is_final: bool) -> TaskCpu {
    let Whose { pid, tid, name } = whose;
    TaskCpu {
        pid,
        tid,
        name,
        ran_ns: times.of(LaneState::OnCore),
        ready_ns: times.of(LaneState::Ready),
        blocked_ns: WAITS.iter().map(|state| times.of(*state)).sum(),
        switches,
        cores,
        is_exact: times.of(LaneState::Unknown) == 0,
        is_final,
    }
}
