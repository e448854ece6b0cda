//! What a lesson knows of its body: who sleeps, whether a thread takes actions, the children. Any thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::model::Pid;
use crate::scenario::card::Reply;

/// The state of a body.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The tasks that sleep.
    sleepers: Mutex<BTreeSet<String>>,
    sleepers_changed: Condvar,
    /// Whether a thread takes the actions of a person.
    has_listener: AtomicBool,
    /// The names of the children that were not waited on.
    children: Mutex<BTreeMap<Pid, String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Body {
    /// A thread takes actions from now on, or does so no more.
    pub(crate) fn listens(&self, on: bool) {
        self.has_listener.store(on, Ordering::SeqCst);
    }

    /// Knows a child by this name from now on.
    pub(crate) fn child_begins(&self, pid: Pid, name: &str) {
        lock(&self.children).insert(pid, name.to_owned());
    }

    /// Knows it no more, and gives its name.
    pub(crate) fn child_ends(&self, pid: Pid) -> Option<String> {
        lock(&self.children).remove(&pid)
    }

    /// In a fork: the children are its parent's.
    pub(crate) fn forget_children(&self) {
        lock(&self.children).clear();
    }

    /// Whether a thread takes actions.
    pub(crate) fn has_listener(&self) -> bool {
        self.has_listener.load(Ordering::SeqCst)
    }

    /// Sleeps until the time is over, or the sleep is ended.
    pub(crate) fn sleep(&self, name: &str, deadline: Instant) {
        let mut sleepers = lock(&self.sleepers);
        sleepers.insert(name.to_owned());
        while sleepers.contains(name) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            sleepers = self.sleepers_changed.wait_timeout(sleepers, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        sleepers.remove(name);
    }

    pub(crate) fn end_sleep(&self, name: &str) -> Reply {
        if !lock(&self.sleepers).remove(name) {
            return Err(format!("{name} does not sleep"));
        }
        self.sleepers_changed.notify_all();
        Ok(())
    }
}
