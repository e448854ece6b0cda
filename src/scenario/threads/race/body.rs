//! The race: threads read the same number, add one, and write it back; updates are lost (concept 27).

use std::hint::black_box;

use sha2::{Digest, Sha256};

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError, Lock, Scope, Variable};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let counter_lock = lesson.lock("counter_lock");
    let counter = lesson.variable("counter", 0);
    let mut lost = 0;

    lesson.scope(|scope| {
        scope.offer(&counter_lock);
        for number in 1..=params.count("rounds") {
            lost += race(scope, params, &format!("round {number}"), &counter, None)?;
            lesson.value("lost", lost);
        }
        race(scope, params, "with the lock", &counter, Some(&counter_lock))?;
        Ok(())
    })
}

fn race<'env>(
    scope: &Scope<'_, 'env>,
    params: &'env Params,
    title: &str,
    counter: &'env Variable<'env>,
    guard: Option<&'env Lock<'env>>,
) -> Result<usize, LessonError> {
    let (workers, updates) = (params.count("workers"), params.count("updates"));
    let (gap, outside) = (params.count("gap"), params.count("outside"));
    counter.write(0);
    let threads = scope.threads("worker", workers, move |_| {
        for _ in 0..updates {
            work(outside);
            let _held = guard.map(Lock::held);
            let number = counter.read();
            let more = work(gap);
            counter.write(number + more);
        }
    })?;
    threads.wait();

    let (all, counted) = (workers * updates, counter.read());
    let lesson = scope.lesson();
    lesson.value("counter", counted);
    lesson.say(&format!("{title}: {all} updates, counter {counted}, lost {}", all - counted));
    lesson.sleep(params.seconds("pause"));
    Ok(all - counted)
}

/// Hashes a text, its hash, the hash of that, and so on.
fn work(amount: usize) -> usize {
    let mut hash = Sha256::digest(b"raspberry");
    for _ in 0..2 * amount {
        hash = Sha256::digest(black_box(hash));
    }
    black_box(hash);
    1
}
