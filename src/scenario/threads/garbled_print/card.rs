//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, flag, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const GARBLED_PRINT: Scenario = Scenario {
    id: "garbled-print",
    title: "Two threads, one screen",
    chapter: Chapter::Threads,
    concepts: &[23],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Two threads print lines at the same time, and use no lock. What is on the screen?",
        choices: &["Whole lines, in turns", "Torn lines, with every character there", "Some characters are lost"],
        answer: 1,
        fact: "torn",
    },
    params: &[
        count("writers", 2, 2..=6, "threads", "threads that print on the same screen"),
        count("lines", 40, 1..=60, "lines", "lines that each of them prints"),
        seconds("pause", 0.003, 0.0..=0.005, "how long a writer rests after each character: the gap that is wide on purpose"),
        flag("lock", false, "whether the print lock is on from the start"),
    ],
    actions: &[
        action("lock", "Print lock", "switches the print lock on or off for the lines that begin from now on").on("[on|off]")
    ],
    script: &["1.5 lock on"],
    notes: &[note(
        "print() writes a line",
        "it writes the text, and then the end of the line: two writes, and any thread may come between. Here, with a write for \
         each character, {torn} lines were torn without the lock, and {whole} with it",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
