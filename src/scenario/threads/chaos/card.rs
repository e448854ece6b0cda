//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, replay, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const CHAOS: Scenario = Scenario {
    id: "chaos",
    title: "One program, ten runs",
    chapter: Chapter::Threads,
    concepts: &[12, 40],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "The same program runs ten times, five times with light work and five times with heavy work. What changes from run to run?",
        choices: &[
            "Nothing: a program does the same each time",
            "The order of the steps, and the result",
            "The order of the steps, but not the result",
        ],
        answer: 2,
        fact: "orders",
    },
    params: &[
        count("threads", 4, 2..=8, "threads", "threads that run together"),
        count("steps", 20, 20..=60, "steps", "steps of each thread in a run"),
        count("runs", 5, 5..=20, "runs", "runs with light work, and as many with heavy work"),
        count("load", 50, 2..=100, "times", "how much more work a heavy step is"),
        seconds("pause", 0.4, 0.1..=1.0, "time to read between two runs"),
        replay(&["main", "A", "B", "C", "D", "E", "F", "G", "H"]),
    ],
    actions: &[on("go-on", "main", "the next run begins now")],
    script: &["1.2 go-on main"],
    wiring: Wiring {
        leds: &[
            led(&[Line::gpio(17)]).shows(Shows::Running("A")),
            led(&[Line::gpio(27)]).shows(Shows::Running("B")),
            led(&[Line::gpio(22)]).shows(Shows::Running("C")),
            led(&[Line::gpio(23)]).shows(Shows::Running("D")),
        ],
        buttons: &[],
    },
    notes: &[note(
        "subtle differences in timing make debugging difficult",
        "the same code came in {orders} different orders. Two runs had the same letter in {agree} % of their places",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Orders>::default(),
};
