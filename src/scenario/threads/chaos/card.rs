//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const CHAOS: Scenario = Scenario {
    id: "chaos",
    title: "Five runs, five orders",
    chapter: Chapter::Threads,
    concepts: &[12, 40],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads do twenty small steps each. The same program runs five times lightly, five times under load. In how many orders do the steps come?",
        choices: &[
            "Always in the same one",
            "In different ones, and the result differs, too",
            "In different ones, with one result",
        ],
        answer: 2,
        fact: "orders",
    },
    params: &[
        count("runs", 5, 5..=20, "runs", "how often it runs under each load"),
        count("threads", 4, 2..=8, "threads", "threads that run together"),
        count("steps", 20, 20..=60, "steps", "steps of each thread"),
        count("load", 50, 2..=100, "times", "how much more work a step is in the heavy runs than in the light ones"),
        seconds("patience", 15.0, 1.0..=60.0, "after the runs, how long the lesson waits for you"),
    ],
    actions: &[
        action("again", "Run again", "runs it once more under the load that is named, light or heavy; else under both")
            .on("[light|heavy]"),
        action("replay", "Replay", "forces the order of the run that is named, such as heavy-1, or of the last one").on("[RUN]"),
        action("finish", "Finish", "ends the lesson"),
    ],
    script: &["1.5 again", "2.2 replay", "2.8 finish"],
    notes: &[note(
        "subtle differences in timing make debugging difficult",
        "the same code came in {orders} different orders. What was recorded can be replayed; a bug that shows once in a \
         thousand runs is found that way",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
