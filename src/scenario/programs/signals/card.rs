//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, PushButton, Shows, Wiring, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const SIGNALS: Scenario = Scenario {
    id: "signals",
    title: "Terminate and kill",
    chapter: Chapter::Programs,
    concepts: &[87, 88],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A polite, a slow and a deaf program each get SIGTERM. The deaf one gets SIGKILL then. In how many does finally run?",
        choices: &["In none", "In one", "In all three"],
        answer: 1,
        fact: "finally",
    },
    params: &[
        seconds("cleanup", 0.6, 0.1..=3.0, "what slow still has to do after SIGTERM"),
        seconds("grace", 1.0, 0.3..=3.0, "time that a program gets after SIGTERM, before SIGKILL"),
        seconds("pause", 0.8, 0.2..=2.0, "time before each request"),
    ],
    actions: &[on("go-on", "main", "the next request comes at once")],
    script: &[],
    wiring: Wiring {
        leds: &[
            led(&[Line::gpio(17)]).shows(Shows::Program("polite")),
            led(&[Line::gpio(27)]).shows(Shows::Program("slow")),
            led(&[Line::gpio(22)]).shows(Shows::Program("deaf")),
        ],
        buttons: &[PushButton { line: Line::gpio(26), does: "go-on main" }],
    },
    notes: &[
        note("terminate() ends a program, and `finally` always runs", "`finally` ran in: {finally}. Files that stayed: {files}"),
        note(
            "a status is a number from 0 to 255",
            "a program that a signal ended has none; Python shows minus the signal's number: -9",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Requests>::default(),
};
