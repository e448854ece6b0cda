//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const PIPELINE: Scenario = Scenario {
    id: "pipeline",
    title: "Pipelines",
    chapter: Chapter::Programs,
    concepts: &[86],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Three programs run in a pipeline, and the last one is killed. What becomes of the other two?",
        choices: &["They run on", "They wait for ever", "SIGPIPE ends them"],
        answer: 2,
        fact: "broken-pipe",
    },
    params: &[
        count("capacity", 64, 4..=1024, "KiB", "bytes that each pipe can hold before its writer has to wait"),
        count("block", 4, 1..=64, "KiB", "text that the first stage writes at a time"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the last stage is killed, whatever you do"),
    ],
    actions: &[],
    script: &["0.6 stop count", "1.4 continue count", "2.2 kill count"],
    notes: &[note(
        "a pipeline ends when its first program has no more data",
        "or when its last one goes: here SIGPIPE ended what stood before it: {broken-pipe}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
