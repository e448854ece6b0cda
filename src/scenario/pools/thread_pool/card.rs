//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};
use crate::scenario::lesson::load::Load;

pub(crate) const THREAD_POOL: Scenario = Scenario {
    id: "thread-pool",
    title: "Thread pools",
    chapter: Chapter::Pools,
    concepts: &[90],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "24 tasks are handed to a pool of 4 workers. How many are at work at the same time, at most?",
        choices: &["1", "4", "24"],
        answer: 1,
        fact: "at-once",
    },
    params: &[
        count("workers", 4, 1..=32, "workers", "the pool's max_workers"),
        count("tasks", 24, 1..=28, "tasks", "tasks that are handed in at once"),
        choice("kind", &["thread", "process"], "what a worker is: a thread of this process, or a process of its own"),
        choice("work", Load::KINDS, "what a task does with its text: hash it, compress it, count its words"),
        seconds("each", 0.25, 0.02..=0.3, "how long a task would keep one core busy"),
    ],
    actions: &[
        action("submit", "One more task", "hands in one more task while the pool is open"),
        action("cancel", "Cancel what waits", "takes back the tasks that no worker has taken yet"),
    ],
    script: &["0.6 submit"],
    notes: &[note(
        "ProcessPoolExecutor and ThreadPoolExecutor are swapped by changing one word",
        "yes: set `kind`. Here the number of processes in which tasks ran was {processes}. Compare what each choice costs: `--compare kind=thread,process`",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
