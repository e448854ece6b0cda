//! Thread pools: a few workers, and a queue for the tasks that none of them has yet (concept 90).

use std::hint::black_box;

use sha2::{Digest, Sha256};

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::own_pid;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (workers, tasks) = (params.count("workers"), params.count("tasks"));
    let (work, each) = (params.text("work"), params.seconds("each"));
    let task = |number: usize| {
        match work {
            "wait" => lesson.sleep(each), // as for an answer from the network
            "hash" => hash((each.as_secs_f64() * 1e6) as u64),
            _ => drop(black_box((0..(each.as_secs_f64() * 1e7) as u64).fold(0, |sum, number| black_box(sum + number)))),
        }
        format!("task {number} done by process {}", own_pid())
    };
    lesson.say(&format!("{tasks} tasks for {workers} workers"));
    if params.text("kind") == "thread" {
        lesson.scope(|scope| {
            let pool = scope.pool("worker", workers)?;
            let task = &task;
            let futures: Vec<_> =
                (1..=tasks).map(|number| pool.submit(&format!("task-{number}"), move || task(number))).collect();
            for text in pool.as_completed(&futures).filter_map(|future| future.result().ok()) {
                lesson.say(&text);
            }
            Ok::<(), LessonError>(())
        })?;
    } else {
        let mut pool = lesson.process_pool("worker", workers, |number| task(number).into())?;
        (1..=tasks).try_for_each(|number| pool.submit(number))?;
        for _ in 0..tasks {
            let Ok((_, text)) = pool.next_done()? else {
                lesson.say("the pool is broken");
                break;
            };
            lesson.say(text.as_str().unwrap_or_default());
        }
        pool.close()?;
    }
    lesson.say("the pool is closed");
    Ok(())
}

fn hash(rounds: u64) {
    let digest = (0..rounds).fold(Sha256::digest("secret"), |digest, _| Sha256::digest(digest));
    black_box(digest);
}
