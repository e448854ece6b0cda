//! Condition variables with the semantics of Python's `threading.Condition`: a lock and a waiting room. `wait` gives the
//! lock back, sleeps until it is notified, and takes the lock again before it returns.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::lock::{Held, Lock, NotHeld};
use super::monitor::{By, Done, Monitor, Operation, Wake};
use crate::scenario::lesson::handle::Lesson;

/// A tracked condition variable. See [`Lesson::condition`].
#[derive(Debug)]
pub struct Condition<'s> {
    lock: Lock<'s>,
    room: Monitor<'s, WaitingRoom>,
}

/// The waiting room: the notices of those who wait and are not notified, the longest first. A notice is empty until a task
/// notifies, which leaves its name.
#[derive(Debug, Default)]
struct WaitingRoom {
    waiting: Vec<Arc<OnceLock<By>>>,
}

impl Lesson {
    /// A condition variable with a lock of its own.
    ///
    /// ```ignore
    /// let ready = lesson.condition("ready");
    /// ready.acquire();
    /// while !condition_holds() {
    ///     ready.wait(None)?;          // gives the lock back while it sleeps
    /// }
    /// ready.release()?;
    ///
    /// ready.acquire();
    /// ready.notify(1)?;               // wakes the one that waits longest; it goes on after our release
    /// ready.release()?;
    /// ```
    pub fn condition(&self, name: &str) -> Condition<'_> {
        Condition { lock: self.lock(name), room: Monitor::new(self, format!("condition {name}"), None, WaitingRoom::default()) }
    }
}

impl Condition<'_> {
    /// Takes its lock.
    #[track_caller]
    pub fn acquire(&self) {
        self.lock.acquire();
    }

    /// Takes its lock, and waits for it at most this long; whether it was taken.
    #[track_caller]
    pub fn acquire_for(&self, timeout: Duration) -> bool {
        self.lock.acquire_for(timeout)
    }

    /// Takes its lock for as long as the guard lives, like Python's `with condition:`.
    #[track_caller]
    pub fn held(&self) -> Held<'_, '_> {
        self.lock.held()
    }

    /// Gives its lock back.
    #[track_caller]
    pub fn release(&self) -> Result<(), NotHeld> {
        self.lock.release()
    }

    /// Waits until it is notified, at most this long; whether it was. The caller holds the lock before and after.
    #[track_caller]
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, NotHeld> {
        if !self.lock.is_locked() {
            return Err(NotHeld);
        }
        // The place is taken before the lock is given back: a notification in between finds this one waiting.
        let notice = Arc::new(OnceLock::new());
        self.room.look_and_change(|room| room.waiting.push(Arc::clone(&notice)));
        self.lock.release()?;
        let wait = Operation::new("wait for").without_gate();
        let wait = timeout.map_or(wait, |timeout| wait.within(timeout));
        let notified = self.room.perform(wait, |_, _| notice.get().map(|by| Done::new(()).woken_by(by.clone())));
        if notified.is_none() {
            self.room.look_and_change(|room| room.waiting.retain(|other| !Arc::ptr_eq(other, &notice)));
        }
        self.lock.acquire();
        self.room.operated("wait", notified.is_some());
        Ok(notified.is_some())
    }

    /// Wakes as many as that, those who wait longest. The caller holds the lock.
    #[track_caller]
    pub fn notify(&self, count: usize) -> Result<(), NotHeld> {
        self.wake("notify", count)
    }

    #[track_caller]
    fn wake(&self, action: &str, count: usize) -> Result<(), NotHeld> {
        if !self.lock.is_locked() {
            return Err(NotHeld);
        }
        self.room.perform(Operation::new("notify"), |room, me| {
            for notice in room.waiting.drain(..count.min(room.waiting.len())) {
                let _ = notice.set(me.cloned());
            }
            Some(Done::new(()).wakes(Wake::All(0)))
        });
        self.room.operated(action, ());
        Ok(())
    }

    /// Wakes all who wait. The caller holds the lock.
    #[track_caller]
    pub fn notify_all(&self) -> Result<(), NotHeld> {
        self.wake("notify_all", usize::MAX)
    }

    pub(super) fn on(&self) -> &str {
        self.room.on()
    }

    /// How many are in the waiting room.
    pub fn n_waiting(&self) -> usize {
        self.room.look(|room| room.waiting.len())
    }

    /// The name of the task that has its lock.
    pub fn holder(&self) -> Option<String> {
        self.lock.holder()
    }
}
