//! One core, and which lane of a run was on it when.

use super::{LaneId, LaneState, States};

/// The lane of a core.
#[derive(Debug, Clone)]
pub struct CoreLane {
    /// Its number.
    pub core: u16,
    /// [`LaneState::OnCore`] with the number of a lane, [`LaneState::Nothing`] while nothing of the run is on it, or unknown.
    pub states: States,
}

impl CoreLane {
    /// The lane that an entry of a core's states names.
    pub fn lane(state: LaneState, detail: u32) -> Option<LaneId> {
        (state == LaneState::OnCore).then_some(LaneId::new(detail))
    }
}
