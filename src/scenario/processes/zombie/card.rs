//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const ZOMBIE: Scenario = Scenario {
    id: "zombie",
    title: "Zombies",
    chapter: Chapter::Processes,
    concepts: &[10, 46],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Three children have ended, and nobody has waited on them. Each gets SIGKILL. How many stay in the process table?",
        choices: &["None", "Three"],
        answer: 1,
        fact: "kill-changes-nothing",
    },
    params: &[
        count("children", 3, 1..=20, "processes", "children that end without being waited on"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the parent waits on all of them, whatever you do"),
    ],
    actions: &[
        action("wait", "Wait on (reap)", "the parent waits on the child that is named, or else on all").on("[CHILD]"),
        action("wait-all", "Wait on all", "the parent waits on all its children"),
    ],
    script: &["0.6 kill child-1", "1.0 wait child-1", "1.4 wait-all"],
    notes: &[note(
        "a process that is not joined does not terminate",
        "it has: all {zombies} of them had ended, held {no-memory} KiB, and were zombies until the parent waited",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
