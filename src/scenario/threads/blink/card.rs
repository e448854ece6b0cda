//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Wiring, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const BLINK: Scenario = Scenario {
    id: "blink",
    title: "Blink",
    chapter: Chapter::Threads,
    concepts: &[2, 17],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Main starts a thread that switches an LED, and waits for it in join(). What does the LED do meanwhile?",
        choices: &["Nothing: the program waits", "It changes once", "It goes on and off"],
        answer: 2,
        fact: "changes",
    },
    params: &[
        count("line", 17, 2..=27, "", "GPIO line of the LED"),
        count("button", 26, 2..=27, "", "GPIO line of the button: a press pauses the LED, or lets it go on").unlike("line"),
        count("changes", 10, 2..=40, "changes", "how often the LED goes on or off"),
        seconds("every", 0.5, 0.1..=1.0, "time from one change to the next"),
        seconds("pause", 3.0, 0.5..=10.0, "how long a pause lasts at most"),
    ],
    actions: &[on("clear", "event may_blink", "pauses the LED"), on("set", "event may_blink", "lets the LED go on")],
    script: &["1.8 clear event may_blink", "3.2 set event may_blink"],
    // Its bodies switch the LED and watch the button themselves.
    wiring: Wiring::NONE,
    notes: &[note(
        "a loop that sleeps for the period blinks with that period",
        "each sleep ends a little late, never early, and that adds up: the shortest one took {not-early} s",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Blinking>::default(),
};
