//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const EXEC: Scenario = Scenario {
    id: "exec",
    title: "Exec: another program",
    chapter: Chapter::Processes,
    concepts: &[61],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A child executes another program. Which PID does that program have?",
        choices: &["A new one", "The child's"],
        answer: 1,
        fact: "same-process",
    },
    params: &[
        choice("program", &["cat", "sort", "wc"], "what the child executes; each reads its standard input to the end"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the parent gives the orders itself, and ends"),
    ],
    actions: &[
        action("exec", "Execute the program", "the child that is named executes the program").on("CHILD"),
        action("missing", "Execute what is not there", "the child that is named tries a program that does not exist").on("CHILD"),
        action("finish", "Close their input", "the children find the end of their input, and end"),
    ],
    script: &["0.4 exec child-1", "0.9 missing child-2", "1.3 finish"],
    notes: &[note(
        "exec is needed to run another program after fork",
        "before it, the child ran {fork-alone}, as its parent does; after it, {new-program}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
