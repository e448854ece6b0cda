//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, choice, count, note, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const WAIT: Scenario = Scenario {
    id: "wait",
    title: "Waiting for a child",
    chapter: Chapter::Processes,
    concepts: &[62, 63],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A child leaves with exit status 10. Which number does wait() give beside its PID?",
        choices: &["10", "2560", "0"],
        answer: 1,
        fact: "raw-status",
    },
    params: &[
        count("children", 3, 1..=8, "processes", "children; each lives one life longer than the one before it"),
        seconds("life", 1.2, 0.3..=1.2, "how long the first child lives"),
        count("chosen", 2, 1..=8, "", "the child that the parent waits for first, by its PID (the last one if there are fewer)"),
        choice("signal", &["SIGTERM", "SIGKILL", "SIGUSR1"], "what ends the last of several children"),
    ],
    actions: &[],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::Alive("child-"))], buttons: &[] },
    notes: &[
        note(
            "wait returns the child's PID and its exit status",
            "it returns the raw status: {raw-status} for the first child that left by itself. The upper eight bits are the exit status",
        ),
        note(
            "os.wait() waits for the child",
            "it waits for any child. For a certain one there is waitpid: {chosen} had ended before that one, and stayed zombies",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Waits>::default(),
};
