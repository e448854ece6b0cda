//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, choice, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const PROCESS_GROUP: Scenario = Scenario {
    id: "process-group",
    title: "Process groups",
    chapter: Chapter::Processes,
    concepts: &[9],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Seven children: three in group a, three in group b, one in a session of its own. killpg() sends a signal to the number of a-1. Who gets it?",
        choices: &["a-1 alone", "The three of a", "All seven"],
        answer: 1,
        fact: "group",
    },
    params: &[
        count("members", 3, 1..=6, "processes", "members of group a, and of group b"),
        choice("signal", &["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"], "the signal that is sent; it ends who gets it"),
        seconds("life", 6.0, 5.0..=8.0, "how long a member lives that gets no signal"),
        seconds("pause", 1.5, 0.5..=2.0, "before each signal"),
    ],
    actions: &[on("go-on", "main", "the next signal goes out at once")],
    script: &[],
    notes: &[note(
        "process groups are single-parent families",
        "one parent had children in three groups here; a signal to group a ended {group} of them",
    )],
    wiring: Wiring { leds: &[bar().shows(Shows::Alive("a-"))], buttons: &[] },
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Groups>::default(),
};
