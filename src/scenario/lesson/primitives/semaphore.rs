//! Semaphores with the semantics of Python's `threading.Semaphore`: a number of places, and no owner.

use std::panic::Location;
use std::time::Duration;

use super::freed::Freed;
use super::monitor::{Done, Monitor, Operation, Wake};
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::own_lane;

/// A tracked semaphore. See [`Lesson::semaphore`].
#[derive(Debug)]
pub struct Semaphore<'s>(Monitor<'s, Places>);

/// A tracked semaphore that refuses a release too many. See [`Lesson::bounded_semaphore`].
#[derive(Debug)]
pub struct BoundedSemaphore<'s> {
    semaphore: Semaphore<'s>,
    most: usize,
}

/// A bounded semaphore had all its places free already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the semaphore was released too many times")]
pub struct TooManyReleased;

#[derive(Debug)]
struct Places {
    free: usize,
    freed: Freed,
}

impl Lesson {
    /// A semaphore with `places` free places.
    ///
    /// ```ignore
    /// let seats = lesson.semaphore("seats", 3);
    /// seats.acquire();
    /// seats.release();      // also by another task than the one that acquired: nobody checks
    /// ```
    pub fn semaphore(&self, name: &str, places: usize) -> Semaphore<'_> {
        Semaphore(Monitor::new(self, format!("semaphore {name}"), None, Places { free: places, freed: Freed::default() }))
    }

    /// A semaphore that never has more than these free places, as Python's `BoundedSemaphore`.
    pub fn bounded_semaphore(&self, name: &str, places: usize) -> BoundedSemaphore<'_> {
        BoundedSemaphore { semaphore: self.semaphore(name, places), most: places }
    }
}

impl Semaphore<'_> {
    /// Waits until a place is free, and takes it.
    #[track_caller]
    pub fn acquire(&self) {
        self.perform(Operation::new("acquire"));
    }

    /// Waits at most this long; whether a place was taken.
    #[track_caller]
    pub fn acquire_for(&self, timeout: Duration) -> bool {
        self.perform(Operation::new("acquire").within(timeout))
    }

    /// Takes a place if one is free, and never waits.
    #[track_caller]
    pub fn try_acquire(&self) -> bool {
        self.perform(Operation::new("try to acquire").within(Duration::ZERO))
    }

    /// Frees a place. One more than there were at the start is no error, as in Python; a bounded semaphore would refuse.
    #[track_caller]
    pub fn release(&self) {
        self.release_up_to(usize::MAX);
    }

    /// Frees a place, if fewer than these are free; whether it did.
    #[track_caller]
    fn release_up_to(&self, most: usize) -> bool {
        let caller = Location::caller();
        let is_done = self.0.perform(Operation::new("release"), |places, me| {
            if places.free >= most {
                return Some(Done::new(false));
            }
            if let Some(lane) = own_lane() {
                self.0.let_go(&lane, caller);
            }
            places.free += 1;
            places.freed.free(me);
            Some(Done::new(true).wakes(Wake::One(0)))
        });
        is_done == Some(true)
    }

    pub(super) fn on(&self) -> &str {
        self.0.on()
    }

    /// Places that are free now.
    pub fn free(&self) -> usize {
        self.0.look(|places| places.free)
    }

    #[track_caller]
    fn perform(&self, operation: Operation) -> bool {
        let taken = self.0.perform(operation.holds(), |places, _| {
            let left = places.free.checked_sub(1)?;
            let freed_by = places.freed.take(places.free);
            places.free = left;
            Some(Done::new(()).woken_by(freed_by))
        });
        // As with the observer of Python: what was taken is seen by what the task holds.
        if taken.is_none() {
            self.0.operated("acquire", false);
        }
        taken.is_some()
    }
}

impl<'s> BoundedSemaphore<'s> {
    /// Waits until a place is free, and takes it.
    #[track_caller]
    pub fn acquire(&self) {
        self.semaphore.acquire();
    }

    /// Frees a place. It is an error if all are free: nobody can have taken this one.
    #[track_caller]
    pub fn release(&self) -> Result<(), TooManyReleased> {
        if self.semaphore.release_up_to(self.most) {
            return Ok(());
        }
        self.semaphore.0.operated("release", "ValueError");
        Err(TooManyReleased)
    }

    pub(super) const fn unbounded(&self) -> &Semaphore<'s> {
        &self.semaphore
    }
}
