//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const BLINK: Scenario = Scenario {
    id: "blink",
    title: "Blink",
    chapter: Chapter::Threads,
    concepts: &[2, 17],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A thread is to change an LED 16 times. main starts it and waits for a button. How often does the LED change meanwhile?",
        choices: &["Never: the program waits", "Once, then main is waited for", "16 times"],
        answer: 2,
        fact: "changes",
    },
    params: &[
        count("changes", 16, 2..=26, "changes", "how often the LED goes on or off"),
        seconds("every", 0.3, 0.02..=0.5, "time from one change to the next"),
        seconds("patience", 5.0, 0.5..=60.0, "how long a pause lasts at most"),
        count("line", 17, 2..=27, "", "GPIO line of the LED"),
        count("button", 26, 2..=27, "", "GPIO line of the button: a press pauses the blinker, or lets it go on"),
    ],
    actions: &[action("pause", "Pause or go on", "does what the button does")],
    script: &["0.9 pause", "1.4 pause"],
    notes: &[note(
        "a loop that sleeps for the period blinks with that period",
        "each sleep ends a little late, and in such a loop that adds up; here the last change was {last change late by (ms)} ms late",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
