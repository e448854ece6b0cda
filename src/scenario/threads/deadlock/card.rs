//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, PushButton, RELEASE, Shows, Wiring, flag, led, note, on, replay, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const DEADLOCK: Scenario = Scenario {
    id: "deadlock",
    title: "Deadlock",
    chapter: Chapter::Threads,
    concepts: &[33],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "The painter takes the lock of the screen, then that of the prices. The broker takes them the other way round. What happens?",
        choices: &[
            "Both get both locks, one after the other",
            "Each waits for the other one",
            "Python notices, and raises an error",
        ],
        answer: 1,
        fact: "circle",
    },
    params: &[
        flag("same_order", false, "whether the broker takes the two locks in the same order as the painter"),
        seconds("gap", 1.0, 0.3..=2.0, "time between a thread's first lock and its second"),
        seconds("timeout", 4.0, 1.0..=10.0, "how long the broker waits for its second lock before it gives up"),
        replay(&["main", "painter", "broker"]),
    ],
    actions: &[
        on(RELEASE, "lock screen", "takes the screen from the thread that has it"),
        on(RELEASE, "lock prices", "takes the prices from the thread that has them"),
    ],
    script: &["3.5 release lock screen"],
    wiring: Wiring {
        leds: &[
            led(&[Line::gpio(17)]).shows(Shows::Holding("lock screen")),
            led(&[Line::gpio(27)]).shows(Shows::Holding("lock prices")),
        ],
        buttons: &[PushButton { line: Line::gpio(26), does: "release lock screen" }],
    },
    notes: &[note(
        "locks make threads safe",
        "two of them, taken in opposite orders, made painter and broker wait for each other: {circle}. Who ended that: {ended}",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Circle>::default(),
};
