//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const BARRIER: Scenario = Scenario {
    id: "barrier",
    title: "Barriers",
    chapter: Chapter::Threads,
    concepts: &[36, 37],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A barrier is for five threads, and four come. Each would wait three seconds. What happens?",
        choices: &["The four pass without the fifth", "Only the first one gets an error", "All four get an error"],
        answer: 2,
        fact: "broken",
    },
    params: &[
        count("parties", 5, 2..=16, "threads", "threads that the barrier waits for"),
        count("comers", 4, 1..=16, "threads", "threads that come"),
        seconds("timeout", 3.0, 0.1..=5.0, "how long a thread waits for the others"),
    ],
    actions: &[
        on("another", "worker-1", "one more thread comes to the barrier"),
        on("abort", "barrier gate", "breaks the barrier for all who wait and all who come"),
        on("reset", "barrier gate", "mends the barrier; those who wait get the error"),
    ],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::WaitingAt("barrier gate"))], buttons: &[] },
    notes: &[note(
        "Barrier(5, timeout=10) lets each thread wait ten seconds",
        "the first time limit that runs out breaks the barrier for all: {early} threads got the error before their own time was over",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Gate>::default(),
};
