//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const GARBLED_PRINT: Scenario = Scenario {
    id: "garbled-print",
    title: "Two threads, one screen",
    chapter: Chapter::Threads,
    concepts: &[23],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Two threads print at the same time, without a lock: the beginning of a line, some work, the end of the line. What is on the screen?",
        choices: &["Whole lines, in turns", "Torn lines, with every character there", "Torn lines, and some characters are lost"],
        answer: 1,
        fact: "torn",
    },
    params: &[
        count("writers", 2, 2..=6, "threads", "threads that print on the same screen"),
        count("lines", 6, 3..=12, "lines", "lines that each of them prints in a round"),
        seconds("gap", 0.2, 0.05..=0.4, "the work between the two prints of a line"),
    ],
    actions: &[
        on("hold", "lock screen", "you hold the screen: in the last round, nobody prints"),
        on("release", "lock screen", "you give it back"),
    ],
    script: &[],
    wiring: Wiring { leds: &[led(&[Line::gpio(17)]).shows(Shows::Holding("lock screen"))], buttons: &[] },
    notes: &[note(
        "print() writes a line",
        "it writes its parts one after another, and the end of the line apart: with two prints for a line {torn} lines were torn, \
         with the lock {whole}. One print for a line may be torn by bad luck. Rust's println! keeps its own line whole",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Screen>::default(),
};
