//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, PushButton, Shows, Wiring, bar, count, flag, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const QUEUE: Scenario = Scenario {
    id: "queue",
    title: "Queues",
    chapter: Chapter::Pools,
    concepts: &[51, 52, 54, 55],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Two mailers take mails from one queue. After the last mail main puts one END marker. How many mailers stop?",
        choices: &["None", "One", "Both"],
        answer: 1,
        fact: "one-each",
    },
    params: &[
        count("consumers", 2, 1..=6, "mailers", "mailers that take from the queue"),
        count("capacity", 4, 4..=32, "mails", "the queue's largest size"),
        seconds("consume", 0.5, 0.05..=0.8, "how long it takes to send a mail; each of two writers makes one in 0.2 s"),
        count("ends", 1, 0..=5, "markers", "END markers that main puts after the last mail"),
        flag("wait", true, "whether main waits for its mailers before it ends"),
    ],
    actions: &[
        on("put", "queue outbox END", "one more END marker"),
        on("put", "queue outbox hello", "one more mail"),
        on("go-on", "main", "main looks now whether a mailer is left"),
    ],
    script: &["0.6 put queue outbox hello"],
    wiring: Wiring {
        leds: &[bar().shows(Shows::ItemsIn("queue outbox"))],
        buttons: &[PushButton { line: Line::gpio(26), does: "put queue outbox hello" }],
    },
    notes: &[
        note(
            "make sure there is an END marker for each child",
            "mailers that stopped: {one-each}; that waited for a marker of their own: {left-waiting}",
        ),
        note(
            "a queue.Queue does for threads what a multiprocessing.Queue does for processes",
            "yes, with the same `put` and `get`: the Rust body has threads, the Python body processes",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Outbox>::default(),
};
