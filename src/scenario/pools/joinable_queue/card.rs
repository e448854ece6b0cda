//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const JOINABLE_QUEUE: Scenario = Scenario {
    id: "joinable-queue",
    title: "Joinable queues",
    chapter: Chapter::Pools,
    concepts: &[53],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Workers have taken all items, and one of them does not report its item as done. What does join() do?",
        choices: &["It returns: the queue is empty", "It waits"],
        answer: 1,
        fact: "held-back",
    },
    params: &[
        count("workers", 3, 1..=6, "workers", "who take items"),
        count("items", 9, 4..=40, "items", "items that main puts"),
        seconds("work", 0.3, 0.02..=1.0, "how long an item takes"),
        count("held", 1, 0..=3, "items", "the last items, which are reported as done only when you say so"),
        seconds("patience", 8.0, 0.5..=60.0, "after this long they are reported, whatever you do"),
    ],
    actions: &[
        action("done", "Report an item", "lets a worker call task_done for an item that is held back"),
        action("put", "One more item", "main puts one more item, as long as an item is held back"),
    ],
    script: &["0.4 put", "2.4 done"],
    notes: &[note(
        "a JoinableQueue is a queue with task_done and join",
        "items that were left when join() returned: {join-waits}; that were still at work when the queue was empty: {empty}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
