//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note};
use crate::scenario::definition::Scenario;

pub(crate) const FORK: Scenario = Scenario {
    id: "fork",
    title: "Fork and join",
    chapter: Chapter::Processes,
    concepts: &[11, 60, 64],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "The program calls fork() once. How often does that call return?",
        choices: &["Never", "Once", "Twice"],
        answer: 2,
        fact: "returns",
    },
    params: &[
        count("pieces", 80, 2..=160, "pieces", "pieces of work that parent and child share"),
        count("split", 50, 0..=100, "%", "the child's part of the pieces"),
        count("size", 1_000_000, 100_000..=2_000_000, "numbers", "numbers that one piece goes through"),
        count("status", 10, 0..=255, "", "the status that the child leaves with"),
    ],
    actions: &[],
    script: &[],
    wiring: Wiring {
        leds: &[led(&[Line::gpio(17)]).shows(Shows::Running("main")), led(&[Line::gpio(22)]).shows(Shows::Running("child-1"))],
        buttons: &[],
    },
    notes: &[
        note(
            "wait() gives the child's exit status",
            "it gives {raw-status}: the exit status times 256, with room for a signal's number below",
        ),
        note(
            "two processes do the work in half the time",
            "only if each has a core of its own, and both parts are equal: see how long the two lanes are",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Diamond>::default(),
};
