//! Sums over a lane's switch records, for the events `task.cpu`. Pure; counting a switch costs a comparison.

use crate::model::{LaneState, Monotonic, Pid, States, TaskCpu, Tid, Times};

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
        if switches == 0 && times.of(LaneState::OnCore) == 0 && times.of(LaneState::Ready) == 0 {
            return None;
        }
        (self.told_at, self.told_switches, self.newest) = (until, self.switches, None);
        let cores = std::mem::take(&mut self.new_cores);
        Some(sums(&times, whose(), switches, cores, false))
    }

    /// All of it.
    pub(super) fn in_all(&self, states: &States, until: Monotonic, whose: Whose) -> TaskCpu {
        sums(&states.times(self.began, until), whose, self.switches, self.cores.clone(), true)
    }
}

fn sums(times: &Times, whose: Whose, switches: u64, cores: Vec<u16>, is_final: bool) -> TaskCpu {
    let Whose { pid, tid, name } = whose;
    let waited = [LaneState::Blocked, LaneState::Sleeping, LaneState::Stopped];
    TaskCpu {
        pid,
        tid,
        name,
        ran_ns: times.of(LaneState::OnCore),
        ready_ns: times.of(LaneState::Ready),
        blocked_ns: waited.iter().map(|state| times.of(*state)).sum(),
        switches,
        cores,
        is_exact: true,
        is_final,
    }
}
