//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const SEMAPHORE: Scenario = Scenario {
    id: "semaphore",
    title: "Semaphores",
    chapter: Chapter::Threads,
    concepts: &[34],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Eight threads want to enter, and the semaphore has three permits. How many are inside at the same time, at most?",
        choices: &["1", "3", "8"],
        answer: 1,
        fact: "inside",
    },
    params: &[
        count("threads", 8, 1..=16, "threads", "threads that want to enter"),
        count("permits", 3, 1..=8, "permits", "permits at the start: Semaphore(n); each has an LED"),
        count("visits", 5, 1..=10, "times", "how often each thread enters"),
        seconds("stay", 0.25, 0.01..=0.5, "how long it stays inside"),
    ],
    actions: &[
        action("more", "One more permit", "main calls release() without ever having acquired"),
        action("fewer", "One permit fewer", "a guard acquires a permit, as soon as there is one, and keeps it"),
    ],
    script: &["0.5 fewer", "1.2 more"],
    notes: &[note(
        "a semaphore is a lock for several",
        "a lock belongs to who acquired it, a permit to nobody: main released permits that it never took, and in the end \
         {permits-left} were free",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
