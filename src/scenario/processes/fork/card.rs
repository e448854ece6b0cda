//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const FORK: Scenario = Scenario {
    id: "fork",
    title: "Fork and join",
    chapter: Chapter::Processes,
    concepts: &[11, 60, 64],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "The program calls fork() once. How often does that call return?",
        choices: &["Never", "Once", "Twice"],
        answer: 2,
        fact: "returns",
    },
    params: &[
        count("pieces", 100, 2..=160, "pieces", "pieces of work that parent and child share"),
        count("split", 50, 0..=100, "%", "the child's share of the pieces"),
        seconds("work", 1.6, 0.1..=3.0, "how long one core is busy with all the pieces"),
        count("status", 10, 0..=255, "", "the status that the child exits with"),
    ],
    actions: &[action("again", "Fork once more", "one more diamond after this one; its target is the child's share in percent")
        .on("[PERCENT]")],
    script: &["0.2 again 80"],
    notes: &[note(
        "wait() gives the child's exit status",
        "it gives {raw-status}: the exit status times 256, with room for a signal's number below. Decoded, it is {decoded}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
