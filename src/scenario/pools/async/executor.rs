//! An event loop for coroutines: polls each one whose turn has come, and sleeps when there is none. It runs in the thread
//! that calls it, and starts no other.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A coroutine's number.
pub(crate) type Id = u64;
type Coroutine<'f> = Pin<Box<dyn Future<Output = ()> + 'f>>;

/// The loop, its coroutines, and its clock.
#[derive(Default)]
pub(crate) struct Executor<'f> {
    coroutines: RefCell<BTreeMap<Id, Coroutine<'f>>>,
    last: Cell<Id>,
    ready: Arc<Mutex<VecDeque<Id>>>,
    timers: RefCell<BinaryHeap<Reverse<Timer>>>,
}

impl<'f> Executor<'f> {
    /// Takes a coroutine on. It begins when the loop comes to it.
    pub(crate) fn spawn(&self, coroutine: impl Future<Output = ()> + 'f) -> Id {
        let id = self.last.get() + 1;
        self.last.set(id);
        self.coroutines.borrow_mut().insert(id, Box::pin(coroutine));
        self.call(id).wake();
        id
    }

    /// Drops a coroutine where it waits. What it owns is dropped with it.
    pub(crate) fn cancel(&self, id: Id) {
        let dropped = self.coroutines.borrow_mut().remove(&id);
        drop(dropped);
    }

    /// Waits without holding up anybody else.
    pub(crate) async fn sleep(&self, time: Duration) {
        let due = Instant::now() + time;
        poll_fn(|context| {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            self.timers.borrow_mut().push(Reverse(Timer { due, waker: context.waker().clone() }));
            Poll::Pending
        })
        .await;
    }

    /// Runs until no coroutine is left.
    pub(crate) fn run(&self) {
        while !self.coroutines.borrow().is_empty() {
            self.wake_sleepers();
            let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match next {
                Some(id) => self.poll(id),
                None => self.wait(),
            }
        }
    }

    fn poll(&self, id: Id) {
        // Taken out for the moment, so that it may spawn and cancel others.
        let Some(mut coroutine) = self.coroutines.borrow_mut().remove(&id) else { return };
        if coroutine.as_mut().poll(&mut Context::from_waker(&self.call(id))).is_pending() {
            self.coroutines.borrow_mut().insert(id, coroutine);
        }
    }

    /// Sleeps until the next timer is due.
    fn wait(&self) {
        let next = self.timers.borrow().peek().map(|Reverse(timer)| timer.due);
        std::thread::sleep(next.map_or(Duration::from_millis(1), |due| due.saturating_duration_since(Instant::now())));
    }

    fn wake_sleepers(&self) {
        let mut timers = self.timers.borrow_mut();
        while timers.peek().is_some_and(|Reverse(timer)| timer.due <= Instant::now()) {
            if let Some(Reverse(timer)) = timers.pop() {
                timer.waker.wake();
            }
        }
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
    use std::rc::Rc;

    use super::*;

    #[test]
    fn sleepers_wake_in_the_order_of_their_times_and_the_cancelled_do_not() {
        let (executor, woken) = (Rc::new(Executor::default()), Rc::new(RefCell::new(Vec::new())));
        let ids = [30, 10, 20].map(|millis| {
            let (sleeper, woken) = (Rc::clone(&executor), Rc::clone(&woken));
            executor.spawn(async move {
                sleeper.sleep(Duration::from_millis(millis)).await;
                woken.borrow_mut().push(millis);
            })
        });
        executor.cancel(ids[2]);
        executor.run();
        assert_eq!(*woken.borrow(), [10, 30]);
    }

    #[test]
    fn a_coroutine_runs_on_until_it_awaits() {
        let (executor, log) = (Rc::new(Executor::default()), Rc::new(RefCell::new(Vec::new())));
        for name in ["a", "b"] {
            let (log, sleeper) = (Rc::clone(&log), Rc::clone(&executor));
            executor.spawn(async move {
                log.borrow_mut().push(format!("{name}1"));
                log.borrow_mut().push(format!("{name}2"));
                sleeper.sleep(Duration::from_millis(1)).await;
                log.borrow_mut().push(format!("{name}3"));
            });
        }
        executor.run();
        assert_eq!(*log.borrow(), ["a1", "a2", "b1", "b2", "a3", "b3"]);
    }
}
