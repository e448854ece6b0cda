//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, PushButton, Shows, Wiring, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const EVENT: Scenario = Scenario {
    id: "event",
    title: "Events",
    chapter: Chapter::Threads,
    concepts: &[35],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads wait for an event. Main calls set() once. How many threads go on?",
        choices: &["One: the one that has waited longest", "All four", "None: each must ask again first"],
        answer: 1,
        fact: "all-wake",
    },
    params: &[
        count("waiters", 4, 1..=12, "threads", "threads that wait for the flag, again and again"),
        seconds("work", 0.8, 0.2..=2.0, "how long a thread works before it waits again"),
        seconds("pause", 1.2, 0.5..=3.0, "how long main leaves the flag as it is"),
        count("times", 2, 1..=4, "times", "how often main raises the flag"),
    ],
    actions: &[
        on("set", "event go", "raises the flag"),
        on("clear", "event go", "takes the flag down; a thread that comes now waits"),
        on("go-on", "main", "main does its next step now"),
    ],
    script: &["3.4 set event go", "4.7 clear event go"],
    wiring: Wiring {
        leds: &[led(&[Line::gpio(17)]).shows(Shows::Set("event go"))],
        buttons: &[
            PushButton { line: Line::gpio(26), does: "set event go" },
            PushButton { line: Line::gpio(20), does: "clear event go" },
        ],
    },
    notes: &[note(
        "if event1.set(): tests whether the flag is up",
        "set() raises the flag and gives nothing, so that line never runs. is_set() asks, and said: {is-set}",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Flag>::default(),
};
