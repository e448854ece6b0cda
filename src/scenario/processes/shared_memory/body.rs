//! Private and shared memory: a child process and a thread change the same two numbers (concept 5).

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::SharedNumber;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (start, step) = (params.count("start") as u64, params.count("step") as u64);
    let pause = params.seconds("pause");
    let x = AtomicU64::new(start);
    let shared = SharedNumber::new().map_err(LessonError::kernel("map shared memory"))?;
    shared.store(start, SeqCst);

    let tell = |who: &str| lesson.say(&format!("{who}: x is {}, shared is {}", x.load(SeqCst), shared.load(SeqCst)));
    let change = |who: &str, stay: Duration| {
        x.fetch_add(step, SeqCst);
        shared.fetch_add(step, SeqCst);
        tell(who);
        lesson.sleep(stay);
        tell(&format!("{who} at its end"));
    };

    tell("main");
    lesson.sleep(pause);

    let child = lesson.child("child-1", || {
        change("child", 3 * pause);
        0
    })?;
    lesson.sleep(pause);
    tell("main after child");

    lesson.scope(|scope| {
        let thread = scope.threads("thread", 1, |_| change("thread", pause))?;
        lesson.sleep(pause / 2);
        tell("main after thread");
        thread.wait();
        lesson.value("x", x.load(SeqCst));
        child.wait().map(drop)
    })
}
