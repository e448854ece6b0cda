//! One program, ten runs: the same threads with the same steps, and the scheduler decides who goes when (concepts 12, 40).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use flate2::Crc;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

const NAMES: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (threads, steps, runs) = (params.count("threads"), params.count("steps"), params.count("runs"));
    let works = [vec![1; runs], vec![params.count("load"); runs]].concat();
    let gate = lesson.barrier("gate", threads + 1);
    let order = Mutex::new(String::new());
    let results = Mutex::new(vec![0; threads]);

    lesson.scope(|scope| {
        let workers = scope.threads_named(NAMES.into_iter().take(threads), |worker| {
            for rounds in &works {
                let _ = gate.wait();
                let mut sum = Crc::new();
                sum.update(worker.name().as_bytes());
                for _ in 0..steps {
                    (0..*rounds).for_each(|_| sum.update(&[0; 4096]));
                    order.lock().unwrap_or_else(PoisonError::into_inner).push_str(worker.name());
                    worker.sleep(Duration::from_micros(100));
                }
                results.lock().unwrap_or_else(PoisonError::into_inner)[worker.number() - 1] = u64::from(sum.sum());
                let _ = gate.wait();
            }
        })?;
        for number in 0..works.len() {
            order.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let _ = gate.wait(); // All begin.
            let _ = gate.wait(); // All have done their steps.
            let kind = if number < runs { "light" } else { "heavy" };
            let order = order.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let result: u64 = results.lock().unwrap_or_else(PoisonError::into_inner).iter().sum();
            lesson.say(&format!("{kind} {order} result {result}"));
            lesson.sleep(params.seconds("pause"));
        }
        workers.wait();
        Ok(())
    })
}
