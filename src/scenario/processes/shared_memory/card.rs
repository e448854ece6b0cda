//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const SHARED_MEMORY: Scenario = Scenario {
    id: "shared-memory",
    title: "Private and shared memory",
    chapter: Chapter::Processes,
    concepts: &[5],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "x is 1. A child process adds 10 to x. What is x in the parent then?",
        choices: &["1", "10", "11"],
        answer: 0,
        fact: "private",
    },
    params: &[
        count("start", 1, 0..=1000, "", "x and shared at the beginning"),
        count("step", 10, 1..=1000, "", "what each change adds to both"),
        seconds("pause", 1.5, 0.5..=2.0, "between two steps"),
    ],
    actions: &[on("another", "thread-1", "one more thread changes both"), on("go-on", "main", "the next step comes at once")],
    script: &["4.0 another thread-1"],
    notes: &[note(
        "a process has private resources, its memory among them; threads share them",
        "x stayed {private} in the parent when the child changed it, and became {thread} when threads did",
    )],
    wiring: Wiring {
        leds: &[led(&[Line::gpio(17)]).shows(Shows::Alive("child-1")), led(&[Line::gpio(22)]).shows(Shows::Running("thread-1"))],
        buttons: &[],
    },
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Numbers>::default(),
};
