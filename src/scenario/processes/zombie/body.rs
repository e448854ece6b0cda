//! Zombies: children that have ended, and whose parent has not waited for them yet (concepts 10 and 46).

use std::time::Duration;

use crate::model::Signal;
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::returncode;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (children, life) = (params.count("children"), params.seconds("life"));

    let mut family = Vec::new();
    for number in 1..=children {
        family.push(lesson.child(&format!("child-{number}"), || {
            lesson.sleep(life);
            number as i32
        })?);
    }
    lesson.say(&format!("{children} children live for {} s; no wait() yet", life.as_secs_f64()));
    lesson.sleep(life + params.seconds("pause"));

    for child in &family {
        child.signal(Signal::KILL);
    }
    lesson.say("each got SIGKILL");
    lesson.sleep(Duration::from_secs(1));

    for child in &family {
        let status = child.wait()?.status;
        lesson.say(&format!("wait: {} left with {}", child.name(), returncode(status).unwrap_or_default()));
        if !child.signal(Signal::KILL) {
            lesson.say(&format!("no process now: {}", child.pid()));
        }
        lesson.sleep(Duration::from_secs(1) / children as u32);
    }
    Ok(())
}
