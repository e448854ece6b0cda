//! Process groups: a signal to one process, and a signal to a whole group (concept 9).

use rustix::process::{Pid, Signal, getpgrp, kill_process, kill_process_group, setpgid, setsid};

use crate::model;
use crate::scenario::card::Params;
use crate::scenario::lesson::children::Child;
use crate::scenario::lesson::programs::returncode;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (life, pause) = (params.seconds("life"), params.seconds("pause"));
    let name = params.text("signal");
    let number = name.parse().map_or(model::Signal::TERM, |signal: model::Signal| signal).number();
    let signal = Signal::from_named_raw(number).unwrap_or(Signal::TERM);
    let start = |name: String, is_session: bool| {
        lesson.child(&name, || {
            if is_session {
                let _ = setsid();
            }
            lesson.sleep(life);
            0
        })
    };
    let make_group = |letter: &str| -> Result<Vec<Child<'_>>, LessonError> {
        let places = 1..=params.count("members");
        let group: Vec<_> = places.map(|place| start(format!("{letter}-{place}"), false)).collect::<Result<_, _>>()?;
        for child in &group {
            setpgid(pid_of(child), pid_of(&group[0]))
                .map_err(LessonError::kernel(format!("put {} into a group", child.name())))?;
        }
        Ok(group)
    };

    let (a, b) = (make_group("a")?, make_group("b")?);
    let s = start("s-1".to_owned(), true)?;
    let (own, first, second) = (getpgrp().as_raw_nonzero(), a[0].pid(), b[0].pid());
    lesson.say(&format!("groups {first}, {second} and {}; the parent's: {own}", s.pid()));
    lesson.sleep(pause);

    lesson.say(&format!("{name} to process {second}: b-1 alone"));
    let _ = pid_of(&b[0]).map(|one| kill_process(one, signal));
    lesson.sleep(pause);

    lesson.say(&format!("{name} to group {first}: all of a"));
    let _ = pid_of(&a[0]).map(|group| kill_process_group(group, signal));

    for child in a.iter().chain(&b).chain([&s]) {
        let status = child.wait()?.status;
        lesson.say(&format!("{} left with {}", child.name(), returncode(status).unwrap_or_default()));
    }
    Ok(())
}

const fn pid_of(child: &Child<'_>) -> Option<Pid> {
    Pid::from_raw(child.pid().number())
}
