//! Pipelines: three programs at the same time, joined by two pipes (concept 86).

use crate::model::{ChildSpec, OutputTo, Signal};
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::program;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (victim, pause) = (params.text("victim"), params.seconds("pause"));
    let pipe_size = Some(params.count("capacity") as u32 * 1024);
    let piped = |spec| ChildSpec { stdout: OutputTo::Pipe, pipe_size, ..spec };

    let mut yes = lesson.start(&piped(program(["yes", "pear"])))?;
    // Each reading end goes to the next program: only the programs may hold the ends, or none of them learns that its neighbour is gone.
    let mut tr = lesson.start_behind(yes.output(), &piped(program(["tr", "a-z", "A-Z"])))?;
    let wc = lesson.start_behind(tr.output(), &program(["wc", "-l"]))?;
    let chosen = match victim {
        "yes" => &yes,
        "tr" => &tr,
        _ => &wc,
    };

    lesson.say("all three run");
    lesson.sleep(pause);

    lesson.say(&format!("stop {victim}"));
    chosen.send_signal(Signal::STOP);
    lesson.sleep(pause);

    lesson.say(&format!("continue {victim}"));
    chosen.send_signal(Signal::CONT);
    lesson.sleep(pause);

    lesson.say(&format!("kill {victim}"));
    chosen.kill();
    for mut program in [yes, tr, wc] {
        let how = match program.wait()? {
            status @ 0.. => format!("ended with status {status}"),
            minus => format!("was ended by {}", Signal::from_number(-minus).unwrap_or(Signal::KILL)),
        };
        lesson.say(&format!("{} {how}", program.name()));
    }
    Ok(())
}
