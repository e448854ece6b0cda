//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const START_METHODS: Scenario = Scenario {
    id: body::ID,
    title: "Fork, spawn, fork server",
    chapter: Chapter::Processes,
    concepts: &[44, 45, 47],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Which costs more: to spawn a fresh program for each process, or to let a small server fork them?",
        choices: &["Spawn", "The fork server", "They cost the same"],
        answer: 0,
        fact: "spawn-costs",
    },
    params: &[
        choice(
            "method",
            &["all", "fork", "spawn", "forkserver"],
            "which methods; one alone is only timed, with ten times the rounds",
        ),
        count("rounds", 4, 3..=8, "processes", "processes that are started by each method"),
        count("ballast", 32, 16..=128, "MiB", "what a variable of the parent holds"),
        seconds("patience", 20.0, 1.0..=60.0, "when all were started, they end after this long, whatever you do"),
    ],
    actions: &[
        action("start", "Start one more", "target fork, spawn or forkserver: one more process by this method").on("METHOD"),
        action("finish", "Let them end", "the last process of each method, which has stayed to be seen, ends"),
    ],
    script: &["0.6 start fork", "0.7 start spawn", "1.6 finish"],
    notes: &[
        note(
            "spawn may speed your code up; fork is the default",
            "the fastest start took {fork: ms until it began} ms by fork, {spawn: ms until it began} by spawn, {forkserver: ms until it began} by a fork server. \
             Python's default is forkserver from 3.14, fork before",
        ),
        note(
            "the start method can be set once",
            "that is a rule of Python's. Another one: without `if __name__ == \"__main__\"` a spawned child {guard}",
        ),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
