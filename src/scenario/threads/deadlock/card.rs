//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, RELEASE, STEP, Wiring, action, choice, count, flag, note, seconds, text};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const DEADLOCK: Scenario = Scenario {
    id: "deadlock",
    title: "Deadlock",
    chapter: Chapter::Threads,
    concepts: &[33],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "One thread takes the lock of the screen, then that of the prices; the other one takes them the other way round. What comes of it?",
        choices: &[
            "Both get both, one after the other",
            "Each waits for the other, for ever",
            "Python notices, and raises an error",
        ],
        answer: 1,
        fact: "circle",
    },
    params: &[
        choice("order", &["opposite", "same"], "whether both take the two locks in the same order"),
        count("rounds", 4, 1..=20, "times", "how often each one needs both locks"),
        seconds("patience", 15.0, 0.1..=60.0, "how long the first deadlock lasts before main releases a lock"),
        flag("step", false, "whether to begin in step mode: each thread waits before each step until you let it go"),
        text("replay", "", 500, "an order of steps to follow: names with blanks between, as the value order showed it"),
    ],
    actions: &[
        action(
            RELEASE,
            "Release a lock",
            "in a deadlock, takes the lock that is named (screen or prices) from the one that holds it",
        )
        .on("[screen|prices]"),
        action(STEP, "Step", "on or off switches step mode; a task's name lets that one take its next step").on("[on|off|TASK]"),
    ],
    script: &["1.5 release screen", "4 release screen", "4.5 step off"],
    notes: &[note(
        "locks make threads safe",
        "two of them, taken in two orders, may end in a deadlock. Deadlocks here: {deadlocks}. The kernel shows two threads that sleep, and nothing that is wrong",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
