//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const CONDITION: Scenario = Scenario {
    id: "condition",
    title: "Condition variables",
    chapter: Chapter::Threads,
    concepts: &[38],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four customers wait on a condition. notify() is called once. How many wake up?",
        choices: &["One", "Four", "None: main still has the lock"],
        answer: 0,
        fact: "notify-one",
    },
    params: &[
        count("customers", 4, 1..=12, "threads", "threads that each want one piece of goods"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the shop closes, and who still waits leaves without"),
    ],
    actions: &[
        action("notify", "notify()", "brings one piece of goods, and wakes one of those who wait"),
        action("notify-all", "notify_all()", "brings a piece for each who waits, and wakes all"),
        action("false-alarm", "False alarm", "wakes all, and brings nothing"),
        action("finish", "Close the shop", "who still waits leaves without goods"),
    ],
    script: &["0.6 notify", "1.2 false-alarm", "1.8 notify-all"],
    notes: &[note(
        "a thread that is notified goes on",
        "it goes on to look: {back-to-sleep} of those who woke found nothing and waited again, so wait() stands in a loop",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
