//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const PROCESS_POOL: Scenario = Scenario {
    id: "process-pool",
    title: "Process pools",
    chapter: Chapter::Pools,
    concepts: &[48, 56, 57, 58],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "The first 3 of 12 tasks are slow. A pool of 4 workers takes the list in chunks of 6. How many workers share the slow tasks?",
        choices: &["One", "Three", "Four"],
        answer: 0,
        fact: "slow-tasks",
    },
    params: &[
        count("workers", 4, 1..=16, "processes", "workers of the second pool; the first one has as many as there are cores"),
        count("tasks", 12, 4..=16, "tasks", "tasks in the list; the first quarter is slow"),
        count("chunksize", 6, 1..=32, "tasks", "tasks that a worker of the second pool takes at a time"),
        seconds("each", 0.2, 0.05..=0.3, "how long a task takes; a slow one takes four times as long"),
    ],
    actions: &[on("go-on", "main", "main waits for map_async now")],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::SleepingLike("PoolWorker-"))], buttons: &[] },
    notes: &[
        note(
            "a pool has as many workers as the machine has cores",
            "workers of the first pool: {default-size}; from Python 3.13 on only the cores that the process may use count",
        ),
        note(
            "map_async's results have to be waited for",
            "tasks that were done when map came back, and when map_async did: {async-returns}",
        ),
        note(
            "a pool goes on when a worker dies",
            "multiprocessing.Pool replaces the worker and forgets its task; ProcessPoolExecutor (Thread pools) breaks and says so",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Pool>::default(),
};
