//! Process pools: a list of tasks is spread over processes, chunk by chunk (concepts 48, 56, 57 and 58).

use std::thread::available_parallelism;
use std::time::Duration;

use serde_json::Value;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::own_pid;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (tasks, chunksize) = (params.count("tasks"), params.count("chunksize"));
    let each = params.seconds("each");
    let task = |number: usize| {
        let is_slow = number <= tasks / 4; // the first quarter of the list
        lesson.sleep(if is_slow { 4 * each } else { each }); // in place of a long computation
        lesson.say(&format!("task {number} is done"));
        Value::from(own_pid().number())
    };

    let cores = available_parallelism().map_err(LessonError::kernel("count the cores"))?.get();
    let mut pool = lesson.process_pool("PoolWorker", cores, task)?;
    lesson.say(&format!("map, on {cores} cores, chunks of 1"));
    let results = pool.map(tasks, 1)?;
    lesson.say(&format!("map gave {}", pairs(&results)));
    pool.close()?;

    let mut pool = lesson.process_pool("PoolWorker", params.count("workers"), task)?;
    pool.map_async(tasks, chunksize)?;
    lesson.say(&format!("map_async, in chunks of {chunksize}: main goes on"));
    lesson.sleep(Duration::from_secs(1));
    lesson.say("now main waits");
    let results = pool.mapped()?;
    lesson.say(&format!("map_async gave {}", pairs(&results)));
    pool.close()
}

/// The numbers of the tasks, each with the process that did it: `[(1, 4711), (2, 4712)]`.
fn pairs(results: &[Value]) -> String {
    let pair = |(number, pid)| format!("({number}, {pid})");
    format!("[{}]", (1..).zip(results).map(pair).collect::<Vec<_>>().join(", "))
}
