//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const WAIT: Scenario = Scenario {
    id: "wait",
    title: "Waiting for a child",
    chapter: Chapter::Processes,
    concepts: &[62, 63],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A child leaves with exit status 10. Which number does wait give?",
        choices: &["10", "2560", "The child's PID alone"],
        answer: 1,
        fact: "raw-status",
    },
    params: &[
        count("children", 3, 1..=8, "processes", "children; each lives one life longer than the one before it"),
        seconds("life", 0.3, 0.1..=2.0, "how long the first child lives"),
        choice(
            "signal",
            &["SIGTERM", "SIGKILL", "SIGUSR1"],
            "what the last one of several children sends itself, instead of exiting",
        ),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the parent waits on all that are left, whatever you do"),
    ],
    actions: &[
        action("wait", "Wait on (reap)", "waitpid(PID): the parent waits on the child that is named").on("CHILD"),
        action("wait-any", "Wait on any", "wait(): the parent waits on whichever child ends first, or has ended"),
        action("wait-all", "Wait on all", "wait(), once for each child that is left"),
        action("poll", "Ask without waiting", "with WNOHANG, which returns at once; on any child, or on the one that is named")
            .on("[CHILD]"),
    ],
    script: &["0.1 poll", "0.2 wait child-2", "1.0 wait-any", "1.2 wait-all"],
    notes: &[note(
        "wait returns the child's PID and its exit status",
        "it returns the raw status: {raw-status} for the first child. Bits 8 to 15 of it are the exit status",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
