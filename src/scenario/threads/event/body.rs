//! Events: a flag that threads wait for, and that lets all of them go on at once (concept 35).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (work, pause) = (params.seconds("work"), params.seconds("pause"));
    let go = lesson.event("go");
    // A thread of a scope is no daemon, which ends with the program wherever it waits.
    let is_over = AtomicBool::new(false);

    lesson.scope(|scope| {
        scope.offer(&go);
        let waiters = scope.threads("waiter", params.count("waiters"), |waiter| {
            loop {
                go.wait(None);
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                waiter.say("goes on");
                waiter.sleep(work);
            }
        })?;
        for _ in 0..params.count("times") {
            lesson.sleep(pause);
            go.set();
            lesson.value("is_up", go.is_set());
            lesson.say(&format!("is_set() says {}", go.is_set()));
            lesson.sleep(pause);
            go.clear();
            lesson.value("is_up", go.is_set());
            lesson.say(&format!("is_set() says {}", go.is_set()));
        }
        lesson.sleep(pause);
        is_over.store(true, Ordering::SeqCst);
        go.set();
        lesson.value("is_up", go.is_set());
        waiters.wait();
        Ok(())
    })
}
