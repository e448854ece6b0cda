//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const FUTURES: Scenario = Scenario {
    id: "futures",
    title: "Futures",
    chapter: Chapter::Pools,
    concepts: &[91, 92, 93, 94],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Three of six tasks run, and the last of these is done first. In which order does as_completed give the futures?",
        choices: &["As they were submitted", "As they are done", "In no order"],
        answer: 1,
        fact: "as-completed",
    },
    params: &[
        count("workers", 3, 1..=8, "threads", "the pool's max_workers"),
        count("tasks", 6, 3..=12, "tasks", "tasks that are submitted, and then mapped"),
        seconds("pace", 0.3, 0.02..=0.8, "how long the conductor waits for you before it opens the next gate"),
    ],
    actions: &[
        action("finish", "Finish a task", "opens the gate of the running task that is named").on("TASK"),
        action("cancel", "Cancel a future", "takes back the future that is named, if no worker has it yet").on("TASK"),
    ],
    script: &["0.1 cancel task-6"],
    notes: &[
        note("submit(f, lines) hands in each line", "it is one call, with the whole list: {one-call}"),
        note("wait() gives the results", "it gives two sets of futures: {wait-first}"),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
