//! Threads are made, named, started, asked and joined; one fails, and one crashes its process (concepts 2, 16 to 22 and 24).

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::children::Fork;
use crate::scenario::lesson::{Lesson, LessonError, NewThread, Worker};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (name, life, pause) = (params.text("name"), params.seconds("life"), params.seconds("pause"));
    // Rust has no tuple whose comma one can forget: here the text is taken apart by hand.
    let args = if params.flag("comma") { vec!["T1"] } else { vec!["T", "1"] };
    let shared = Mutex::new(Vec::new());
    let work = |worker: &Worker<'_>| {
        worker.sleep(life);
        shared.lock().unwrap_or_else(PoisonError::into_inner).push(args.clone());
    };
    let tick = |clock: &Worker<'_>| {
        for tick in 1..=4 {
            clock.sleep(life / 4);
            lesson.say(&format!("{}: tick {tick}", clock.name()));
        }
    };

    lesson.scope(|scope| {
        let names = (1..=params.count("threads")).map(|number| format!("{name}{number}"));
        let mut made: Vec<_> = names.map(|name| scope.new_thread(&name, work)).collect();
        made.push(scope.new_thread("clock", tick));
        lesson.say(&format!("{} threads are made", made.len()));
        lesson.sleep(pause);

        let started = made.into_iter().map(NewThread::start).collect::<Result<Vec<_>, _>>()?;
        // A join of Rust's has no time limit.
        lesson.sleep(Duration::from_millis(700));
        lesson.say(&format!("after 0.7 s {name}1 is alive: {}", started[0].is_alive()));
        for thread in started {
            thread.join();
        }
        Ok::<_, LessonError>(())
    })?;
    lesson.say(&format!("all have ended; shared: {:?}", shared.lock().unwrap_or_else(PoisonError::into_inner)));

    let mut tests = Vec::new();
    for (test, function) in [("fail-test", fail as fn(&Lesson)), ("crash-test", crash)] {
        match lesson.fork(test)? {
            Fork::Child => lesson.exit(i32::from(two_threads(lesson, test, pause, function).is_err())),
            Fork::Parent(child) => tests.push(child),
        }
    }
    for child in tests {
        let name = child.name().to_owned();
        lesson.say(&format!("{name} has ended: {}", child.wait()?.status));
    }
    Ok(())
}

fn two_threads(lesson: &Lesson, test: &str, pause: Duration, function: fn(&Lesson)) -> Result<(), LessonError> {
    lesson.scope(|scope| {
        let quiet = scope.thread(&format!("{test}/quiet"), |quiet| quiet.sleep(2 * pause))?;
        scope.thread(&format!("{test}/faulty"), |faulty| {
            faulty.sleep(pause);
            function(lesson);
        })?;
        quiet.join();
        Ok(())
    })
}

fn fail(lesson: &Lesson) {
    lesson.say(&format!("1 / 0 is {}", 1 / black_box(0)));
}

fn crash(_: &Lesson) {
    std::process::abort();
}
