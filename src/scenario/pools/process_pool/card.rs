//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const PROCESS_POOL: Scenario = Scenario {
    id: "process-pool",
    title: "Process pools",
    chapter: Chapter::Pools,
    concepts: &[48, 56, 57, 58],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A pool maps 12 tasks, and the first three take much longer. In which order does map give the results?",
        choices: &["In the order of the list", "As the tasks are done", "Worker by worker"],
        answer: 0,
        fact: "order-kept",
    },
    params: &[
        count("workers", 4, 1..=16, "processes", "workers of the pool that maps"),
        count("tasks", 12, 4..=48, "tasks", "tasks in the list; the first quarter is slow"),
        count("chunksize", 1, 1..=32, "tasks", "tasks that a worker takes at a time"),
        count("size", 16, 1..=32, "MiB", "text that a task hashes; a slow one hashes four times as much"),
        seconds("patience", 20.0, 1.0..=60.0, "how long the pool waits for you when all maps are done"),
    ],
    actions: &[
        action("chunksize", "Map with chunksize", "maps the list once more; its target is the chunk size, 1 to 32").on("SIZE"),
        action("finish", "Close the pool", "the lesson ends when all maps are done"),
    ],
    script: &["0.2 chunksize 6", "2.0 finish"],
    notes: &[
        note("a pool has as many workers as the machine has cores", "Pool() started {default-size}, for {cores} cores"),
        note("map_async's results have to be waited for", "when it returned, {async-returns} tasks were still to do"),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
