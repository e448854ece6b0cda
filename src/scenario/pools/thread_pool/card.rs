//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, choice, count, note, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const THREAD_POOL: Scenario = Scenario {
    id: "thread-pool",
    title: "Thread pools",
    chapter: Chapter::Pools,
    concepts: &[90],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Ten tasks wait 0.8 s each, and a pool of 4 workers does them. How long do all ten take?",
        choices: &["0.8 s", "2.4 s", "8 s"],
        answer: 1,
        fact: "took",
    },
    params: &[
        count("workers", 4, 1..=32, "workers", "the pool's max_workers"),
        count("tasks", 10, 1..=24, "tasks", "tasks that are handed in at once"),
        choice("kind", &["thread", "process"], "what a worker is: a thread of this process, or a process of its own"),
        choice("work", &["wait", "hash", "count"], "what a task does: wait for an answer, hash (without Python's lock), count"),
        seconds("each", 0.8, 0.1..=1.0, "how long a task waits; 1.0 is a million rounds of hashing, or ten million numbers"),
    ],
    actions: &[],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::RunningLike("task-"))], buttons: &[] },
    notes: &[
        note(
            "ProcessPoolExecutor and ThreadPoolExecutor are swapped by changing one word",
            "yes: set `kind`. Here the number of processes in which tasks ran was {processes}. Compare what each choice costs: `--compare kind=thread,process`",
        ),
        note(
            "a pool makes Python faster",
            "it does while tasks wait, and with processes. Compare: `--set work=count --compare kind=thread,process`",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Pool>::default(),
};
