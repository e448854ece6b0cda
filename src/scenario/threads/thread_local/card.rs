//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const THREAD_LOCAL: Scenario = Scenario {
    id: "thread-local",
    title: "Thread-local data",
    chapter: Chapter::Threads,
    concepts: &[25, 26],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Each of three threads puts a number into mine.x, and main puts nothing. What does main find in mine.x?",
        choices: &["The number that was put there last", "Nothing", "The number of the first thread"],
        answer: 1,
        fact: "main-empty",
    },
    params: &[
        count("threads", 3, 1..=8, "threads", "threads, each with a box of its own"),
        count("reads", 2_000, 1..=20_000, "times", "how often each of them reads the table that all share"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the lesson ends by itself"),
    ],
    actions: &[
        action("edit", "Edit a box", "puts a number into one box: th-2=50, or global=7; without a number, one more than before")
            .on("[BOX[=NUMBER]]"),
        action("finish", "Finish", "ends the lesson"),
    ],
    script: &["0.5 edit th-2=50", "0.8 edit global=7", "1.1 finish"],
    notes: &[note(
        "global data needs a lock",
        "only where somebody writes: {readers} threads read the same table at the same time, and {steady} reads differed",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
