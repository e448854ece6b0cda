//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const GIL: Scenario = Scenario {
    id: "gil",
    title: "The interpreter lock (GIL)",
    chapter: Chapter::Threads,
    concepts: &[6, 14, 41, 42, 43],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Four threads count in pure Python, on a machine with several cores. How many cores do they keep busy, all together?",
        choices: &["About one", "Two", "As many as there are"],
        answer: 0,
        fact: "threads-cores",
    },
    params: &[
        choice(
            "kind",
            &["all", "threads", "processes"],
            "what computes; threads or processes alone count a fixed number of steps, to compare",
        ),
        count("workers", 4, 1..=8, "workers", "threads, and then processes, that compute at the same time"),
        seconds(
            "span",
            0.6,
            0.2..=1.2,
            "how long they compute each time; of threads or processes alone, how long each would on a core of its own",
        ),
        count("interval", 5, 1..=50, "ms", "the switch interval: how long a thread may keep the lock while others wait"),
        count("affinity", 0, 0..=64, "cores", "cores that all of this may run on; 0: all there are"),
    ],
    actions: &[action(
        "interval",
        "Other switch interval",
        "has the threads compute once more; its target is the switch interval, 1 to 50 ms",
    )
    .on("MILLISECONDS")],
    script: &["0.8 interval 1"],
    notes: &[
        note(
            "a thread keeps the lock for 100 byte codes",
            "since Python 3.2 it keeps it for a time: a turn took {length of a turn (ms)} ms, {steps-in-a-turn} steps",
        ),
        note("one Python thread runs at a time", "cores that the threads used, on the average: {threads-cores}"),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
