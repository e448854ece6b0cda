//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const SIGNALS: Scenario = Scenario {
    id: "signals",
    title: "Terminate and kill",
    chapter: Chapter::Programs,
    concepts: &[87, 88],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A polite, a slow and a deaf program get SIGTERM, and the deaf one SIGKILL then. In how many does finally run?",
        choices: &["In none", "In one", "In all three"],
        answer: 1,
        fact: "finally",
    },
    params: &[
        seconds("cleanup", 0.6, 0.1..=3.0, "what the slow one still has to do after SIGTERM"),
        seconds("patience", 30.0, 1.0..=60.0, "when nothing has happened for so long, all that are left get SIGTERM"),
        seconds("grace", 1.0, 0.3..=3.0, "time that they have then, before SIGKILL"),
        count(
            "button",
            26,
            2..=27,
            "",
            "GPIO line of the button: SIGTERM to the next that has not heard one, then SIGKILL to who is left",
        ),
    ],
    actions: &[],
    // Once more for a machine so busy that the programs were not there yet.
    script: &[
        "0.8 terminate polite",
        "1.1 terminate slow",
        "1.4 terminate deaf",
        "2.2 kill deaf",
        "5.0 terminate polite",
        "5.2 terminate slow",
        "5.4 terminate deaf",
        "6.4 kill deaf",
    ],
    notes: &[note(
        "terminate() ends a program, and `finally` always runs",
        "programs in which it ran: {finally}; whose temporary files stayed: {files}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
