//! Programs, processes, families: one program runs in several processes at the same time (concepts 1, 3, 4 and 7).

use std::time::Duration;

use crate::model::{ChildSpec, OutputTo, Signal};
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::returncode;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::own_pid;

/// The program: it says what it got from its parent, and sleeps.
const COPY: &str = r#"echo "$NAME: process $$, child of $PPID"; echo "$NAME: $GREETING from $(pwd)"; exec sleep "$LIFE""#;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let copies = params.count("copies");
    let folder = params.text("folder");
    std::env::set_current_dir(folder).map_err(LessonError::kernel(format!("go to {folder}")))?;
    let variable = |name: &str, value: String| (name.into(), value.into());

    let mut family = Vec::new();
    for number in 1..=copies {
        let name = format!("copy-{number}");
        let program = lesson.start(&ChildSpec {
            name: name.clone(),
            env: vec![
                variable("NAME", name),
                variable("GREETING", params.text("greeting").to_owned()),
                variable("LIFE", params.seconds("life").as_secs_f64().to_string()),
            ],
            stdout: OutputTo::Inherit,
            stderr: OutputTo::Inherit,
            ..ChildSpec::new(["sh", "-c", COPY])
        })?;
        lesson.keep_name(&program.child);
        family.push(program.child);
        lesson.sleep(Duration::from_secs(1) / copies as u32);
    }

    lesson.say(&format!("parent {}: my copies are in the background", own_pid()));
    lesson.sleep(params.seconds("pause"));

    family[1].signal(Signal::KILL);
    lesson.say("copy-2 gets SIGKILL; I wait for the others in the foreground");
    for child in &family {
        let status = child.wait()?.status;
        lesson.say(&format!("{} left with {}", child.name(), returncode(status).unwrap_or_default()));
    }
    Ok(())
}
