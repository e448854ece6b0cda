//! Semaphores: some may be inside at the same time, and the others wait; nobody owns a permit (concept 34).

use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (permits, visits) = (params.count("permits"), params.count("visits"));
    let stay = params.seconds("stay");
    let door = lesson.semaphore("door", permits);
    let gate = lesson.bounded_semaphore("gate", permits);

    lesson.scope(|scope| {
        scope.offer(&door);
        scope.offer(&gate);
        let visitors = scope.threads("visitor", params.count("threads"), |visitor| {
            for _ in 0..visits {
                door.acquire();
                visitor.sleep(stay);
                door.release();
                visitor.sleep(Duration::from_millis(100));
            }
        })?;

        lesson.sleep(params.seconds("pause"));
        door.release();
        lesson.say("main adds a permit");
        visitors.wait();

        if let Err(error) = gate.release() {
            lesson.say(&format!("bounded semaphore: {error}"));
        }
        Ok(())
    })
}
