//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const TIMER: Scenario = Scenario {
    id: "timer",
    title: "Timers",
    chapter: Chapter::Threads,
    concepts: &[39],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "drift waits 0.5 s, and then makes a call that takes 0.1 s. It does so six times. When does its sixth call begin?",
        choices: &["After 3.0 s", "After 3.5 s", "Another time in each run, somewhere from 2.5 s to 3.0 s"],
        answer: 1,
        fact: "drifts",
    },
    params: &[
        seconds("delay", 2.0, 0.5..=3.0, "how long hello waits before its call; doomed would wait twice as long"),
        seconds("interval", 0.5, 0.3..=1.0, "the interval of every and drift"),
        count("times", 6, 1..=10, "calls", "how often every and drift call"),
        seconds("call", 0.1, 0.0..=0.25, "how long each of these calls takes"),
    ],
    actions: &[
        on("cancel", "timer hello", "takes back this timer, if it still waits"),
        on("cancel", "timer doomed", "takes back this timer before main does"),
        on("go-on", "main", "main cancels doomed now"),
        on("go-on", "drift", "ends a wait of drift early"),
        on("go-on", "every", "ends a wait of every early"),
    ],
    script: &[],
    wiring: Wiring {
        leds: &[led(&[Line::gpio(17)]).shows(Shows::Started("hello")), led(&[Line::gpio(27)]).shows(Shows::Started("doomed"))],
        buttons: &[],
    },
    notes: &[note(
        "timers trigger functions at specific times or in specific intervals",
        "threading.Timer calls once. For an interval, wait again, and reckon from the start: the last call of drift came after \
         {drifts} s, that of every was {every} ms late",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Calls>::default(),
};
