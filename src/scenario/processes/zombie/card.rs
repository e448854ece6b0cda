//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const ZOMBIE: Scenario = Scenario {
    id: "zombie",
    title: "Zombies",
    chapter: Chapter::Processes,
    concepts: &[10, 46],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Three children have ended, and nobody has waited for them. Each gets SIGKILL. How many stay in the process table?",
        choices: &["None", "One", "Three"],
        answer: 2,
        fact: "kill-changes-nothing",
    },
    params: &[
        count("children", 3, 1..=20, "processes", "children that end"),
        seconds("life", 1.0, 0.5..=3.0, "how long they live"),
        seconds("pause", 3.0, 1.0..=5.0, "how long the parent does something else"),
    ],
    actions: &[on("go-on", "main", "the parent goes on at once")],
    script: &["2.5 kill child-1"],
    wiring: Wiring { leds: &[bar().shows(Shows::Alive("child-"))], buttons: &[] },
    notes: &[note(
        "a process that is not joined does not terminate",
        "it has: {zombies} children had ended, held {no-memory} KiB, and were zombies until the parent waited",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Zombies>::default(),
};
