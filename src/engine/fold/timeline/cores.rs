//! Which lane is on which core, by the switch records: never two at once, whatever the records say. Pure.

use crate::model::{CoreLane, LaneState, Monotonic, States};

/// All cores that lanes of the run were on.
#[derive(Debug, Default)]
pub(super) struct Cores {
    /// By their numbers.
    cores: Vec<Core>,
}

#[derive(Debug, Default)]
struct Core {
    states: States,
    on: Option<usize>,
    /// The last change.
    changed: Monotonic,
}

impl Cores {
    /// When this core has changed last.
    pub(super) fn changed(&self, core: u16) -> Monotonic {
        self.cores.get(usize::from(core)).map_or(Monotonic::ZERO, |core| core.changed)
    }

    /// Since when this core has been free for a lane whose turn is told at `t`.
    pub(super) fn free_since(&self, core: u16, t: Monotonic) -> Monotonic {
        let core = self.cores.get(usize::from(core));
        core.map_or(Monotonic::ZERO, |core| if core.on.is_some() { core.changed.max(t) } else { core.changed })
    }

    /// The lane is on this core from `t` on. Returns the one that was there so far, if its departure is not known.
    pub(super) fn enter(&mut self, number: u16, lane: usize, t: Monotonic) -> Option<usize> {
        if self.cores.len() <= usize::from(number) {
            self.cores.resize_with(usize::from(number) + 1, Core::default);
        }
        let core = &mut self.cores[usize::from(number)];
        core.states.push(t, LaneState::OnCore, lane as u32);
        core.changed = core.changed.max(t);
        core.on.replace(lane).filter(|other| *other != lane)
    }

    /// The lane leaves this core, if it is there.
    pub(super) fn leave(&mut self, number: u16, lane: usize, t: Monotonic) {
        if let Some(core) = self.cores.get_mut(usize::from(number)).filter(|core| core.on == Some(lane)) {
            core.states.push(t, LaneState::Nothing, 0);
            core.changed = core.changed.max(t);
            core.on = None;
        }
    }

    /// Forgets what was over at `t`.
    pub(super) fn forget_past(&mut self, t: Monotonic) {
        for core in &mut self.cores {
            core.states.forget_before(t);
        }
    }

    pub(super) fn publish(&self) -> Vec<CoreLane> {
        let used = self.cores.iter().enumerate().filter(|(_, core)| !core.states.is_empty());
        used.map(|(number, core)| CoreLane { core: number as u16, states: core.states.clone() }).collect()
    }
}
