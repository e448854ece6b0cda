//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, STEP, Wiring, action, count, flag, note, seconds, text};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const RACE: Scenario = Scenario {
    id: "race",
    title: "The race",
    chapter: Chapter::Threads,
    concepts: &[27],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads each add 1 to the same counter 200 times, without a lock, in five rounds. How many of the 4,000 updates are lost?",
        choices: &["None", "Exactly one", "Many, and each time another number"],
        answer: 2,
        fact: "lost",
    },
    params: &[
        count("workers", 4, 2..=8, "threads", "threads that add to the counter"),
        count("rounds", 5, 1..=12, "rounds", "how often they all add, each time from 0; once where you decide each step"),
        count("updates", 200, 20..=2000, "times", "how often each one adds 1 in a round; twice where you decide each step"),
        count("gap", 500, 0..=1000, "µs", "time between reading and writing: widened on purpose, so that it happens often"),
        seconds("pause", 0.5, 0.0..=2.0, "time between two rounds, to look and to press"),
        flag("lock", false, "whether a lock is held from reading to writing"),
        flag("step", false, "whether to begin in step mode: each thread waits before each step until you let it go"),
        text("replay", "", 500, "an order of steps to follow: names with blanks between, as the value order showed it"),
    ],
    actions: &[
        action("lock", "Lock", "switches the lock on or off, from the next round on").on("[on|off]"),
        action("again", "One more round", "one more round after the others"),
        action(STEP, "Step", "on or off switches step mode; a task's name lets that one take its next step").on("[on|off|TASK]"),
    ],
    script: &["8 step off"],
    notes: &[note(
        "counter = counter + 1 in several threads loses updates",
        "that is a matter of luck: without a gap {updates lost without a gap} of {updates without a gap} were lost, with the gap \
         {lost updates}. Python seldom switches between the read and the write; Rust's threads do both at the same time, \
         if they get a core each",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
