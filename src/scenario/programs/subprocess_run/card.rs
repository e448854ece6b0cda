//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, choice, count, flag, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const SUBPROCESS_RUN: Scenario = Scenario {
    id: "subprocess-run",
    title: "Running a program",
    chapter: Chapter::Programs,
    concepts: &[69, 70, 71, 73],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Main gives echo the word *.py, without a shell. What does echo print?",
        choices: &["The names of the Python files", "*.py", "Nothing: echo fails"],
        answer: 1,
        fact: "no-shell",
    },
    params: &[
        count("files", 3, 1..=20, "files", "Python files in the folder"),
        choice(
            "guest",
            &["Mia; echo Boo", "Mia", "*"],
            "the name that is greeted. A choice and no free text, because a shell obeys it",
        ),
        count("status", 3, 0..=255, "", "the status that a program ends with"),
        flag("text", false, "whether the output comes back as text instead of bytes"),
        seconds("pause", 0.5, 0.0..=1.0, "time between two parts"),
    ],
    actions: &[on("go-on", "main", "starts the next program at once")],
    script: &[],
    wiring: Wiring {
        leds: &[led(&[Line::gpio(17)]).shows(Shows::Program("sleep")), led(&[Line::gpio(27)]).shows(Shows::Program("sh"))],
        buttons: &[],
    },
    notes: &[
        note("the output of a program that you run comes back to you", "only if you ask for it: ls gave back {no-capture}"),
        note("shell=True only adds wildcards", "it also adds a process, the shell, which obeys each ; in the line"),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Programs>::default(),
};
