//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const EVENT: Scenario = Scenario {
    id: "event",
    title: "Events",
    chapter: Chapter::Threads,
    concepts: &[35],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads wait for an event. set() is called once. How many go on?",
        choices: &["One", "Four", "None, before each has asked again"],
        answer: 1,
        fact: "all-wake",
    },
    params: &[
        count("waiters", 4, 1..=12, "threads", "threads that wait for the event, again and again"),
        seconds("work", 0.1, 0.01..=0.5, "how long each works when it has passed, before it waits again"),
        count("line", 17, 2..=27, "", "GPIO line of the LED that is the flag"),
        count("button", 26, 2..=27, "", "GPIO line of the button: a press raises the flag, or takes it down"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the lesson ends by itself"),
    ],
    actions: &[
        action("set", "set()", "raises the flag: all who wait go on"),
        action("clear", "clear()", "takes the flag down: whoever comes now waits"),
        action("finish", "Finish", "ends the lesson"),
    ],
    script: &["0.6 set", "1.2 clear", "1.8 set", "2.2 finish"],
    notes: &[note(
        "if event1.set(): tests whether the flag is up",
        "set() raises the flag and gives {set() gave}, so that this is never true. is_set() asks: {is-set}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
