//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const PROCESS_GROUP: Scenario = Scenario {
    id: "process-group",
    title: "Process groups",
    chapter: Chapter::Processes,
    concepts: &[9],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Seven children: three in group a, three in group b, one in a session of its own. A signal goes to group a. Who gets it?",
        choices: &["Its leader alone", "The three of a", "All seven"],
        answer: 1,
        fact: "group",
    },
    params: &[
        count("members", 3, 1..=6, "processes", "members of group a, and of group b"),
        choice(
            "signal",
            &["SIGUSR1", "SIGUSR2", "SIGHUP"],
            "the signal that is sent; the members take note of it instead of dying",
        ),
        seconds("patience", 20.0, 1.0..=60.0, "after this long all ends, whatever you do"),
    ],
    actions: &[
        action("signal", "Signal this one", "the process that is named gets the signal").on("MEMBER"),
        action(
            "signal-group",
            "Signal its group",
            "all of group a, b or s, or of the group of the process that is named, get it",
        )
        .on("GROUP|MEMBER"),
        action("finish", "Let them end", "all members end"),
    ],
    script: &["0.4 signal a-1", "0.8 signal-group a", "1.2 signal-group s", "1.5 finish"],
    notes: &[note(
        "process groups are single-parent families",
        "the group that was signalled: {group}; its number is its leader's PID",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
