//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, RELEASE, STEP, Wiring, action, count, flag, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const LOCK: Scenario = Scenario {
    id: "lock",
    title: "Locks",
    chapter: Chapter::Threads,
    concepts: &[28, 29, 30, 31, 32],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads work with the same thing, each under the same lock. How many are at it at the same time, at most?",
        choices: &["1", "2, as there are two cores or more", "4"],
        answer: 0,
        fact: "at-once",
    },
    params: &[
        count("workers", 4, 2..=8, "threads", "threads that want the lock"),
        count("rounds", 20, 1..=40, "times", "how often each one takes it"),
        count("section", 40, 1..=100, "ms", "how long each one keeps it"),
        count("outside", 60, 0..=100, "ms", "how long each one is busy without it"),
        flag("forget", false, "whether worker-1 ends half-way without a release"),
        seconds("patience", 1.0, 0.1..=5.0, "how long the others wait for a release that was forgotten"),
        count("line", 17, 2..=27, "", "GPIO line of the LED, which is on while the lock is held"),
    ],
    actions: &[
        action("hold", "Hold it yourself", "you ask for the lock, and keep it once you have it, for 20 s at most"),
        action(RELEASE, "Release it", "you give it back; or you release it for the one that has forgotten to"),
        action(STEP, "Step", "on or off switches step mode; a task's name lets that one take its next step").on("[on|off|TASK]"),
    ],
    script: &["0.5 hold", "1.2 release", "9 step off"],
    notes: &[note(
        "a listing forgets `global counter`: UnboundLocalError, and the lock stays held",
        "with forget on, you see it; `with lock:` releases also after an error. Here the lock was held {time under the lock (%)} % \
         of the time, and a passer-by who would not wait was turned away {times the passer-by was turned away} times",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
