//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const OVERHEAD: Scenario = Scenario {
    id: "overhead",
    title: "What a task costs",
    chapter: Chapter::Pools,
    concepts: &[13],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four tasks take 10 µs each. Which way takes longest?",
        choices: &["One after the other", "A thread for each", "A process for each"],
        answer: 2,
        fact: "trivial",
    },
    params: &[
        count("tasks", 4, 2..=16, "tasks", "tasks that are done in each way"),
        count("smallest", 10, 1..=50, "µs", "work in a task, at the first step"),
        count("steps", 4, 3..=5, "steps", "sizes that are tried"),
        count("factor", 10, 4..=10, "times", "how much larger the tasks are at the next step, up to 20 ms"),
        count(
            "repeats",
            3,
            2..=7,
            "times",
            "how often each is measured, tasks up to 1 ms three times as often; the least counts",
        ),
        seconds("patience", 20.0, 1.0..=60.0, "how long the lesson waits for you when all sizes are measured"),
    ],
    actions: &[
        action("size", "Measure a size", "measures tasks of one more size; its target is the size, 1 to 20000 µs")
            .on("MICROSECONDS"),
        action("finish", "Finish", "the lesson ends when all sizes are measured"),
    ],
    script: &["0.3 size 3000", "2.5 finish"],
    notes: &[note(
        "processes cost more than threads and are not worth it for trivial tasks",
        "for the smallest tasks they took {trivial} ms; the size from which they were faster: {processes are faster from}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
