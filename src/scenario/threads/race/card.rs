//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, replay, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const RACE: Scenario = Scenario {
    id: "race",
    title: "The race",
    chapter: Chapter::Threads,
    concepts: &[27],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads each add 1 to the same counter 150 times, without a lock. There are five such rounds. How many of a round's 600 updates are lost?",
        choices: &["None", "Exactly one", "Many, and in each round another number"],
        answer: 2,
        fact: "lost",
    },
    params: &[
        count("workers", 4, 2..=8, "threads", "threads that add to the counter"),
        count("rounds", 5, 1..=8, "rounds", "rounds without the lock; one with the lock follows"),
        count("updates", 150, 1..=400, "times", "how often each thread adds 1 in a round"),
        count("gap", 200, 1..=500, "hashes", "work between reading and writing"),
        count("outside", 600, 1..=1500, "hashes", "work that does not touch the counter"),
        seconds("pause", 0.5, 0.0..=2.0, "time between two rounds, to look"),
        replay(&["main", "worker-"]),
    ],
    actions: &[
        on("go-on", "main", "the next round begins at once"),
        on("hold", "lock counter_lock", "you hold the lock: in the last round, every thread waits for you"),
        on("release", "lock counter_lock", "you give it back"),
    ],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::Started("worker-"))], buttons: &[] },
    notes: &[note(
        "`counter = counter + 1` in several threads loses updates",
        "a matter of luck: Python must switch between the read and the write, and since 3.10 it switches only where a function is \
         called or a loop goes round. With work in between, {lost} updates were lost in all. Rust's threads read and write at the \
         same time on several cores",
    )],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Rounds>::default(),
};
