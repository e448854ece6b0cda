//! Fork and join: a process makes a child, both do a part of the work, and meet again at `wait()` (concepts 11, 60 and 64).

use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::scenario::card::Params;
use crate::scenario::lesson::children::Fork;
use crate::scenario::lesson::programs::returncode;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::own_pid;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let pieces = params.count("pieces");
    let childs = pieces * params.count("split") / 100;
    let numbers = vec![0; 16 * params.count("size")];
    let work = |count: usize| {
        for _ in 0..count {
            std::hint::black_box(Sha256::digest(&numbers));
        }
    };

    let began = Instant::now();
    let fork = lesson.fork("child-1")?;
    let gave = if let Fork::Parent(child) = &fork { child.pid().number() } else { 0 };
    lesson.say(&format!("fork gave {gave} in process {}", own_pid()));

    if let Fork::Child = fork {
        work(childs);
        lesson.exit(params.count("status") as i32);
    }

    work(pieces - childs);
    lesson.say("the parent waits");
    if let Some(ended) = lesson.wait()? {
        lesson.say(&format!("wait gave {}, that is {}", ended.raw, returncode(ended.status).unwrap_or_default()));
    }
    let elapsed = began.elapsed().as_secs_f64();
    lesson.value("elapsed", elapsed);
    lesson.say(&format!("both parts together took {elapsed:.1} s by the clock"));
    Ok(())
}
