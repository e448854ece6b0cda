//! Reentrant locks with the semantics of Python's `threading.RLock`: the owner may acquire it again, and nobody else may release it.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::monitor::{By, Done, Monitor, Operation, Wake};
use crate::model::Word;
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{FREE, own_lane, own_number};

/// A reentrant lock was released by a task that does not own it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("could not release a lock of another owner")]
pub struct NotOwner;

/// A tracked reentrant lock. See [`Lesson::reentrant_lock`].
#[derive(Debug)]
pub struct ReentrantLock<'s> {
    /// The number of the lane that owns it.
    owner: Arc<AtomicU32>,
    monitor: Monitor<'s, Owned>,
}

#[derive(Debug, Default)]
struct Owned {
    /// How often its owner has acquired it.
    times: usize,
    released_by: By,
}

/// Releases its lock once when it goes out of scope, like Python's `with lock:`.
#[derive(Debug)]
#[must_use = "the lock is released at once if nobody keeps the guard"]
pub struct HeldAgain<'l, 's>(&'l ReentrantLock<'s>);

impl Lesson {
    /// A lock that its owner may acquire several times, and has to release as often.
    ///
    /// ```ignore
    /// let diary = lesson.reentrant_lock("diary");
    /// let once = diary.held();
    /// let twice = diary.held();
    /// ```
    pub fn reentrant_lock(&self, name: &str) -> ReentrantLock<'_> {
        let owner = Arc::new(AtomicU32::new(FREE));
        let monitor = Monitor::new(self, format!("{} {name}", Word::LOCK), Some(Arc::clone(&owner)), Owned::default());
        ReentrantLock { owner, monitor }
    }
}

impl ReentrantLock<'_> {
    /// Waits until nobody else owns it, and takes it once, or once more.
    #[track_caller]
    pub fn acquire(&self) {
        let me = own_number();
        self.monitor.perform(Operation::new("acquire").holds(), |owned, _| {
            let owner = self.owner.load(Ordering::SeqCst);
            if owner != FREE && owner != me {
                return None;
            }
            self.owner.store(me, Ordering::SeqCst);
            owned.times += 1;
            Some(Done::new(()).woken_by(owned.released_by.take()))
        });
    }

    /// Releases it once. It is an error if the calling task does not own it.
    #[track_caller]
    pub fn release(&self) -> Result<(), NotOwner> {
        let (me, caller) = (own_number(), Location::caller());
        let is_owner = self.monitor.perform(Operation::new("release"), |owned, lane| {
            if self.owner.load(Ordering::SeqCst) != me {
                return Some(Done::new(false));
            }
            if let Some(lane) = own_lane() {
                self.monitor.let_go(&lane, caller);
            }
            owned.times -= 1;
            if owned.times > 0 {
                return Some(Done::new(true));
            }
            self.owner.store(FREE, Ordering::SeqCst);
            owned.released_by = lane.cloned();
            Some(Done::new(true).wakes(Wake::One(0)))
        });
        if is_owner == Some(true) {
            return Ok(());
        }
        self.monitor.operated("release", "RuntimeError");
        Err(NotOwner)
    }

    /// Acquires it for as long as the guard lives.
    #[track_caller]
    pub fn held(&self) -> HeldAgain<'_, '_> {
        self.acquire();
        HeldAgain(self)
    }
}

impl Drop for HeldAgain<'_, '_> {
    fn drop(&mut self) {
        // The guard may have been given to another thread, which does not own it.
        let _ = self.0.release();
    }
}
