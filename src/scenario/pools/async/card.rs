//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

const GPIO17: &[Line; 1] = &[Line::gpio(17)];

pub(crate) const ASYNC: Scenario = Scenario {
    id: "async",
    title: "Coroutines",
    chapter: Chapter::Pools,
    concepts: &[95],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "One coroutine calls `time.sleep(1.2)`, without `await`. How many steps do the four others make meanwhile?",
        choices: &["None", "About 3 each, as before", "They make them up twice as fast"],
        answer: 0,
        fact: "block-freezes",
    },
    params: &[
        count("coroutines", 4, 2..=12, "coroutines", "runners"),
        count("steps", 8, 4..=16, "steps", "steps that each runner makes"),
        seconds("pause", 0.4, 0.1..=0.5, "how long a runner sleeps after a step, with await"),
        seconds("block", 1.2, 0.3..=2.0, "how long the blocker sleeps, first with await, then without"),
    ],
    actions: &[on("go-on", "main", "ends the blocker's sleep, if it is the one without await")],
    script: &[],
    wiring: Wiring { leds: &[led(GPIO17).shows(Shows::SleepingLike("main"))], buttons: &[] },
    notes: &[note(
        "coroutines run concurrently",
        "they take turns. Threads: {one-thread}; steps of the others in the sleep without await: {block-freezes}; in the awaited one: {await-lets-run}",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Steps>::default(),
};
