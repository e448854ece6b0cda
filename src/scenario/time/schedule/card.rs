//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const SCHEDULE: Scenario = Scenario {
    id: "schedule",
    title: "Scheduled events",
    chapter: Chapter::Time,
    concepts: &[96, 97, 98, 99, 100, 101],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Event a (priority 2) is entered, then event b (priority 1), both for the same moment. Which runs first?",
        choices: &["a, entered first", "b, with the lower number", "Either, by chance"],
        answer: 1,
        fact: "same-time",
    },
    params: &[
        seconds("tick", 1.0, 0.05..=2.0, "the ruler's unit: the plan is three ticks long, or as long as the LED blinks"),
        count("priority_a", 2, 0..=9, "", "priority of event a, which is entered first"),
        count("priority_b", 1, 0..=9, "", "priority of event b, which is due at the same moment"),
        count("blinks", 4, 0..=8, "times", "how often the LED goes on and off again, once a tick: two events each"),
        count("line", 17, 2..=27, "", "GPIO line of the LED"),
    ],
    actions: &[
        action("enter", "Enter an event", "enters an event, due one tick from now, under the name that is given").on("[NAME]"),
        action("cancel", "Cancel an event", "takes the event that is named out of the queue").on("EVENT"),
    ],
    script: &["0.3 enter extra", "0.7 cancel three"],
    notes: &[
        note("entering events is enough", "nothing happens before run(). Events that were left when it returned: {empty}"),
        note(
            "events follow the clock on the wall",
            "by default they follow a clock that is never set: the latest event was {latest event late by (ms)} ms late",
        ),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
