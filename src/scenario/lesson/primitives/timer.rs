//! Timers with the semantics of Python's `threading.Timer`: a thread that sleeps, and then calls a function, unless
//! somebody cancels it before.

use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use super::monitor::{By, Done, Monitor, Operation, Wake};
use super::threads::{Scope, Starter, join};
use crate::model::{EventKind, TaskSort, TaskState};
use crate::scenario::lesson::handle::LessonError;

/// A tracked timer. See [`Scope::timer`].
pub struct Timer<'scope, 'env: 'scope> {
    starter: Starter<'scope, 'env>,
    name: String,
    interval: Duration,
    line: Option<u32>,
    call: Mutex<Option<Call<'scope>>>,
    /// The task that cancelled it, once one has.
    cancelled: Arc<Monitor<'env, Option<By>>>,
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
        let cancelled = Arc::new(Monitor::new(lesson, format!("timer {name}"), None, None));
        let same = Arc::clone(&cancelled);
        lesson.report(EventKind::Thing { on: cancelled.on().to_owned(), line });
        self.listener().offer_acts(move |action, target| {
            (action == "cancel" && target == same.on()).then(|| {
                cancel(&same);
                Ok(())
            })
        });
        Timer {
            starter: self.starter().clone(),
            name: name.to_owned(),
            interval,
            line,
            call: Mutex::new(Some(Box::new(call))),
            cancelled,
            handle: Mutex::default(),
        }
    }
}

impl Timer<'_, '_> {
    /// Starts its thread. A second call does nothing.
    pub fn start(&self) -> Result<(), LessonError> {
        let Some(mut call) = self.call.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let (cancelled, interval) = (Arc::clone(&self.cancelled), self.interval);
        let run = move |worker: &super::Worker<'_>| {
            let (mut due, mut calls) = (Instant::now(), 0);
            loop {
                due += interval;
                let sleep = Operation::new("sleep for").without_gate().until(due);
                worker.lane().is(TaskState::Sleeping);
                let is_cancelled = cancelled.perform(sleep, |by, _| by.clone().map(|by| Done::new(()).woken_by(by)));
                if is_cancelled.is_some() {
                    return calls;
                }
                worker.lane().running("");
                calls += 1;
                if !call() {
                    return calls;
                }
            }
        };
        let handle = self.starter.start(self.name.clone(), 1, self.line, run, |_| ())?;
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(())
    }

    /// Takes it back, if its time has not come.
    #[track_caller]
    pub fn cancel(&self) {
        cancel(&self.cancelled);
    }

    /// Waits for its end; how often it called. 0 also for one that never started, or whose function panicked.
    #[track_caller]
    pub fn join(&self) -> u32 {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        handle.and_then(|handle| join(self.starter.lesson, &self.name, handle)).unwrap_or_default()
    }
}

#[track_caller]
fn cancel(cancelled: &Monitor<'_, Option<By>>) {
    cancelled.perform(Operation::new("cancel"), |cancelled, me| {
        cancelled.get_or_insert_with(|| me.cloned());
        Some(Done::new(()).wakes(Wake::All(0)))
    });
    cancelled.operated("cancel", ());
}
