//! Two threads, one screen: what they print at the same time is torn, unless a lock keeps each line together (concept 23).

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError, Lock, Worker};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (writers, lines) = (params.count("writers"), params.count("lines"));
    let gap = params.seconds("gap");
    let screen = lesson.lock("screen");

    let print_lines = |writer: &Worker<'_>| {
        for line in 1..=lines {
            writer.say(&format!("prints line {line}"));
            writer.sleep(gap);
        }
    };
    let copy_files = |writer: &Worker<'_>, guard: Option<&Lock<'_>>| {
        for file in 1..=lines {
            let held = guard.map(Lock::held);
            lesson.print(&format!("{} copies file {file} ... ", writer.name()));
            writer.sleep(gap);
            lesson.say("done");
            drop(held);
            writer.sleep(gap / 4);
        }
    };

    lesson.scope(|scope| {
        scope.offer(&screen);
        lesson.say("One print a line:");
        scope.threads("writer", writers, print_lines)?.wait();
        lesson.say("Two prints a line:");
        scope.threads("writer", writers, |writer| copy_files(writer, None))?.wait();
        lesson.say("With the lock:");
        scope.threads("writer", writers, |writer| copy_files(writer, Some(&screen)))?.wait();
        Ok(())
    })
}
