//! Exec: the process stays, and another program runs in it (concept 61).

use std::io::Write;

use crate::scenario::card::Params;
use crate::scenario::lesson::forks::exec;
use crate::scenario::lesson::programs::returncode;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::own_pid;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let pause = params.seconds("pause");
    let (reader, mut writer) = std::io::pipe().map_err(LessonError::kernel("make a pipe"))?;

    for (name, command) in [("child-1", params.text("program")), ("child-2", "no-such-program")] {
        lesson.child(name, || {
            lesson.say(&format!("process {} runs Task Lab, and calls exec of {command}", own_pid()));
            lesson.sleep(pause);
            let _ = rustix::stdio::dup2_stdin(&reader);
            let error = exec(&[command], &[]);
            lesson.say(&format!("process {} came back: {error}", own_pid()));
            127
        })?;
        lesson.sleep(pause);
    }

    lesson.sleep(pause);
    // It fails if nobody is left who reads.
    let _ = writer.write_all(b"plum\napple\npear\n");
    drop(writer);

    while let Some(ended) = lesson.wait()? {
        lesson.say(&format!("process {} has left with {}", ended.pid, returncode(ended.status).unwrap_or_default()));
    }
    Ok(())
}
