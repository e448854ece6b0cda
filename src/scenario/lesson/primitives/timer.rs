//! Timers with the semantics of Python's `threading.Timer`: a thread that sleeps, and then calls a function, unless
//! somebody cancels it before.

use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::monitor::{Monitor, Operation, Wake};
use super::threads::{Scope, start};
use crate::model::{TaskSort, TaskState};
use crate::scenario::lesson::handle::{Lesson, LessonError};

/// A tracked timer. See [`Scope::timer`].
pub struct Timer<'scope, 'env: 'scope> {
    lesson: &'env Lesson,
    threads: &'scope thread::Scope<'scope, 'env>,
    name: String,
    interval: Duration,
    line: Option<u32>,
    call: Mutex<Option<Call<'scope>>>,
    is_cancelled: Arc<Monitor<'env, bool>>,
    handle: Mutex<Option<ScopedJoinHandle<'scope, Option<u32>>>>,
}

type Call<'scope> = Box<dyn FnMut() -> bool + Send + 'scope>;

impl<'scope, 'env> Scope<'scope, 'env> {
    /// A timer that calls `call` once, `interval` after it is started.
    ///
    /// ```ignore
    /// let bell = scope.timer("bell", Duration::from_secs(1), || lesson.say("ding"));
    /// bell.start()?;
    /// bell.cancel();                 // in time: it is never called
    /// assert_eq!(bell.join(), 0);    // how often it was
    /// ```
    #[track_caller]
    pub fn timer(&self, name: &str, interval: Duration, mut call: impl FnMut() + Send + 'scope) -> Timer<'scope, 'env> {
        self.repeating_timer(name, interval, move || {
            call();
            false
        })
    }

    /// A timer that calls `call` again and again, once every `interval`, until that returns `false` or it is cancelled.
    #[track_caller]
    pub fn repeating_timer(
        &self,
        name: &str,
        interval: Duration,
        call: impl FnMut() -> bool + Send + 'scope,
    ) -> Timer<'scope, 'env> {
        let lesson = self.lesson();
        let line = lesson.tracker().line(Location::caller());
        lesson.created(name, TaskSort::Thread, line);
        Timer {
            lesson,
            threads: self.std(),
            name: name.to_owned(),
            interval,
            line,
            call: Mutex::new(Some(Box::new(call))),
            is_cancelled: Arc::new(Monitor::new(lesson, format!("timer {name}"), None, false)),
            handle: Mutex::default(),
        }
    }
}

impl Timer<'_, '_> {
    /// Starts its thread. A second call does nothing.
    pub fn start(&self) -> Result<(), LessonError> {
        let Some(mut call) = self.call.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let (is_cancelled, interval) = (Arc::clone(&self.is_cancelled), self.interval);
        let run = move |worker: &super::Worker<'_>| {
            let (mut due, mut calls) = (Instant::now(), 0);
            loop {
                due += interval;
                let sleep = Operation::new("sleep for").without_gate().until(due);
                worker.lane().is(TaskState::Sleeping);
                if is_cancelled.perform(sleep, |cancelled| cancelled.then_some(((), Wake::Nobody))).is_some() {
                    return calls;
                }
                worker.lane().running("");
                calls += 1;
                if !call() {
                    return calls;
                }
            }
        };
        let handle = start(self.lesson, self.threads, self.name.clone(), 1, self.line, run, || ())?;
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(())
    }

    /// Takes it back, if its time has not come.
    #[track_caller]
    pub fn cancel(&self) {
        self.is_cancelled.perform(Operation::new("cancel"), |cancelled| {
            *cancelled = true;
            Some(((), Wake::All(0)))
        });
    }

    /// Waits for its end; how often it called. 0 also for one that never started, or whose function panicked.
    pub fn join(&self) -> u32 {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        handle.and_then(|handle| handle.join().ok().flatten()).unwrap_or_default()
    }
}
