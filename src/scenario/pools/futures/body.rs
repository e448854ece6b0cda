//! Futures: tickets for results that are not there yet (concepts 91, 92, 93 and 94).

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError, Until};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (workers, tasks) = (params.count("workers"), params.count("tasks"));
    let longest = params.seconds("longest");
    lesson.scope(|scope| {
        let pool = scope.pool("worker", workers)?;
        let square = |name: usize, number: usize| {
            pool.submit(&format!("square-{name}"), move || {
                lesson.sleep(longest / number as u32); // The first task takes longest.
                number * number
            })
        };
        let futures: Vec<_> = (1..=tasks).map(|number| square(number, number)).collect();
        let (done, not_done) = pool.wait(&futures, Until::FirstCompleted, None);
        lesson.say(&format!("wait: {} done, {} not done", done.len(), not_done.len()));
        let [first, last] = [&futures[0], &futures[tasks - 1]].map(|future| if future.cancel() { "True" } else { "False" });
        lesson.say(&format!("cancel the first: {first}, the last: {last}"));
        for future in pool.as_completed(&futures) {
            match future.result() {
                Ok(square) => lesson.say(&format!("as_completed: {square}")),
                Err(_) => lesson.say("as_completed: a cancelled one"),
            }
        }

        // A map is this: all are handed in, and the results are taken in the order of the list.
        let futures: Vec<_> = (1..=tasks).map(|number| square(tasks + number, number)).collect();
        let squares: Vec<usize> = futures.iter().filter_map(|future| future.result().ok()).collect();
        lesson.say(&format!("map: {squares:?}"));
        let sum = pool.submit("sum-1", move || squares.iter().sum());
        lesson.say(&format!("one submit: {}", sum.result().unwrap_or_default()));
        Ok(())
    })
}
