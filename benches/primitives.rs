//! The cost of tracking when nobody records: the lesson's lock and queue beside the standard library's own, in the same run.
//! A tracked operation should stay within 1.3 times the plain one.

#![expect(clippy::expect_used, reason = "a benchmark ends where it cannot measure")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tasklab::model::TaskSort;
use tasklab::scenario::Lesson;

/// A queue as one writes it with what std has: the measure for the tracked one.
#[derive(Default)]
struct PlainQueue {
    items: Mutex<VecDeque<u64>>,
    not_empty: Condvar,
}

impl PlainQueue {
    fn put(&self, item: u64) {
        self.items.lock().expect("not poisoned").push_back(item);
        self.not_empty.notify_one();
    }

    fn get(&self) -> u64 {
        let mut items = self.items.lock().expect("not poisoned");
        loop {
            match items.pop_front() {
                Some(item) => return item,
                None => items = self.not_empty.wait(items).expect("not poisoned"),
            }
        }
    }
}

/// How long two threads need to do this so many times each.
fn by_two(count: u64, run: impl Fn() + Sync) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..count).for_each(|_| run()));
        }
    });
    began.elapsed()
}

/// How long it takes to hand so many items from one thread to another.
fn handed_over(count: u64, put: impl Fn(u64) + Sync, get: impl Fn() -> u64 + Sync) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| (0..count).for_each(&put));
        (0..count).for_each(|_| {
            black_box(get());
        });
    });
    began.elapsed()
}

fn locks(criterion: &mut Criterion) {
    let lesson = Lesson::from_environment();
    let main = lesson.task("main", TaskSort::Thread);
    let (plain, tracked) = (Mutex::new(0_u64), lesson.lock("counter"));
    let use_plain = || *plain.lock().expect("not poisoned") += 1;
    let use_tracked = || {
        tracked.acquire();
        black_box(());
        tracked.release().expect("held");
    };
    let mut group = criterion.benchmark_group("lock");
    group.throughput(Throughput::Elements(1));
    group.bench_function("plain", |bencher| bencher.iter(use_plain));
    group.bench_function("tracked", |bencher| bencher.iter(use_tracked));
    group.bench_function("plain, two threads", |bencher| bencher.iter_custom(|count| by_two(count, use_plain)));
    group.bench_function("tracked, two threads", |bencher| bencher.iter_custom(|count| by_two(count, use_tracked)));
    group.finish();
    main.finish("ok");
}

fn queues(criterion: &mut Criterion) {
    let lesson = Lesson::from_environment();
    let main = lesson.task("main", TaskSort::Thread);
    let (plain, tracked) = (PlainQueue::default(), lesson.queue("items", 0));
    let mut group = criterion.benchmark_group("queue");
    group.throughput(Throughput::Elements(1));
    group.bench_function("plain", |bencher| {
        bencher.iter(|| {
            plain.put(1);
            plain.get()
        });
    });
    group.bench_function("tracked", |bencher| {
        bencher.iter(|| {
            tracked.put(1);
            tracked.get()
        });
    });
    group.bench_function("plain, two threads", |bencher| {
        bencher.iter_custom(|count| handed_over(count, |item| plain.put(item), || plain.get()));
    });
    group.bench_function("tracked, two threads", |bencher| {
        bencher.iter_custom(|count| handed_over(count, |item| tracked.put(item), || tracked.get()));
    });
    group.finish();
    main.finish("ok");
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3)).sample_size(20);
    targets = locks, queues
}
criterion_main!(benches);
