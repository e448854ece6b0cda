//! `gil` with one kind of worker alone: a fixed number of steps, so that the times of threads and of processes can be compared.
//! Threads share one lock, as Python's do; processes share nothing.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{ExitStatus, Fact, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::cost::{cost_of, process_cpu};
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::exit_now;

/// Steps between two looks at the clock.
const AT_A_TIME: u64 = 10_000;
/// Only a worker that somebody has stopped takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Every worker counts as far as it takes one core `span` seconds.
pub(crate) fn run(lesson: &Lesson, main: Task<'_>, params: &Params) -> Result<Facts, LessonError> {
    let (workers, span) = (params.count("workers"), params.seconds("span"));
    main.running("measuring how far a worker counts");
    let tries = (0..5).map(|_| cost_of(|| count(AT_A_TIME)).1.cpu);
    let steps = (span.as_secs_f64() / tries.fold(f64::INFINITY, f64::min).max(1e-7)) as u64 * AT_A_TIME;
    let in_threads = params.text("kind") == "threads";
    main.waiting(params.text("kind"), None);
    let began = Instant::now();
    let (finished, cores) = if in_threads {
        let interval = Duration::from_millis(params.count("interval") as u64);
        let cpu = process_cpu();
        let finished = count_in_threads(lesson, workers, steps, interval)?;
        (finished, Some((process_cpu() - cpu) / began.elapsed().as_secs_f64()))
    } else {
        (count_in_processes(lesson, workers, steps)?, None)
    };
    main.finish("ok");
    let took = began.elapsed().as_secs_f64();
    lesson.say(&format!("{workers} {} counted {steps} steps each, in {took:.2} s", params.text("kind")));
    Ok(facts(workers, finished, cores))
}

fn count(steps: u64) {
    for step in 0..steps {
        let _ = std::hint::black_box(step);
    }
}

/// Whoever has the lock counts for a switch interval, and lets go of it.
fn count_in_threads(lesson: &Lesson, workers: usize, steps: u64, interval: Duration) -> Result<usize, LessonError> {
    let lock = Mutex::new(());
    let work = |name: &str| {
        let lane = lesson.task(name, TaskSort::Thread);
        let mut left = steps;
        while left > 0 {
            lane.waiting("the one lock", None);
            let held = lock.lock().unwrap_or_else(PoisonError::into_inner);
            lane.running("counting");
            let until = Instant::now() + interval;
            while left > 0 && Instant::now() < until {
                count(left.min(AT_A_TIME));
                left = left.saturating_sub(AT_A_TIME);
            }
            drop(held);
        }
        lane.finish("ok");
    };
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 1..=workers {
            let (name, work) = (format!("thread-{number}"), &work);
            let failed = LessonError::kernel(format!("start {name}"));
            threads.push(thread::Builder::new().name(name.clone()).spawn_scoped(scope, move || work(&name)).map_err(failed)?);
        }
        Ok(threads.into_iter().filter_map(|thread| thread.join().ok()).count())
    })
}

fn count_in_processes(lesson: &Lesson, workers: usize, steps: u64) -> Result<usize, LessonError> {
    let mut children: Vec<Child<'_>> = Vec::new();
    for number in 1..=workers {
        let name = format!("process-{number}");
        match lesson.fork(&name)? {
            Fork::Child => {
                let lane = lesson.task(name, TaskSort::Process);
                lane.running("counting");
                count(steps);
                lane.finish("ok");
                exit_now(0);
            }
            Fork::Parent(child) => children.push(child),
        }
    }
    let ends = lesson.reap_all(children, PATIENCE)?;
    Ok(ends.iter().filter(|end| end.status == ExitStatus::Exited(0)).count())
}

fn facts(workers: usize, finished: usize, cores: Option<f64>) -> Facts {
    let mut facts = vec![equals("counted", "every worker counts to the end: workers that did", workers, finished)];
    if let Some(cores) = cores {
        let cores = (cores * 100.0).round() / 100.0;
        facts.push(Fact {
            id: "threads-cores".to_owned(),
            claim: "threads that need the one lock to compute use about one core, all together".to_owned(),
            expected: "<= 1.5".into(),
            observed: cores.into(),
            holds: cores <= 1.5,
        });
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_can_fail() {
        let failed = |finished, cores| {
            facts(4, finished, cores).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect::<Vec<_>>()
        };
        assert_eq!(failed(4, Some(1.0)), [""; 0]);
        assert_eq!((failed(3, None), failed(4, Some(1.6))), (vec!["counted".to_owned()], vec!["threads-cores".to_owned()]));
    }
}
