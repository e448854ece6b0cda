//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds, text};
use crate::scenario::definition::Scenario;

pub(crate) const ACROSS_SYSTEMS: Scenario = Scenario {
    id: "across-systems",
    title: "Processes across systems",
    chapter: Chapter::Time,
    concepts: &[59],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A worker is lost in the middle of a task. What becomes of that task?",
        choices: &["It is lost, too", "Another worker does it", "Main waits for it for ever"],
        answer: 1,
        fact: "lost",
    },
    params: &[
        text(
            "hosts",
            "",
            200,
            "machines with a worker each, such as pi@kitchen pi@shed; ssh must know them and get in without a password",
        ),
        count("local", 2, 0..=8, "workers", "that run on this machine"),
        count("tasks", 8, 4..=32, "tasks", "to be done"),
        count("size", 10, 5..=50, "thousand numbers", "of which a task counts the primes"),
        count("losses", 1, 0..=3, "workers", "that main kills in the middle of a task"),
        seconds("give_up", 1.5, 0.5..=5.0, "how long main waits for an answer before it acts"),
    ],
    actions: &[on("put", "queue todo 9", "one more task, the number 9")],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::WaitingAt("queue todo"))], buttons: &[] },
    notes: &[
        note(
            "processes across systems share a queue by a manager",
            "the queue stays in main, and workers get what its methods give over a connection. Rust has no manager, and uses pipes",
        ),
        note(
            "multiprocessing sends any object",
            "by pickle, which can run code: keep the port on 127.0.0.1, as here, and use a key",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Tasks>::default(),
};
