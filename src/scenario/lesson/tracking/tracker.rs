//! The lanes of a lesson, their waits for each other, and whether anybody listens. Any thread.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::lane::{Lane, Wait};
use super::steps::Steps;
use crate::scenario::lesson::reporter::Reporter;

/// Somebody reads the events.
const LISTENER: u8 = 1;
/// Step mode is on, or an order is replayed.
const STEPPED: u8 = 2;

/// Lanes that are remembered, unless more live.
const MOST_LANES: usize = 1_000;

/// The lanes of one lesson.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    attention: AtomicU8,
    lanes: Mutex<Vec<Arc<Lane>>>,
    pub(crate) steps: Steps,
    /// The end of the path of the body, for the lines of its source: `/race/body.rs`.
    body: OnceLock<String>,
}

impl Tracker {
    /// Makes the tracker of a lesson with or without a listener.
    pub(crate) fn new(has_listener: bool) -> Self {
        Self { attention: AtomicU8::new(if has_listener { LISTENER } else { 0 }), ..Self::default() }
    }

    /// Names the lesson whose source lines are told.
    pub(crate) fn set_body(&self, id: &str) {
        let _ = self.body.set(format!("/{}/body.rs", id.replace('-', "_")));
    }

    /// Whether an operation has to do more than what it is there for.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        self.attention.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn has_listener(&self) -> bool {
        self.attention.load(Ordering::Relaxed) & LISTENER != 0
    }

    pub(crate) fn is_stepped(&self) -> bool {
        self.attention.load(Ordering::Relaxed) & STEPPED != 0
    }

    pub(crate) fn set_stepped(&self, on: bool) {
        if on {
            self.attention.fetch_or(STEPPED, Ordering::Relaxed);
        } else {
            self.attention.fetch_and(!STEPPED, Ordering::Relaxed);
        }
    }

    /// The line of the body that called, if it was the body.
    pub(crate) fn line(&self, caller: &Location<'_>) -> Option<u32> {
        let body = self.body.get()?;
        caller.file().ends_with(body.as_str()).then(|| caller.line())
    }

    /// Opens a lane of this name for the calling thread.
    pub(crate) fn open(&self, name: &str) -> Arc<Lane> {
        let lane = Lane::enter(name);
        if self.is_stepped() {
            self.steps.moves(&lane);
        }
        let mut lanes = self.lanes();
        if lanes.len() >= MOST_LANES {
            lanes.retain(|lane| !lane.has_ended.load(Ordering::SeqCst));
        }
        lanes.push(Arc::clone(&lane));
        lane
    }

    /// Closes a lane: its task is over.
    pub(crate) fn close(&self, lane: &Lane, reporter: &Reporter) {
        lane.leave(reporter);
        self.steps.settled(lane);
    }

    pub(crate) fn lanes(&self) -> MutexGuard<'_, Vec<Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane with this number.
    pub(crate) fn lane(&self, number: u32) -> Option<Arc<Lane>> {
        self.lanes().iter().find(|lane| lane.number == number).cloned()
    }

    /// The name of the lane with this number.
    pub(crate) fn name(&self, number: u32) -> Option<String> {
        self.lane(number).map(|lane| lane.name.clone())
    }

    /// A circle of waits, if there is one: `(worker-1, lock A)` waits for the next one, the last for the
    /// first. All these waits were seen to last at one and the same moment.
    pub(crate) fn circle(&self) -> Option<Vec<(Arc<Lane>, Wait)>> {
        let lanes = self.lanes().clone();
        let next = |lane: &Arc<Lane>| {
            let wait = lane.waits_for()?;
            let owner = wait.owner.as_ref()?.load(Ordering::SeqCst);
            Some((wait, lanes.iter().find(|other| other.number == owner)?.clone()))
        };
        for first in &lanes {
            let (mut circle, mut seen, mut lane) = (Vec::new(), BTreeSet::new(), Arc::clone(first));
            while seen.insert(lane.number) {
                let Some((wait, holder)) = next(&lane) else { break };
                circle.push((std::mem::replace(&mut lane, holder), wait));
            }
            if circle.len() == seen.len() && lane.number == first.number {
                // Looked at one after the other, they may not have lasted together: a second look tells.
                let lasts = |(lane, wait): &(Arc<Lane>, Wait)| next(lane).is_some_and(|(again, _)| again.serial == wait.serial);
                return circle.iter().all(lasts).then_some(circle);
            }
        }
        None
    }
}
