//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const PIPE: Scenario = Scenario {
    id: "pipe",
    title: "Pipes",
    chapter: Chapter::Pools,
    concepts: &[49, 50],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Two processes write long records to one end of a pipe, without a lock. What becomes of the records?",
        choices: &["All arrive whole", "Some are torn: pieces of both are mixed", "Some are lost"],
        answer: 1,
        fact: "torn",
    },
    params: &[
        count("records", 40, 10..=200, "records", "that each of the two writers writes in a round"),
        count("size", 100, 1..=200, "kB", "length of a record"),
        seconds("pause", 0.3, 0.0..=1.0, "time before each round"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long our end of the echo's pipe is closed, whatever you do"),
    ],
    actions: &[
        action("send", "Send to the echo", "sends the target through our end; the echo sends it back in capitals").on("TEXT"),
        action("close", "Close our end", "the other side finds the end of file"),
        action("lock", "One more round", "the target says how the two writers write: on, with the lock, or off").on("on|off"),
    ],
    script: &["0.3 send hello", "0.5 send a pipe has two ends", "0.8 close", "0.9 lock off"],
    notes: &[note(
        "two users of one end of a pipe may corrupt its data",
        "torn records of two writers: {torn}; with a lock: {locked}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
