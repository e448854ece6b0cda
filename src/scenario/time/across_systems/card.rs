//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds, text};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const ACROSS_SYSTEMS: Scenario = Scenario {
    id: "across-systems",
    title: "Processes across systems",
    chapter: Chapter::Time,
    concepts: &[59],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A worker is lost in the middle of a task. What becomes of that task?",
        choices: &["It is lost, too", "Another worker does it", "Everybody waits for it"],
        answer: 1,
        fact: "lost",
    },
    params: &[
        text("hosts", "", 200, "machines with a worker each, such as pi@kitchen pi@shed; ssh has to know them"),
        count("local", 2, 0..=8, "workers", "that run on this machine"),
        count("tasks", 16, 4..=32, "tasks", "to be done"),
        count("size", 2, 1..=4, "thousand numbers", "of which a task counts the primes"),
        count("losses", 1, 0..=3, "workers", "that are killed on purpose in the middle of a task"),
        seconds("give_up", 5.0, 2.0..=30.0, "a worker that owes an answer for so long counts as lost"),
        seconds("patience", 20.0, 1.0..=60.0, "when all is done, the pool waits so long for more tasks"),
    ],
    actions: &[
        action("task", "One more task", "puts a task at the end of the queue"),
        action("worker", "One more worker", "starts a worker on this machine, or on the one that the target names").on("[HOST]"),
        action("close", "Close the pool", "no more tasks: the pool closes when all are done"),
    ],
    script: &["0.2 task", "0.4 worker", "0.6 close"],
    notes: &[note(
        "processes across systems need a manager that listens on a port",
        "ssh is enough, and pipes. Workers that got tasks: {workers that did tasks}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
