//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const JOINABLE_QUEUE: Scenario = Scenario {
    id: "joinable-queue",
    title: "Joinable queues",
    chapter: Chapter::Pools,
    concepts: &[53],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Workers have taken all items, and the queue is empty. One of them has its item ready, but does not call `task_done`. What does `join` do?",
        choices: &["It comes back: the queue is empty", "It waits", "It raises an error"],
        answer: 1,
        fact: "held-back",
    },
    params: &[
        count("workers", 3, 1..=6, "workers", "workers that take items"),
        count("items", 9, 4..=24, "items", "items that main puts"),
        seconds("work", 0.6, 0.05..=1.0, "how long an item takes"),
        count("held", 1, 0..=3, "items", "the last items, which are reported only when you say so"),
        seconds("pause", 3.0, 0.5..=5.0, "after this long they are reported, whatever you do"),
    ],
    actions: &[
        on("set", "event report", "the items that are held back are reported now"),
        on("put", "queue todo 10", "one more item"),
    ],
    script: &["0.7 put queue todo 10", "4.0 set event report"],
    wiring: Wiring { leds: &[bar().shows(Shows::SleepingLike("worker-"))], buttons: &[] },
    notes: &[
        note(
            "a JoinableQueue is a queue with task_done and join",
            "{empty} items were still at work when the queue was empty; join waited {held-back} s for one that was not reported",
        ),
        note("queue.Queue has it as well", "yes, for threads: queue.Queue counts, too, and multiprocessing.Queue does not"),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Todo>::default(),
};
