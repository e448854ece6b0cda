//! The tasks that freed places which others may wait for: seats of a semaphore, room in a queue. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use super::monitor::By;
use crate::scenario::lesson::tracking::lane::Lane;

/// For each free place the task that freed it, the longest free first. A task that waits finds no free place, so that the first
/// place which is freed from then on lets it go on. Places that were free from the start stand before all others.
#[derive(Debug, Default)]
pub(super) struct Freed(VecDeque<By>);

impl Freed {
    /// A place is freed.
    pub(super) fn free(&mut self, by: Option<&Arc<Lane>>) {
        self.0.push_back(by.cloned());
    }

    /// One of this many free places is taken; the task that freed it.
    pub(super) fn take(&mut self, free: usize) -> By {
        if free > self.0.len() { None } else { self.0.pop_front().flatten() }
    }
}
