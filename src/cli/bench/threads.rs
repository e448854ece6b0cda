//! The costs of threads: starting, a pool, a queue, a lock. Starts threads of its own and joins them all.

use std::hint::black_box;
use std::io;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::ensure;
use crossbeam_channel::bounded;

use super::work::{QUEUE_CAPACITY, WORKERS, square};
use crate::sys::advice_on_clone;

pub(super) fn start_join(count: u64) -> anyhow::Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        // A join fails only if the thread has panicked, and this one does nothing.
        let _ = Builder::new().spawn(|| ()).map_err(|error| failed(&error))?.join();
    }
    Ok(start.elapsed())
}

/// Why a thread could not be started, and what helps.
fn failed(error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("could not start a thread: {error}{}", advice_on_clone(error))
}

pub(super) fn pool_tasks(count: u64) -> anyhow::Result<Duration> {
    std::thread::scope(|scope| {
        // The channels are dropped with this closure, so that no thread waits for one that could not be started.
        let (tasks, handed) = bounded::<u64>(QUEUE_CAPACITY);
        let (results, received) = bounded::<u64>(QUEUE_CAPACITY);
        let (ready, started) = bounded::<()>(WORKERS);
        for number in 0..WORKERS {
            let (handed, results, ready) = (handed.clone(), results.clone(), ready.clone());
            let work = move || {
                let _ = ready.send(());
                handed.iter().try_for_each(|task| results.send(square(task)))
            };
            Builder::new().name(format!("worker-{number}")).spawn_scoped(scope, work).map_err(|error| failed(&error))?;
        }
        drop((handed, results));
        (0..WORKERS).try_for_each(|_| started.recv())?;
        let start = Instant::now();
        let hand_in = move || (0..count).try_for_each(|task| tasks.send(task));
        let hand_in = Builder::new().name("hand-in".to_owned()).spawn_scoped(scope, hand_in).map_err(|error| failed(&error))?;
        let sum = received.iter().fold(0_u64, u64::wrapping_add);
        let elapsed = start.elapsed();
        let _ = hand_in.join();
        ensure!(sum == (0..count).map(square).fold(0, u64::wrapping_add), "a task was lost");
        Ok(elapsed)
    })
}

pub(super) fn queue_items(count: u64) -> anyhow::Result<Duration> {
    let (items, taken) = bounded::<u64>(QUEUE_CAPACITY);
    let ready = Barrier::new(2);
    std::thread::scope(|scope| {
        let take = || {
            ready.wait();
            taken.iter().take(count as usize).enumerate().all(|(number, item)| number as u64 == item)
        };
        let taker = Builder::new().name("taker".to_owned()).spawn_scoped(scope, take).map_err(|error| failed(&error))?;
        ready.wait();
        let start = Instant::now();
        for number in 0..count {
            items.send(number)?;
        }
        let in_order = taker.join().unwrap_or(false);
        let elapsed = start.elapsed();
        ensure!(in_order, "an item was lost");
        Ok(elapsed)
    })
}

pub(super) fn lock_ops(count: u64) -> Duration {
    let lock = black_box(Mutex::new(()));
    let start = Instant::now();
    for _ in 0..count {
        drop(black_box(lock.lock().unwrap_or_else(PoisonError::into_inner)));
    }
    start.elapsed()
}
