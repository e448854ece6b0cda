//! A number that several threads read and write, as they do with a global variable of Python. Any thread.

use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::own_lane;

/// A shared number without a lock. In step mode a thread stops before each read and each write. See [`Lesson::variable`].
#[derive(Debug)]
pub struct Variable<'l> {
    lesson: &'l Lesson,
    name: &'static str,
    value: AtomicUsize,
}

impl Lesson {
    /// A number that threads share. Rust has no plain variable that several threads write.
    pub const fn variable(&self, name: &'static str, value: usize) -> Variable<'_> {
        Variable { lesson: self, name, value: AtomicUsize::new(value) }
    }
}

impl Variable<'_> {
    /// What was written last.
    #[track_caller]
    pub fn read(&self) -> usize {
        self.gate("read");
        self.value.load(Ordering::Relaxed)
    }

    /// Puts a number in its place.
    #[track_caller]
    pub fn write(&self, value: usize) {
        self.gate("write");
        self.value.store(value, Ordering::Relaxed);
    }

    #[track_caller]
    fn gate(&self, what: &str) {
        if self.lesson.is_stepped()
            && let Some(lane) = own_lane()
        {
            self.lesson.gate(&lane, what, self.name, self.lesson.tracker().line(Location::caller()));
        }
    }
}
