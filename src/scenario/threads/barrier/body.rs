//! Barriers: nobody goes on before the last one has come; and what happens when one stays away (concepts 36 and 37).

use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let timeout = params.seconds("timeout");
    let gate = lesson.barrier("gate", params.count("parties"));

    lesson.scope(|scope| {
        scope.offer(&gate);
        let workers = scope.threads("worker", params.count("comers"), |worker| {
            worker.sleep(Duration::from_millis(400) * worker.number() as u32);
            worker.say("comes to the gate");
            match gate.wait_for(timeout) {
                Ok(place) => worker.say(&format!("passes, with number {place}")),
                Err(broken) => worker.say(&format!("gets an error: {broken}")),
            }
        })?;
        workers.wait();
        Ok(())
    })
}
