//! Locks with the semantics of Python's `threading.Lock`: one holder, no owner check (anybody may release), not
//! reentrant. Free and unheard, an acquire is one atomic exchange, like that of `std::sync::Mutex`.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::monitor::{By, Done, Monitor, Operation, Wake};
use crate::model::Word;
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{FREE, own_number};

/// A lock that was released was not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("could not release an unlocked lock")]
pub struct NotHeld;

/// A tracked lock. See [`Lesson::lock`].
#[derive(Debug)]
pub struct Lock<'s> {
    /// The number of the lane that acquired it.
    owner: Arc<AtomicU32>,
    /// The task that released it last.
    monitor: Monitor<'s, By>,
}

/// Releases its lock when it goes out of scope, like Python's `with lock:`.
#[derive(Debug)]
#[must_use = "the lock is released at once if nobody keeps the guard"]
pub struct Held<'l, 's>(&'l Lock<'s>);

impl Lesson {
    /// A lock that shows who holds it and who waits.
    ///
    /// ```ignore
    /// let lock = lesson.lock("counter");
    /// lock.acquire();
    /// counter.set(counter.get() + 1);
    /// lock.release()?;
    ///
    /// let held = lock.held();                                  // as `with lock:`, to the end of the block
    /// if lock.acquire_for(Duration::from_millis(50)) { … }     // as lock.acquire(timeout=0.05)
    /// if lock.try_acquire() { … }                              // as lock.acquire(blocking=False)
    /// ```
    pub fn lock(&self, name: &str) -> Lock<'_> {
        let owner = Arc::new(AtomicU32::new(FREE));
        let monitor = Monitor::new(self, format!("{} {name}", Word::LOCK), Some(Arc::clone(&owner)), None);
        Lock { owner, monitor }
    }
}

impl Lock<'_> {
    /// Waits until it is free, and takes it. A task that holds it already waits for itself, for ever, as in Python.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) {
        if !(self.is_quiet() && self.take(own_number())) {
            self.perform(Operation::new("acquire"));
        }
    }

    /// Waits at most this long; whether it was taken.
    #[track_caller]
    pub fn acquire_for(&self, timeout: Duration) -> bool {
        let is_taken = self.perform(Operation::new("acquire").within(timeout));
        self.monitor.operated("acquire", is_taken);
        is_taken
    }

    /// Takes it if it is free, and never waits.
    #[inline]
    #[track_caller]
    pub fn try_acquire(&self) -> bool {
        if self.is_quiet() {
            self.take(own_number())
        } else {
            let is_taken = self.perform(Operation::new("try to acquire").within(Duration::ZERO));
            self.monitor.operated("acquire", is_taken);
            is_taken
        }
    }

    /// Releases it. Any task may do that, as in Python.
    #[inline]
    #[track_caller]
    pub fn release(&self) -> Result<(), NotHeld> {
        if !self.is_quiet() {
            return self.release_reported();
        }
        let was = self.owner.swap(FREE, Ordering::SeqCst);
        if self.monitor.has_sleepers() {
            self.wake_one();
        }
        if was == FREE { Err(NotHeld) } else { Ok(()) }
    }

    #[cold]
    fn wake_one(&self) {
        self.monitor.perform(Operation::new("release").without_gate(), |_, _| Some(Done::new(()).wakes(Wake::One(0))));
    }

    #[cold]
    #[track_caller]
    fn release_reported(&self) -> Result<(), NotHeld> {
        let caller = Location::caller();
        let was = self.monitor.perform(Operation::new("release"), |released_by, me| {
            let was = self.owner.load(Ordering::SeqCst);
            if was == FREE {
                return Some(Done::new(was));
            }
            if let Some(lane) = self.monitor.lesson().tracker().lane(was) {
                self.monitor.let_go(&lane, caller);
            }
            self.owner.store(FREE, Ordering::SeqCst);
            *released_by = me.cloned();
            Some(Done::new(was).wakes(Wake::One(0)))
        });
        match was {
            Some(FREE) => {
                self.monitor.operated("release", "RuntimeError");
                return Err(NotHeld);
            }
            // As with the observer of Python: what the holder itself releases is seen by what it holds.
            Some(holder) if holder != own_number() => self.monitor.operated("release", "ok"),
            _ => {}
        }
        Ok(())
    }

    /// Acquires it for as long as the guard lives.
    #[track_caller]
    pub fn held(&self) -> Held<'_, '_> {
        self.acquire();
        Held(self)
    }

    pub(super) fn on(&self) -> &str {
        self.monitor.on()
    }

    /// Whether somebody holds it.
    pub fn is_locked(&self) -> bool {
        self.owner.load(Ordering::SeqCst) != FREE
    }

    /// The name of the task that acquired it.
    pub fn holder(&self) -> Option<String> {
        self.monitor.holder()
    }

    #[inline]
    fn is_quiet(&self) -> bool {
        self.monitor.lesson().tracker().is_quiet()
    }

    #[inline]
    fn take(&self, me: u32) -> bool {
        self.owner.compare_exchange(FREE, me, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[track_caller]
    fn perform(&self, operation: Operation) -> bool {
        let me = own_number();
        self.monitor
            .perform(operation.holds(), |released_by, _| self.take(me).then(|| Done::new(()).woken_by(released_by.take())))
            .is_some()
    }
}

impl Drop for Held<'_, '_> {
    fn drop(&mut self) {
        // Somebody else may have released it, as anybody may.
        let _ = self.0.release();
    }
}
