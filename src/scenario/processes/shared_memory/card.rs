//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const SHARED_MEMORY: Scenario = Scenario {
    id: "shared-memory",
    title: "Private and shared memory",
    chapter: Chapter::Processes,
    concepts: &[5],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "x is 1. After a fork, the child adds 10 to x. What is x in the parent then?",
        choices: &["1", "10", "11"],
        answer: 0,
        fact: "private",
    },
    params: &[
        count("start", 1, 0..=1000, "", "x at the beginning"),
        count("step", 10, 1..=1000, "", "what each change adds to x, and to the number in shared memory"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the changes that nobody asked for are made, and all end"),
    ],
    actions: &[
        action("change", "Change x", "target child, thread or parent: it adds the step to its x, and to the shared number")
            .on("WHO"),
        action("finish", "Let them end", "the child and the thread end"),
    ],
    script: &["0.3 change child", "0.6 change thread", "0.9 change parent", "1.2 finish"],
    notes: &[note(
        "a process has private resources, its memory among them; threads share them",
        "x stayed {private} when the child changed it, and became {thread} when a thread did",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
