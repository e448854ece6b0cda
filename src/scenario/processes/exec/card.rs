//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, choice, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const EXEC: Scenario = Scenario {
    id: "exec",
    title: "Exec: another program",
    chapter: Chapter::Processes,
    concepts: &[61],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A child executes another program. Which PID does that program have?",
        choices: &["A new one", "The child's", "The parent's"],
        answer: 1,
        fact: "same-process",
    },
    params: &[
        choice("program", &["sort", "cat", "wc"], "what the first child executes; it reads its standard input to the end"),
        seconds("pause", 1.5, 0.5..=2.0, "between two steps"),
    ],
    actions: &[on("go-on", "main", "the parent takes its next step at once")],
    script: &[],
    wiring: Wiring {
        leds: &[led(&[Line::gpio(17)]).shows(Shows::Alive("child-1")), led(&[Line::gpio(22)]).shows(Shows::Alive("child-2"))],
        buttons: &[],
    },
    notes: &[note(
        "exec is needed to run another program after fork",
        "before it the child runs the program of its parent; after it, {new-program}, in the same process {same-process}",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Exec>::default(),
};
