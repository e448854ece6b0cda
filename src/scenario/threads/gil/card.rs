//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Wiring, count, note, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const GIL: Scenario = Scenario {
    id: "gil",
    title: "The interpreter lock (GIL)",
    chapter: Chapter::Threads,
    concepts: &[6, 14, 41, 42, 43],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads compute in pure Python, on a machine with several cores. How many cores do they keep busy together?",
        choices: &["About one", "Two", "As many as there are"],
        answer: 0,
        fact: "threads-cores",
    },
    params: &[
        count("workers", 4, 1..=8, "workers", "workers of each kind, at the same time"),
        seconds("span", 0.8, 0.4..=1.5, "how long each kind works"),
        count("interval", 5, 1..=50, "ms", "the switch interval of the interpreter"),
        count("affinity", 0, 0..=64, "cores", "cores that all of this may run on; 0: all there are"),
    ],
    actions: &[],
    script: &[],
    wiring: Wiring::NONE,
    notes: &[
        note(
            "a thread keeps the lock for 100 byte codes",
            "since Python 3.2 it keeps it for a time: the lock changed hands {turns} times, and thousands of steps lie between two changes",
        ),
        note("Python threads run on one core", "threads that count in Python used {threads-cores} cores together"),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Cores>::default(),
};
