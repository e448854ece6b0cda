//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, choice, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const PIPELINE: Scenario = Scenario {
    id: "pipeline",
    title: "Pipelines",
    chapter: Chapter::Programs,
    concepts: &[86],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Three programs run in a pipeline, and the last one is killed. What becomes of the other two?",
        choices: &["They run on", "They wait for ever", "The kernel ends them, too"],
        answer: 2,
        fact: "broken-pipe",
    },
    params: &[
        count("capacity", 64, 4..=1024, "KiB", "what each pipe can hold; the kernel rounds it up to a power of two"),
        choice("victim", &["wc", "tr", "yes"], "the program that is stopped, continued and killed"),
        seconds("pause", 1.2, 0.5..=2.0, "time between these"),
    ],
    actions: &[on("go-on", "main", "main's next step comes at once")],
    script: &[],
    wiring: Wiring {
        leds: &[
            led(&[Line::gpio(17)]).shows(Shows::Program("yes")),
            led(&[Line::gpio(27)]).shows(Shows::Program("tr")),
            led(&[Line::gpio(22)]).shows(Shows::Program("wc")),
        ],
        buttons: &[],
    },
    notes: &[
        note("a pipe holds a few KiB", "a pipe on Linux holds 64 KiB, and a program can ask for more, up to 1 MiB"),
        note("a pipeline ends when its first program has no more data", "or when its last one goes: SIGPIPE ended {broken-pipe}"),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Pipeline>::default(),
};
