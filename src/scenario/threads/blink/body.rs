//! Blink: a thread lets an LED blink while main waits for the thread, and a button pauses it (concepts 2 and 17).

use crate::model::Level;
use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (line, button) = (params.line("line"), params.line("button"));
    let (every, pause) = (params.seconds("every"), params.seconds("pause"));
    let may_blink = lesson.event("may_blink");
    may_blink.set();

    lesson.scope(|scope| {
        scope.offer(&may_blink);
        scope.when_pressed(button, || {
            if may_blink.is_set() {
                may_blink.clear();
                lesson.say("The LED pauses");
            } else {
                may_blink.set();
                lesson.say("The LED goes on");
            }
        });
        let blinker = scope.thread("blinker", |blinker| {
            for change in 1..=params.count("changes") {
                if !may_blink.wait(Some(pause)) {
                    lesson.say("nobody has pressed");
                    may_blink.set();
                }
                lesson.gpio(line, Level::high_if(change % 2 == 1));
                blinker.sleep(every);
            }
        })?;
        lesson.say(&format!("{line} blinks; press {button}"));
        blinker.join();
        lesson.say("the blinker is over");
        Ok(())
    })
}
