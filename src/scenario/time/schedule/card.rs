//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const SCHEDULE: Scenario = Scenario {
    id: "schedule",
    title: "Scheduled events",
    chapter: Chapter::Time,
    concepts: &[96, 97, 98, 99, 100, 101],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Event a (priority 2) is entered, then event b (priority 1), both for the same moment. Which one runs first?",
        choices: &["Event a", "Event b", "Now a, now b"],
        answer: 1,
        fact: "same-time",
    },
    params: &[
        seconds("tick", 1.0, 0.05..=2.0, "the ruler's unit: a and b are due after 2 of them, last after 3"),
        count("priority_a", 2, 0..=9, "", "priority of event a, which is entered first"),
        count("priority_b", 1, 0..=9, "", "priority of event b, which is due at the same moment"),
        count("blinks", 3, 0..=6, "times", "how often the LED is lit, one tick apart"),
    ],
    actions: &[on("go-on", "main", "ends a sleep, and no event comes early: run() looks at the clock and sleeps again")],
    script: &["1.2 go-on main"],
    wiring: Wiring {
        leds: &[
            led(&[Line::gpio(17)]).shows(Shows::Event("blink")),
            led(&[Line::gpio(27)]).shows(Shows::Event("a")),
            led(&[Line::gpio(22)]).shows(Shows::Event("b")),
        ],
        buttons: &[],
    },
    notes: &[
        note("entering events is enough", "nothing happens before run(), and the listings of some books never call it"),
        note(
            "events follow the clock on the wall",
            "the default clock counts from the machine's start and is never set: look at time= in the Event",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Agenda>::default(),
};
