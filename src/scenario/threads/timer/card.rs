//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const TIMER: Scenario = Scenario {
    id: "timer",
    title: "Timers",
    chapter: Chapter::Threads,
    concepts: &[39],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A timer is to call a function in 5 s. Before that somebody cancels it. How often does it call?",
        choices: &["Never", "Once, at its time", "Once, at the moment of the cancel"],
        answer: 0,
        fact: "cancelled",
    },
    params: &[
        seconds("delay", 2.5, 0.1..=3.0, "how long hello waits before its call; doomed waits twice as long"),
        seconds("interval", 0.4, 0.05..=0.5, "how long every and drift wait before each call"),
        count("times", 5, 1..=10, "calls", "how often every and drift call"),
    ],
    actions: &[
        action("cancel", "cancel()", "takes back the timer that is named, or the last one of those that wait").on("[TIMER]"),
        action("start", "Start one more", "starts one more timer that calls once, after the delay"),
    ],
    script: &["1.0 cancel doomed"],
    notes: &[note(
        "timers trigger functions in specific intervals",
        "threading.Timer calls once. For an interval wait again, and reckon from the start: the last call of every was \
         {every: last call late by (ms)} ms late, that of drift, which waits the interval after each call, \
         {drift: last call late by (ms)} ms",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
