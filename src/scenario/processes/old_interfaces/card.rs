//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const OLD_INTERFACES: Scenario = Scenario {
    id: "old-interfaces",
    title: "The old interfaces",
    chapter: Chapter::Processes,
    concepts: &[65, 66, 67, 68, 89],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "system() runs a program that leaves with status 10. What does it give?",
        choices: &["10", "2560", "The program's output"],
        answer: 1,
        fact: "system-status",
    },
    params: &[
        count("status", 10, 1..=255, "", "exit status of the programs"),
        seconds("hold", 0.35, 0.05..=0.7, "how long each program stays, so that it can be seen"),
    ],
    actions: &[
        action("run", "Run once more", "the call that is named, after the others: system, popen, spawn-wait, call …").on("CALL"),
        action("next", "Go on", "the program that is held ends at once"),
    ],
    script: &["0.3 next", "0.5 run getstatusoutput"],
    notes: &[
        note(
            "os.system, os.popen and os.spawn are deprecated",
            "they still work: system() gave {system-status}. What replaces them is subprocess",
        ),
        note(
            "os.system runs an additional shell process",
            "the processes of one call: {shell-row}; of run() with a list: {no-shell}",
        ),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
