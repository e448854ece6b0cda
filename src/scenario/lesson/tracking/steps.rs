//! Step mode's memory: who stands at a gate, who may pass, in which order. Any thread.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::lane::Lane;

/// The gates of one lesson.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    state: Mutex<State>,
    pub(crate) changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Whether the user decides.
    pub(crate) is_on: bool,
    /// The tasks whose turns are still to come.
    pub(crate) replay: VecDeque<String>,
    /// The tasks at a gate, in the order in which they came.
    pub(crate) gates: Vec<u32>,
    /// The tasks that may pass one gate each, in this order; one that stands at none is passed over.
    pub(crate) permits: Vec<u32>,
    /// The tasks that were let go, or were woken, and have not come to a gate, a wait or their end since.
    pub(crate) moving: BTreeSet<u32>,
    /// The tasks that passed, in this order.
    pub(crate) order: Vec<String>,
}

impl State {
    pub(crate) fn is_active(&self) -> bool {
        self.is_on || !self.replay.is_empty()
    }

    /// Whether it is this one's turn.
    pub(crate) fn may_pass(&self, lane: &Lane) -> bool {
        let is_named = match self.replay.front() {
            Some(next) => *next == lane.name,
            None => self.permits.iter().find(|number| self.gates.contains(number)) == Some(&lane.number),
        };
        !self.is_active() || is_named && self.moving.is_empty()
    }

    /// It passes its gate; whether that was a step that somebody decided.
    pub(crate) fn pass(&mut self, lane: &Lane) -> bool {
        self.gates.retain(|number| *number != lane.number);
        if !self.is_active() {
            return false;
        }
        if self.replay.pop_front().is_none()
            && let Some(at) = self.permits.iter().position(|number| *number == lane.number)
        {
            self.permits.remove(at);
        }
        self.moving.insert(lane.number);
        self.order.push(lane.name.clone());
        true
    }
}

impl Steps {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This one was let go or woken: nobody else passes a gate before it has settled.
    pub(crate) fn moves(&self, lane: &Lane) {
        if lane.is_stepped {
            self.lock().moving.insert(lane.number);
        }
    }

    /// This one waits for something, or has ended.
    pub(crate) fn settled(&self, lane: &Lane) {
        if self.lock().moving.remove(&lane.number) {
            self.changed.notify_all();
        }
    }
}
