//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on};
use crate::scenario::definition::Scenario;

const GPIO17: &[Line; 1] = &[Line::gpio(17)];

pub(crate) const OVERHEAD: Scenario = Scenario {
    id: "overhead",
    title: "What a task costs",
    chapter: Chapter::Pools,
    concepts: &[13],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four tasks take a few microseconds each. Which way takes longest?",
        choices: &["One by one", "A thread for each", "A process for each"],
        answer: 2,
        fact: "trivial",
    },
    params: &[
        count("tasks", 4, 2..=8, "tasks", "tasks that are done in each way"),
        count("smallest", 50, 10..=100, "rounds", "how far a task counts, at the first step"),
        count("factor", 100, 10..=100, "times", "how much larger the tasks are at the next step"),
        count("steps", 3, 2..=3, "steps", "sizes that are tried"),
        count("repeats", 3, 2..=5, "times", "how often each is measured; the least counts"),
    ],
    actions: &[on("go-on", "main", "ends the short pause before a try")],
    script: &[],
    wiring: Wiring { leds: &[led(GPIO17).shows(Shows::Running("main"))], buttons: &[] },
    notes: &[note(
        "processes cost more than threads and are not worth it for trivial tasks",
        "for the smallest tasks processes took {trivial} times as long as one by one. Task Lab itself costs a little at each start of a thread or process",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Costs>::default(),
};
