//! Thread-local boxes, with the semantics of Python's `threading.local`: one name, a value for each task that asks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{own_lane, own_number};

/// A tracked thread-local box. See [`Lesson::local`].
#[derive(Debug)]
pub struct Local<'s, T> {
    lesson: &'s Lesson,
    name: String,
    boxes: Mutex<BTreeMap<u32, T>>,
}

impl Lesson {
    /// A box that each task has for itself. Its contents are shown as values: `mine of worker-1`.
    ///
    /// ```ignore
    /// let mine = lesson.local("mine");
    /// mine.set(3);
    /// assert_eq!(mine.get(), Some(3));      // another task would find None until it has set its own
    /// ```
    pub fn local<T>(&self, name: &str) -> Local<'_, T> {
        Local { lesson: self, name: name.to_owned(), boxes: Mutex::default() }
    }
}

impl<T: Clone + Into<serde_json::Value>> Local<'_, T> {
    /// Puts something into the calling task's own box.
    pub fn set(&self, value: T) {
        if let Some(lane) = own_lane() {
            self.lesson.value(format!("{} of {}", self.name, lane.name), value.clone());
        }
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner).insert(own_number(), value);
    }

    /// The value that the calling task put into its own box.
    pub fn get(&self) -> Option<T> {
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner).get(&own_number()).cloned()
    }
}
