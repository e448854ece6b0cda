//! An event loop for coroutines, as Python's asyncio has one: it polls each one whose turn has come, and sleeps when there is none. It runs
//! in the thread that calls it, and starts no other. Each coroutine has a lane.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::model::{TaskSort, TaskState};
use crate::scenario::lesson::{Lesson, LessonError, Task};

/// A coroutine's number.
type Id = u64;
type Coroutine<'f> = Pin<Box<dyn Future<Output = ()> + 'f>>;

/// The times at which sleepers want to go on.
#[derive(Default)]
pub(super) struct Clock(RefCell<BinaryHeap<Reverse<Timer>>>);

impl Clock {
    /// Waits without holding up anybody else.
    pub(super) async fn sleep(&self, time: Duration) {
        let due = Instant::now() + time;
        poll_fn(|context| {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            self.0.borrow_mut().push(Reverse(Timer { due, waker: context.waker().clone() }));
            Poll::Pending
        })
        .await;
    }

    fn next(&self) -> Option<Instant> {
        self.0.borrow().peek().map(|Reverse(timer)| timer.due)
    }

    fn wake_sleepers(&self) {
        while self.next().is_some_and(|due| due <= Instant::now()) {
            let timer = self.0.borrow_mut().pop();
            if let Some(Reverse(timer)) = timer {
                timer.waker.wake();
            }
        }
    }
}

/// The loop and its coroutines.
pub(super) struct Executor<'f> {
    lesson: &'f Lesson,
    clock: &'f Clock,
    coroutines: RefCell<BTreeMap<Id, (Task<'f>, Coroutine<'f>)>>,
    last: Cell<Id>,
    ready: Arc<Mutex<VecDeque<Id>>>,
}

impl<'f> Executor<'f> {
    pub(super) fn new(lesson: &'f Lesson, clock: &'f Clock) -> Self {
        Self { lesson, clock, coroutines: RefCell::default(), last: Cell::new(0), ready: Arc::default() }
    }

    /// Takes a coroutine on. It begins when the loop comes to it.
    #[track_caller]
    pub(super) fn spawn(&self, name: &str, coroutine: impl Future<Output = ()> + 'f) {
        let id = self.last.get() + 1;
        self.last.set(id);
        let lane = self.lesson.task(name, TaskSort::Coroutine);
        self.coroutines.borrow_mut().insert(id, (lane, Box::pin(coroutine)));
        self.call(id).wake();
    }

    /// Runs until no coroutine is left.
    pub(super) fn run(&self) -> Result<(), LessonError> {
        while !self.coroutines.borrow().is_empty() {
            self.clock.wake_sleepers();
            let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match next {
                Some(id) => self.poll(id),
                None => self.wait()?,
            }
        }
        Ok(())
    }

    fn poll(&self, id: Id) {
        let Some((lane, mut coroutine)) = self.coroutines.borrow_mut().remove(&id) else { return };
        lane.running("main");
        if coroutine.as_mut().poll(&mut Context::from_waker(&self.call(id))).is_pending() {
            lane.is(TaskState::Sleeping);
            self.coroutines.borrow_mut().insert(id, (lane, coroutine));
        } else {
            lane.finish("ok");
        }
    }

    /// Sleeps until the next timer is due, and refuses the actions of a person.
    fn wait(&self) -> Result<(), LessonError> {
        let left = self.clock.next().map_or(Duration::from_millis(1), |due| due.saturating_duration_since(Instant::now()));
        if let Some(asked) = self.lesson.next_action(left)? {
            self.lesson.refuse(&asked, "main does not sleep");
        }
        Ok(())
    }

    fn call(&self, id: Id) -> Waker {
        Waker::from(Arc::new(Call { id, ready: Arc::clone(&self.ready) }))
    }
}

/// Puts a coroutine into the queue of those whose turn it is.
struct Call {
    id: Id,
    ready: Arc<Mutex<VecDeque<Id>>>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.id);
    }
}

/// Ordered by time.
struct Timer {
    due: Instant,
    waker: Waker,
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Timer {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Monotonic;

    #[test]
    fn sleepers_wake_in_the_order_of_their_times() {
        let lesson = Lesson::new(None, None, Monotonic::ZERO);
        let (clock, woken) = (Clock::default(), RefCell::new(Vec::new()));
        let executor = Executor::new(&lesson, &clock);
        for millis in [30, 10, 20] {
            let (clock, woken) = (&clock, &woken);
            executor.spawn("sleeper", async move {
                clock.sleep(Duration::from_millis(millis)).await;
                woken.borrow_mut().push(millis);
            });
        }
        executor.run().expect("runs");
        assert_eq!(*woken.borrow(), [10, 20, 30]);
    }

    #[test]
    fn a_coroutine_runs_on_until_it_awaits() {
        let lesson = Lesson::new(None, None, Monotonic::ZERO);
        let (clock, log) = (Clock::default(), RefCell::new(Vec::new()));
        let executor = Executor::new(&lesson, &clock);
        for name in ["a", "b"] {
            let (log, clock) = (&log, &clock);
            executor.spawn(name, async move {
                log.borrow_mut().push(format!("{name}1"));
                log.borrow_mut().push(format!("{name}2"));
                clock.sleep(Duration::from_millis(1)).await;
                log.borrow_mut().push(format!("{name}3"));
            });
        }
        executor.run().expect("runs");
        assert_eq!(*log.borrow(), ["a1", "a2", "b1", "b2", "a3", "b3"]);
    }
}
