//! Joinable queues: a queue that counts the items that are not done (concept 53).

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (items, held) = (params.count("items"), params.count("held"));
    let (work, pause) = (params.seconds("work"), params.seconds("pause"));
    let todo = lesson.shown_queue::<usize>("todo", 0);
    let report = lesson.event("report");

    lesson.scope(|scope| {
        scope.offer(&todo);
        scope.offer(&report);
        scope.threads("worker", params.count("workers"), |worker| -> Result<(), LessonError> {
            loop {
                let item = todo.get();
                worker.sleep(work);
                if item + held > items && item <= items {
                    lesson.say(&format!("item {item} is not reported"));
                    report.wait(Some(pause));
                }
                lesson.say(&format!("item {item} is done"));
                let _ = todo.task_done();
            }
        })?;
        for item in 1..=items {
            todo.put(item);
        }
        lesson.say(&format!("{items} items are put"));
        todo.join();
        lesson.say("join is over");
        if let Err(error) = todo.task_done() {
            lesson.say(&format!("task_done again: {error}"));
        }
        scope.leave() // as the end of main does: the workers wait for ever
    })
}
