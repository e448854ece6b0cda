//! What a thread and a process cost: the same tasks one after the other, in threads, and in processes (concept 13).

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::scenario::card::Params;
use crate::scenario::lesson::children::Child;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (tasks, repeats) = (params.count("tasks"), params.count("repeats"));
    let one_by_one = |size| {
        (0..tasks).for_each(|_| count(size));
        Ok(())
    };
    let in_threads = |size| {
        lesson.scope(|scope| {
            scope.threads("thread", tasks, |_| count(size))?.wait();
            Ok(())
        })
    };
    let in_processes = |size| {
        let start = |number| lesson.process(&format!("process-{number}"), || count(size));
        let processes = (1..=tasks).map(start).collect::<Result<Vec<_>, _>>()?;
        processes.into_iter().try_for_each(Child::join)
    };
    for step in 0..params.count("steps") as u32 {
        let size = params.count("smallest") * params.count("factor").pow(step);
        lesson.say(&format!("{tasks} tasks count to {size}"));
        lesson.say(&format!("  one by one: {}", best(lesson, repeats, || one_by_one(size))?));
        lesson.say(&format!("  in threads: {}", best(lesson, repeats, || in_threads(size))?));
        lesson.say(&format!("  in processes: {}", best(lesson, repeats, || in_processes(size))?));
    }
    Ok(())
}

/// Counts ten times as far as Python, which takes longer for a round.
fn count(size: usize) {
    for number in 0..10 * size {
        black_box(number);
    }
}

fn best(lesson: &Lesson, repeats: usize, work: impl Fn() -> Result<(), LessonError>) -> Result<String, LessonError> {
    let mut best = Duration::MAX;
    for _ in 0..repeats {
        lesson.sleep(Duration::from_millis(100)); // so that one sees where a try begins
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed());
    }
    Ok(format!("{:.3} ms", 1000.0 * best.as_secs_f64()))
}
