//! Scheduled events: a queue sorted by time, and a run that waits for each (concepts 96 to 101).

use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

#[expect(clippy::unnecessary_wraps, reason = "every body has this form")]
pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let tick = params.seconds("tick");
    let [priority_a, priority_b] = ["priority_a", "priority_b"].map(|name| params.count(name) as i32);

    let start = lesson.now();
    let seconds = |time: Duration| format!("{:.3} s", time.as_secs_f64());
    let tell = |name: &str| lesson.say(&format!("{name} at {}", seconds(lesson.now().since(start))));
    let blink = || {
        tell("blink");
        lesson.sleep(tick / 4);
    };
    let mut agenda = lesson.scheduler("agenda");

    // enter takes a delay, enterabs a time on the clock.
    let last = agenda.enter(tick * 3, 1, "last", || tell("last"));
    lesson.say(&format!("enter {last}"));
    let a = agenda.enterabs(start + tick * 2, priority_a, "a", || tell("a"));
    lesson.say(&format!("enterabs {a}"));
    let b = agenda.enterabs(start + tick * 2, priority_b, "b", || tell("b"));
    lesson.say(&format!("enterabs {b}"));
    let mistake = agenda.enter(tick * 5 / 2, 1, "never", || tell("never"));
    for number in 0..params.count("blinks") as u32 {
        agenda.enterabs(start + tick * number + tick / 2, 1, "blink", blink);
    }
    agenda.cancel(mistake);

    for (name, time, priority) in agenda.queue() {
        lesson.say(&format!("queue: {name}, due at {}, priority {priority}", seconds(time.since(start))));
    }
    lesson.say(&format!("empty: {}", agenda.is_empty()));
    agenda.run();
    tell("run() ended");
    lesson.say(&format!("empty: {}", agenda.is_empty()));
    Ok(())
}
