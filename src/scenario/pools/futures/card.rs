//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const FUTURES: Scenario = Scenario {
    id: "futures",
    title: "Futures",
    chapter: Chapter::Pools,
    concepts: &[91, 92, 93, 94],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "`map` gives six tasks to three workers, and task 1 takes longest. Whose result is first in the list that comes back?",
        choices: &["The result of task 1", "The result of the fastest task", "The result of the last task"],
        answer: 0,
        fact: "map-order",
    },
    params: &[
        count("workers", 3, 2..=8, "threads", "the pool's max_workers"),
        count("tasks", 6, 3..=12, "tasks", "tasks that are submitted, and then mapped"),
        seconds("longest", 2.4, 0.4..=4.0, "how long task 1 takes; task 2 takes half of it, task 3 a third"),
    ],
    actions: &[on("cancel", "future square-5", "takes back a future that no worker has begun")],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::RunningLike("square-"))], buttons: &[] },
    notes: &[
        note("submit(f, lines) hands in each line", "one submit made {one-call} future, with the whole list"),
        note("wait() gives the returned value", "it gives two sets of futures: {wait-first}"),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Futures>::default(),
};
