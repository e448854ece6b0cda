//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, action, count, note, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const BARRIER: Scenario = Scenario {
    id: "barrier",
    title: "Barriers",
    chapter: Chapter::Threads,
    concepts: &[36, 37],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A barrier is for five, four come, and there is a time limit. What happens to the four?",
        choices: &["They pass without the fifth", "They wait for ever", "All four get the error"],
        answer: 2,
        fact: "broken",
    },
    params: &[
        count("parties", 5, 2..=16, "threads", "threads that the barrier waits for"),
        count("comers", 4, 1..=16, "threads", "threads that come"),
        seconds("timeout", 0.6, 0.1..=5.0, "how long a thread waits for the rest"),
        seconds("patience", 6.0, 1.0..=60.0, "when you have done nothing for so long, the lesson ends"),
    ],
    actions: &[
        action("send", "Send one more worker", "one more thread comes to the barrier"),
        action("reset", "reset()", "mends the broken barrier, and all who got the error come again"),
        action("abort", "abort()", "breaks the barrier at once, for all who wait and all who come"),
    ],
    script: &["1.8 reset", "2.0 send"],
    notes: &[note(
        "Barrier(5, timeout=10) lets the threads wait ten seconds",
        "who waits longer breaks it for all: {broken} got the error here, though each had waited another length of time",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
};
