//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, PushButton, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const CONDITION: Scenario = Scenario {
    id: "condition",
    title: "Condition variables",
    chapter: Chapter::Threads,
    concepts: &[38],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four customers wait on a condition. Main calls notify() once. How many customers wake up?",
        choices: &["One", "All four", "None, as main has the lock"],
        answer: 0,
        fact: "notify-one",
    },
    params: &[
        count("customers", 4, 2..=12, "threads", "threads that each want one thing from the shelf"),
        seconds("pause", 1.2, 0.5..=3.0, "time between main's visits"),
    ],
    actions: &[
        on("notify", "condition shop", "calls notify(), and brings nothing"),
        on("notify_all", "condition shop", "calls notify_all(), and brings nothing"),
        on("go-on", "main", "main comes now"),
    ],
    script: &["0.6 notify condition shop"],
    wiring: Wiring {
        leds: &[bar().shows(Shows::WaitingAt("condition shop"))],
        buttons: &[PushButton { line: Line::gpio(26), does: "notify condition shop" }],
    },
    notes: &[note(
        "a thread that is notified goes on",
        "it goes on to look: {back-to-sleep} of those that woke found nothing and waited again. So wait() stands in a loop",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Shop>::default(),
};
