//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const ASYNC: Scenario = Scenario {
    id: "async",
    title: "Coroutines",
    chapter: Chapter::Pools,
    concepts: &[95],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four coroutines run. How many threads does the kernel see in this process?",
        choices: &["1", "4", "5"],
        answer: 0,
        fact: "one-thread",
    },
    params: &[
        count("coroutines", 4, 2..=12, "coroutines", "runners that pass the baton round"),
        count("laps", 30, 5..=40, "laps", "how often the baton goes round"),
        seconds("pause", 0.02, 0.005..=0.05, "how long a runner keeps the baton, sleeping with await"),
        seconds("block", 0.3, 0.1..=1.0, "how long the blocker sleeps, first with await, then without"),
    ],
    actions: &[
        action("block", "Blocking call", "one more sleep that is not awaited: all lanes freeze"),
        action("add", "One more runner", "one more coroutine joins the ring"),
        action("cancel", "Cancel a runner", "the runner that is named ends at its await; the last one cannot be cancelled")
            .on("RUNNER"),
    ],
    script: &["0.6 cancel runner-2", "1.0 add", "1.6 block"],
    notes: &[note(
        "coroutines run concurrently",
        "they take turns. Threads: {one-thread}; steps that the others made in a blocking call: {block-freezes}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
