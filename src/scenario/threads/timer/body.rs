//! Timers: a function is called once, later, in a thread of its own; and two ways to call one again and again (concept 39).

use std::thread;
use std::time::{Duration, Instant};

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (delay, interval) = (params.seconds("delay"), params.seconds("interval"));
    let (times, call) = (params.count("times"), params.seconds("call"));
    let start = Instant::now();
    let greet = || lesson.say(&format!("hello from {}!", thread::current().name().unwrap_or_default()));
    let tell = |name: &str| lesson.say(&format!("{name} calls after {:.2} s", start.elapsed().as_secs_f64()));

    lesson.scope(|scope| {
        let hello = scope.timer("hello", delay, greet);
        let doomed = scope.timer("doomed", 2 * delay, greet);
        hello.start()?;
        doomed.start()?;
        scope.thread("drift", |drift| {
            for _ in 0..times {
                drift.sleep(interval);
                tell("drift");
                drift.sleep(call);
            }
        })?;
        scope.thread("every", |every| {
            let mut due = Duration::ZERO;
            for _ in 0..times {
                due += interval;
                every.sleep(due.saturating_sub(start.elapsed()));
                tell("every");
                every.sleep(call);
            }
        })?;

        lesson.sleep(delay.mul_f64(0.8));
        doomed.cancel();
        lesson.say("doomed is cancelled");
        Ok(())
    })
}
