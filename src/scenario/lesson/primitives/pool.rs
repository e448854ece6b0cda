//! Pools and futures with the semantics of Python's `concurrent.futures`: a fixed number of workers, a queue of tasks, and
//! a future for each, which is pending, running, finished or cancelled.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::listener::Listener;
use super::monitor::{By, Done, Monitor, Operation, Wake};
use super::threads::{Scope, message};
use crate::model::{EventKind, TaskSort, TaskState};
use crate::scenario::lesson::handle::{Lesson, LessonError};

/// How a future is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FutureState {
    /// No worker has taken it.
    Pending,
    /// A worker is at it.
    Running,
    /// It has a result, or it panicked.
    Finished,
    /// It was taken back in time.
    Cancelled,
}

/// Why a future has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoResult {
    /// It was cancelled.
    #[error("the future was cancelled")]
    Cancelled,
    /// Its task failed.
    #[error("the task failed: {0}")]
    Failed(String),
    /// Not in time.
    #[error("the future was not finished in time")]
    TimedOut,
}

/// The condition of a wait, as in Python's `wait(…, return_when=…)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// One of them is done.
    FirstCompleted,
    /// All are.
    AllCompleted,
}

/// A pool of threads. See [`Scope::pool`].
pub struct Pool<'scope, 'env: 'scope, T> {
    lesson: &'env Lesson,
    listener: Arc<Listener<'scope, 'env>>,
    jobs: Arc<Monitor<'env, Jobs<'scope>>>,
    done: Arc<Monitor<'env, Ends>>,
    submitted: AtomicUsize,
    result: PhantomData<fn() -> T>,
}

type Job<'scope> = Box<dyn FnOnce() + Send + 'scope>;

#[derive(Default)]
struct Jobs<'scope> {
    /// Each with the task that submitted it.
    waiting: VecDeque<(Job<'scope>, By)>,
    is_closed: bool,
    closed_by: By,
}

/// Numbers of the futures that are done, in the order of their ends, each with the task that ended it.
type Ends = Vec<(usize, By)>;

/// The later result of a task. Clones are the same future.
pub struct Future<'env, T> {
    number: usize,
    name: Arc<str>,
    slot: Arc<Monitor<'env, Slot<T>>>,
    done: Arc<Monitor<'env, Ends>>,
}

struct Slot<T> {
    state: FutureState,
    result: Option<Result<T, NoResult>>,
    ended_by: By,
}

impl<T> Clone for Future<'_, T> {
    fn clone(&self) -> Self {
        Self { number: self.number, name: Arc::clone(&self.name), slot: Arc::clone(&self.slot), done: Arc::clone(&self.done) }
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// A pool of threads `prefix-1` to `prefix-workers`. Each future has a lane, too.
    ///
    /// ```ignore
    /// let pool = scope.pool("worker", 4)?;
    /// let futures: Vec<_> = (1..=9).map(|n| pool.submit(&format!("square {n}"), move || n * n)).collect();
    /// for future in pool.as_completed(&futures) { … future.result()? … }        // in the order of their ends
    /// let (done, not_done) = pool.wait(&futures, Until::FirstCompleted, None);
    /// futures[8].cancel();                                                      // true if no worker has it
    /// drop(pool);        // no more tasks; the scope waits for the rest
    /// ```
    #[track_caller]
    pub fn pool<T: Send + 'scope>(&self, prefix: &str, workers: usize) -> Result<Pool<'scope, 'env, T>, LessonError> {
        let lesson = self.lesson();
        let jobs = Arc::new(Monitor::new(lesson, "the pool's queue".to_owned(), None, Jobs::default()));
        let queue = Arc::clone(&jobs);
        let work = move |_: &super::Worker<'_>| while take(&queue).map(|job| job()).is_some() {};
        self.threads(prefix, workers, work)?;
        Ok(Pool {
            lesson,
            listener: Arc::clone(self.listener()),
            jobs,
            done: Arc::new(Monitor::new(lesson, "a future".to_owned(), None, Vec::new())),
            submitted: AtomicUsize::new(0),
            result: PhantomData,
        })
    }
}

/// The next job, when there is one; `None` when the pool is closed and empty.
fn take<'scope>(jobs: &Monitor<'_, Jobs<'scope>>) -> Option<Job<'scope>> {
    let next = jobs.perform(Operation::new("take from"), |jobs, _| match jobs.waiting.pop_front() {
        Some((job, submitted_by)) => Some(Done::new(Some(job)).woken_by(submitted_by)),
        None => jobs.is_closed.then(|| Done::new(None).woken_by(jobs.closed_by.clone())),
    });
    next.flatten()
}

impl<'scope, 'env: 'scope, T: Clone + Send + 'scope> Pool<'scope, 'env, T> {
    /// Hands a task in.
    #[track_caller]
    pub fn submit(&self, name: &str, task: impl FnOnce() -> T + Send + 'scope) -> Future<'env, T>
    where
        T: 'env,
    {
        let line = self.lesson.tracker().line(Location::caller());
        let slot = Slot { state: FutureState::Pending, result: None, ended_by: None };
        let future = Future {
            number: self.submitted.fetch_add(1, Ordering::Relaxed),
            name: name.into(),
            slot: Arc::new(Monitor::new(self.lesson, format!("future {name}"), None, slot)),
            done: Arc::clone(&self.done),
        };
        self.lesson.created(name, TaskSort::Future, line);
        self.lesson.changed(name, TaskState::Waiting, Some("the pool's queue"));
        let (target, waiting) = (format!("future {name}"), future.clone());
        self.listener.offer_acts(move |action, asked| {
            let cancel = || if waiting.cancel() { Ok(()) } else { Err("it runs, or is done".to_owned()) };
            (action == "cancel" && asked == target).then(cancel)
        });
        let running = future.clone();
        let job: Job<'scope> = Box::new(move || running.run(task));
        let mut job = Some(job);
        self.jobs.perform(Operation::new("submit to"), |jobs, me| {
            jobs.waiting.extend(job.take().map(|job| (job, me.cloned())));
            Some(Done::new(()).wakes(Wake::One(0)))
        });
        future
    }

    /// The futures as they are done, the first to end first. Waits for each.
    pub fn as_completed<'f>(&'f self, futures: &'f [Future<'env, T>]) -> impl Iterator<Item = &'f Future<'env, T>> {
        let mut seen = 0;
        let mut left: Vec<usize> = futures.iter().map(|future| future.number).collect();
        std::iter::from_fn(move || {
            if left.is_empty() {
                return None;
            }
            let number = self.done.perform(Operation::new("wait for").without_gate(), |done, _| {
                let (at, (number, by)) = done.iter().enumerate().skip(seen).find(|(_, (number, _))| left.contains(number))?;
                seen = at + 1;
                Some(Done::new(*number).woken_by(by.clone()))
            })?;
            left.retain(|other| *other != number);
            futures.iter().find(|future| future.number == number)
        })
    }

    /// Waits until one or all of them are done, at most this long; then which are, and which are not.
    pub fn wait<'f>(
        &self,
        futures: &'f [Future<'env, T>],
        until: Until,
        timeout: Option<Duration>,
    ) -> (Vec<&'f Future<'env, T>>, Vec<&'f Future<'env, T>>) {
        let wait = Operation::new("wait for").without_gate();
        let wait = timeout.map_or(wait, |timeout| wait.within(timeout));
        let enough = if until == Until::FirstCompleted { 1 } else { futures.len() };
        self.done.perform(wait, |done, _| {
            let mut ends = done.iter().filter(|(number, _)| futures.iter().any(|future| future.number == *number));
            // The end with which there are enough of them.
            let last = if enough == 0 { None } else { Some(ends.nth(enough - 1)?) };
            Some(Done::new(()).woken_by(last.and_then(|(_, by)| by.clone())))
        });
        futures.iter().partition(|future| future.is_done())
    }
}

impl<T> Drop for Pool<'_, '_, T> {
    /// The workers do what was handed in, and end.
    fn drop(&mut self) {
        self.jobs.perform(Operation::new("close").without_gate(), |jobs, me| {
            (jobs.is_closed, jobs.closed_by) = (true, me.cloned());
            Some(Done::new(()).wakes(Wake::All(0)))
        });
    }
}

impl<T: Clone> Future<'_, T> {
    /// Its task's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is now.
    pub fn state(&self) -> FutureState {
        self.slot.look(|slot| slot.state)
    }

    /// Whether it is finished or cancelled.
    pub fn is_done(&self) -> bool {
        matches!(self.state(), FutureState::Finished | FutureState::Cancelled)
    }

    /// Waits for the result.
    #[track_caller]
    pub fn result(&self) -> Result<T, NoResult> {
        self.result_by(Operation::new("wait for").without_gate())
    }

    /// Waits for the result at most this long.
    #[track_caller]
    pub fn result_within(&self, timeout: Duration) -> Result<T, NoResult> {
        self.result_by(Operation::new("wait for").without_gate().within(timeout))
    }

    /// Takes it back; `false` if a worker has it already, or had it. Again is no mistake.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        let taken = self.slot.perform(Operation::new("cancel"), |slot, me| {
            let in_time = slot.state == FutureState::Pending;
            if in_time {
                let result = Some(Err(NoResult::Cancelled));
                *slot = Slot { state: FutureState::Cancelled, result, ended_by: me.cloned() };
            }
            let is_cancelled = slot.state == FutureState::Cancelled;
            Some(Done::new((in_time, is_cancelled)).wakes(if in_time { Wake::All(0) } else { Wake::Nobody }))
        });
        let (in_time, is_cancelled) = taken.unwrap_or_default();
        if in_time {
            self.end("cancelled");
        }
        is_cancelled
    }

    #[track_caller]
    fn result_by(&self, wait: Operation) -> Result<T, NoResult> {
        let result = self.slot.perform(wait, |slot, _| Some(Done::new(slot.result.clone()?).woken_by(slot.ended_by.clone())));
        result.unwrap_or(Err(NoResult::TimedOut))
    }

    /// On the worker: does the task, unless it was cancelled.
    fn run(&self, task: impl FnOnce() -> T) {
        let is_wanted = self.slot.look_and_change(|slot| {
            let is_wanted = slot.state == FutureState::Pending;
            if is_wanted {
                slot.state = FutureState::Running;
            }
            is_wanted
        });
        if !is_wanted {
            return;
        }
        let lesson = self.slot.lesson();
        let own = crate::scenario::lesson::tracking::lane::own_lane();
        lesson.changed(&self.name, TaskState::Running, own.as_ref().map(|lane| lane.name.as_str()));
        if let Some(own) = &own {
            lesson.changed(&own.name, TaskState::Running, Some(&self.name));
        }
        let result = catch_unwind(AssertUnwindSafe(task)).map_err(|panic| NoResult::Failed(message(&*panic)));
        let told = result.as_ref().err().map_or_else(|| "ok".to_owned(), ToString::to_string);
        let mut result = Some(result);
        self.slot.perform(Operation::new("finish").without_gate(), |slot, me| {
            *slot = Slot { state: FutureState::Finished, result: result.take(), ended_by: me.cloned() };
            Some(Done::new(()).wakes(Wake::All(0)))
        });
        self.end(&told);
        if let Some(own) = &own {
            lesson.changed(&own.name, TaskState::Running, None);
        }
    }

    /// It is done, one way or the other.
    fn end(&self, result: &str) {
        self.slot.lesson().report(EventKind::TaskFinished { task: self.name.to_string(), result: result.to_owned() });
        self.done.perform(Operation::new("finish").without_gate(), |done, me| {
            done.push((self.number, me.cloned()));
            Some(Done::new(()).wakes(Wake::All(0)))
        });
    }
}
