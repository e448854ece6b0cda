//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const QUEUE: Scenario = Scenario {
    id: "queue",
    title: "Queues",
    chapter: Chapter::Pools,
    concepts: &[51, 52, 54, 55],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Two consumers take items from a queue. After the last item main puts one END marker. How many of them stop?",
        choices: &["None", "One", "Both"],
        answer: 1,
        fact: "one-each",
    },
    params: &[
        count("producers", 2, 1..=4, "threads", "who put items on the belt"),
        count("consumers", 2, 1..=6, "threads", "who take them"),
        count("items", 40, 4..=60, "items", "items that the producers put, all together"),
        seconds("produce", 0.05, 0.005..=0.2, "how long it takes to make an item"),
        seconds("consume", 0.1, 0.005..=0.2, "how long it takes to use one up"),
        count("capacity", 8, 2..=32, "items", "the queue's largest size"),
        count("ends", 1, 1..=6, "markers", "END markers that main puts after the last item"),
        count("line", 17, 2..=24, "", "the first of four GPIO lines, an LED bar that shows how full the queue is"),
        count("button", 26, 2..=27, "", "GPIO line of the button: each press makes one more item"),
        seconds("patience", 7.0, 0.5..=60.0, "after this long main puts the markers that are missing, whatever you do"),
    ],
    actions: &[
        action("pause", "Pause a consumer", "the consumer that is named takes nothing").on("CONSUMER"),
        action("resume", "Resume a consumer", "the consumer that is named goes on").on("CONSUMER"),
        action("put", "One more item", "main puts one more item, while there is a consumer for it"),
        action("speed", "Set the speed", "its target is produce=SECONDS or consume=SECONDS, 0 to 0.2").on("WHAT=SECONDS"),
        action("marker", "One more END marker", "main puts one more END marker, after the last item"),
    ],
    script: &["0.3 put", "0.5 pause consumer-2", "1.2 resume consumer-2", "4.0 marker", "7.0 marker"],
    notes: &[note(
        "there has to be an END marker for each child process",
        "yes. Consumers that stopped: {one-each}; that waited for a marker of their own: {left-waiting}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
