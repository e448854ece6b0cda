//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, note, seconds, text};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const PROCESS_BASICS: Scenario = Scenario {
    id: "process-basics",
    title: "Programs, processes, families",
    chapter: Chapter::Processes,
    concepts: &[1, 3, 4, 7],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "One program is started three times. Then one of the three is killed. How many go on?",
        choices: &["None: it is the same program", "Two", "Three"],
        answer: 1,
        fact: "others-live",
    },
    params: &[
        count("copies", 3, 2..=12, "processes", "how often the program is started"),
        choice("folder", &["/tmp", "/", "/usr"], "working directory of the parent when it starts them"),
        text("greeting", "hello", 40, "what the variable GREETING is set to before they start"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long all end, whatever you do"),
    ],
    actions: &[
        action("background", "Send to the background", "the parent stops waiting for the job, and goes on with work of its own"),
        action("foreground", "Bring to the foreground", "the parent waits for the job again"),
        action("parents", "Show the line of parents", "of the process that is named, up to the one that has none").on("COPY"),
        action("finish", "Let them end", "the copies find the end of their input, and end; so does the job"),
    ],
    script: &["0.5 background", "0.8 kill copy-2", "1.1 parents copy-1", "1.4 finish"],
    notes: &[
        note(
            "a child inherits its parent's open files",
            "under the same number: {open-file}. Python's subprocess closes them unless told not to",
        ),
        note("a process is an instance of a program", "{pids} copies of one file ran here, each with its own PID"),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
