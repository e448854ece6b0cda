//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Wiring, count, note, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const OLD_INTERFACES: Scenario = Scenario {
    id: "old-interfaces",
    title: "The old interfaces",
    chapter: Chapter::Processes,
    concepts: &[65, 66, 67, 68, 89],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "os.system() runs a program that leaves with status 10. What does it give?",
        choices: &["10", "2560", "The program's output"],
        answer: 1,
        fact: "system-status",
    },
    params: &[
        count("status", 10, 1..=255, "", "exit status of the programs"),
        seconds("hold", 0.6, 0.2..=0.7, "how long each program runs, so that it can be seen"),
    ],
    actions: &[],
    script: &[],
    notes: &[note(
        "os.system, os.popen and os.spawn are deprecated",
        "they are old, but Python does not warn: os.system gave {system-status}, the status times 256. New programs use subprocess.run",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Calls>::default(),
};
