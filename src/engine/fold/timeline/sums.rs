//! Sums over a lane's switch records, for the events `task.cpu`. Pure; counting a switch costs a comparison.

use crate::model::{LaneState, Monotonic, Pid, States, TaskCpu, Tid, Times};

const WAITS: [LaneState; 3] = [LaneState::Blocked, LaneState::Sleeping, LaneState::Stopped];

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
