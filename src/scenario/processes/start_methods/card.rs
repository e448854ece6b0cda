//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, choice, count, flag, led, note, seconds, text};
use crate::scenario::definition::Scenario;

pub(crate) const START_METHODS: Scenario = Scenario {
    id: "start-methods",
    title: "Fork, spawn, fork server",
    chapter: Chapter::Processes,
    concepts: &[44, 45, 47],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Which costs more time on a core: to spawn a process, or to let a fork server make it?",
        choices: &["Spawn", "The fork server", "Both the same"],
        answer: 0,
        fact: "spawn-costs",
    },
    params: &[
        choice("method", &["all", "fork", "spawn", "forkserver"], "which methods"),
        count("rounds", 2, 1..=4, "processes", "processes that are started by each method"),
        flag("guard", true, "whether only the parent comes to the part that starts processes"),
        seconds("pause", 0.7, 0.2..=1.0, "how long a process stays"),
        text("greeting", "hello", 20, "what the file says; main turns it into capitals before it starts the processes"),
    ],
    actions: &[],
    script: &[],
    notes: &[
        note(
            "spawn may speed your code up; fork is the default",
            "until it began, a spawned process needed {spawn-costs} times as long on a core as one from the fork server. \
             Python's default is forkserver from 3.14, fork before",
        ),
        note(
            "the start method can be set once",
            "that is a rule of Python's: the second set_start_method() gives a RuntimeError",
        ),
    ],
    wiring: Wiring {
        leds: &[
            led(&[Line::gpio(17)]).shows(Shows::Alive("spawn-")),
            led(&[Line::gpio(22)]).shows(Shows::Alive("fork-")),
            led(&[Line::gpio(27)]).shows(Shows::Alive("forkserver-")),
        ],
        buttons: &[],
    },
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Starts>::default(),
};
