//! Orphans: a parent dies, and its children live on (concepts 8 and 15).

use std::time::Duration;

use rustix::process::{getpid, getppid, set_child_subreaper};

use crate::model::Signal;
use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::own_pid;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let children = params.count("children") as u32;
    let (pause, gap) = (params.seconds("pause"), params.seconds("gap"));
    if params.flag("adopt") {
        set_child_subreaper(Some(getpid())).map_err(LessonError::kernel("become a subreaper"))?;
    }
    let live = |number: u32| {
        let before = my_parent();
        lesson.sleep(pause + gap * number);
        lesson.say(&format!("process {}: my parent was {before}, now it is {}", own_pid(), my_parent()));
        lesson.sleep(Duration::from_secs(1));
        0
    };

    let parent = lesson.child("child-1", || {
        for number in 1..=children {
            let _ = lesson.child(&format!("child-1.{number}"), || live(number));
        }
        while let Ok(Some(_)) = lesson.wait() {}
        0
    })?;
    lesson.say(&format!("grandparent {}, parent {}, {children} children", own_pid(), parent.pid()));
    lesson.sleep(pause);
    parent.signal(Signal::KILL);
    parent.wait()?;
    lesson.say(&format!("parent {} is dead", parent.pid()));

    lesson.sleep(gap * children + Duration::from_millis(1_500));
    while let Some(ended) = lesson.wait()? {
        lesson.say(&format!("grandparent got {}", ended.pid));
    }
    lesson.say("grandparent: it has no children");
    Ok(())
}

fn my_parent() -> i32 {
    getppid().map_or(0, |pid| pid.as_raw_nonzero().get())
}
