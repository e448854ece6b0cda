//! The costs of the lessons' own lock and queue while no run is recorded, beside Rust's own. One thread does everything, so that the figure is
//! the cost of an operation, without the scheduler's part.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::work::QUEUE_CAPACITY;
use crate::scenario::Lesson;

/// Items that are put before they are taken out again.
const BATCH: u64 = 100;

/// Takes the lessons' lock, adds one, and gives it back.
pub(super) fn lock_ops(lesson: &Lesson, count: u64) -> anyhow::Result<Duration> {
    let lock = black_box(lesson.lock("counter"));
    let start = Instant::now();
    for _ in 0..count {
        lock.acquire();
        lock.release()?;
    }
    Ok(start.elapsed())
}

/// The same with a mutex.
pub(super) fn mutex_ops(count: u64) -> Duration {
    let lock = black_box(Mutex::new(()));
    let start = Instant::now();
    for _ in 0..count {
        drop(lock.lock().unwrap_or_else(PoisonError::into_inner));
    }
    start.elapsed()
}

/// Items through the lessons' queue.
pub(super) fn queue_items(lesson: &Lesson, count: u64) -> anyhow::Result<Duration> {
    let queue = lesson.queue("items", QUEUE_CAPACITY);
    pass(count, |item| queue.put(item), || Ok(queue.get()))
}

/// The same through a queue that is made of a mutex and two condition variables.
pub(super) fn plain_items(count: u64) -> anyhow::Result<Duration> {
    let (items, not_empty, not_full) = (Mutex::new(VecDeque::new()), Condvar::new(), Condvar::new());
    let put = |item: u64| {
        let items = items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = not_full.wait_while(items, |items| items.len() >= QUEUE_CAPACITY).unwrap_or_else(PoisonError::into_inner);
        items.push_back(item);
        not_empty.notify_one();
    };
    let get = || {
        let items = items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = not_empty.wait_while(items, |items| items.is_empty()).unwrap_or_else(PoisonError::into_inner);
        let item = items.pop_front().unwrap_or_default();
        not_full.notify_one();
        Ok(item)
    };
    pass(count, put, get)
}

/// The same through a channel of the same capacity.
pub(super) fn channel_items(count: u64) -> anyhow::Result<Duration> {
    let (sender, receiver) = sync_channel(QUEUE_CAPACITY);
    // Both ends live to the end of this function, so no item is refused.
    let put = |item| sender.send(item).unwrap_or_default();
    pass(count, put, || Ok(receiver.recv()?))
}

fn pass(count: u64, put: impl Fn(u64), get: impl Fn() -> anyhow::Result<u64>) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut sum = 0_u64;
    for first in (0..count).step_by(BATCH as usize) {
        let batch = first..count.min(first + BATCH);
        batch.clone().for_each(&put);
        for _ in batch {
            sum = sum.wrapping_add(get()?);
        }
    }
    let elapsed = start.elapsed();
    ensure!(sum == (0..count).fold(0, u64::wrapping_add), "an item was lost");
    Ok(elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_out_again() {
        let lesson = Lesson::from_environment();
        assert!(lock_ops(&lesson, 1_000).is_ok() && mutex_ops(1_000) > Duration::ZERO);
        for passed in [queue_items(&lesson, 1_050), plain_items(1_050), channel_items(1_050)] {
            assert!(passed.expect("no item is lost") > Duration::ZERO);
        }
    }
}
