//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const THREAD_LOCAL: Scenario = Scenario {
    id: "thread-local",
    title: "Thread-local data",
    chapter: Chapter::Threads,
    concepts: &[25, 26],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A writer changes two numbers under a lock. Readers only add the two up, and use no lock. How many of their sums are wrong?",
        choices: &["None: only writing needs a lock", "Many", "None: the writer's lock keeps the readers out"],
        answer: 1,
        fact: "half-way",
    },
    params: &[
        count("threads", 3, 1..=5, "threads", "threads with a box each, and readers"),
        seconds("pause", 1.2, 1.2..=3.0, "how long each thread waits between writing and looking"),
        count("reads", 15, 10..=30, "times", "how often each reader adds up, and the writer moves 1"),
        seconds("gap", 0.05, 0.02..=0.1, "how long the writer is half-way, and each rests"),
    ],
    actions: &[
        on("another", "th-1", "one more thread that fills its own box, and the global one"),
        on("hold", "lock accounts", "you hold the lock: the writer waits, and so do the readers that ask for it"),
        on("release", "lock accounts", "you give it back"),
    ],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::WaitingAt("lock accounts"))], buttons: &[] },
    notes: &[
        note(
            "global data needs a lock only where somebody writes",
            "so it is, but then the readers need it, too: while nobody wrote, {steady} sums were wrong; while one wrote and the \
             readers did not lock, {half-way}; when all locked, {guarded}",
        ),
        note(
            "a hack for old programs: avoid globals, and you won't need it",
            "good advice. Arguments and variables inside a function are each thread's own without any help",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Boxes>::default(),
};
