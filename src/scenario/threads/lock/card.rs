//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const LOCK: Scenario = Scenario {
    id: "lock",
    title: "Locks",
    chapter: Chapter::Threads,
    concepts: &[28, 29, 30, 31, 32],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A thread acquires a lock. Then an error ends the thread, before it releases the lock. What becomes of the lock?",
        choices: &["It is released when the thread ends", "It stays held", "It breaks, and who asks for it next gets the error"],
        answer: 1,
        fact: "left-held",
    },
    params: &[
        count("workers", 4, 2..=8, "threads", "threads that use the tool"),
        count("rounds", 3, 1..=6, "times", "how often each of them uses it"),
        seconds("section", 0.25, 0.05..=1.0, "how long each one keeps the lock"),
        seconds("outside", 0.3, 0.0..=1.0, "how long each one is busy without it"),
        seconds("pause", 3.0, 0.5..=5.0, "how long main waits for the lock at the end"),
    ],
    actions: &[
        on("hold", "lock tool", "you ask for the lock, and keep it once you have it"),
        on("release", "lock tool", "you give it back, or release it whoever has it"),
        on("another", "worker-1", "one more thread that wants the tool"),
    ],
    script: &["0.6 hold lock tool", "1.4 release lock tool"],
    wiring: Wiring { leds: &[led(&[Line::gpio(17)]).shows(Shows::Holding("lock tool"))], buttons: &[] },
    notes: &[
        note(
            "a listing forgets `global counter`",
            "UnboundLocalError, and the lock stays held: whether main got it within its time limit: {left-held}",
        ),
        note("a lock has a concept of ownership", "an RLock has; a Lock takes a release from any thread: {owner}"),
        note(
            "a lock makes a program slow",
            "what is under the lock runs one after another: {one-by-one} ms in all for all sections",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Tool>::default(),
};
