//! Forked processes that do one thing and end, with the semantics of Python's `multiprocessing.Process`. Used from a process with one
//! thread.

use std::os::fd::AsFd;
use std::panic::Location;
use std::time::Duration;

use crate::model::{EventKind, TaskSort};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::scenario::lesson::tracking::lane::{own_lane, write_stamped};
use crate::sys::exit_now;

impl Lesson {
    /// Starts a process of this name that does this, and ends.
    ///
    /// ```ignore
    /// let writer = lesson.process("writer", || write(&sink))?;
    /// writer.join()?;
    /// ```
    #[track_caller]
    pub fn process(&self, name: &str, run: impl FnOnce()) -> Result<Child<'_>, LessonError> {
        match self.fork(name)? {
            Fork::Child => self.in_process(name, run),
            Fork::Parent(child) => Ok(child),
        }
    }

    /// In a fork: does this as the task of that name, and ends.
    pub fn in_process(&self, name: &str, run: impl FnOnce()) -> ! {
        if own_lane().is_none() {
            let _lane = self.task(name, TaskSort::Process);
        }
        run();
        self.report(EventKind::TaskFinished { task: name.to_owned(), result: "ok".to_owned() });
        exit_now(0)
    }
}

impl Child<'_> {
    /// Waits until it has ended. Refuses the actions of a person meanwhile.
    #[track_caller]
    pub fn join(mut self) -> Result<(), LessonError> {
        let lesson = self.lesson();
        let line = lesson.tracker().line(Location::caller());
        let lane = own_lane().filter(|_| lesson.tracker().has_listener());
        if let Some(lane) = &lane {
            lane.stamp_wait(lesson.reporter(), "join()", Some(self.name()), line);
            write_stamped(lesson.reporter());
        }
        while self.peek()?.is_none() {
            if let Some(asked) = lesson.listen(&[self.as_fd()], Duration::from_mins(1))? {
                lesson.refuse(&asked, "main does not sleep");
            }
        }
        let name = self.name().to_owned();
        self.reap()?;
        if let Some(lane) = lane {
            lane.stamp_run(lesson.reporter(), Some(&name), line);
            lane.write(lesson.reporter());
        }
        Ok(())
    }
}
