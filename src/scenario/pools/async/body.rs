//! Coroutines: many tasks in one thread, each of which runs to its next await (concept 95). The event loop is in `executor.rs`.

use std::cell::Cell;

use super::executor::{Clock, Executor};
use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (pause, block) = (params.seconds("pause"), params.seconds("block"));
    let (clock, total) = (&Clock::default(), &Cell::new(0));
    let executor = Executor::new(lesson, clock);

    for number in 1..=params.count("coroutines") {
        let name = format!("runner-{number}");
        executor.spawn(&name.clone(), async move {
            for step in 1..=params.count("steps") {
                total.set(total.get() + 1); // No lock is needed: nobody else runs before the await.
                lesson.say(&format!("{name}: step {step}"));
                clock.sleep(pause).await;
            }
        });
    }
    executor.spawn("blocker", async move {
        lesson.say("blocker: a sleep with await");
        clock.sleep(block).await;
        lesson.say("blocker: a sleep of the thread, without await");
        lesson.sleep(block);
        lesson.say("blocker: done");
    });
    executor.run()?;
    lesson.value("total", total.get());
    lesson.say(&format!("{} steps in all", total.get()));
    Ok(())
}
