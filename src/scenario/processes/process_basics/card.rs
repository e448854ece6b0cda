//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, choice, count, note, on, seconds, text};
use crate::scenario::definition::Scenario;

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
        seconds("life", 5.0, 4.0..=7.0, "how long a copy lives"),
        seconds("pause", 1.5, 0.5..=2.0, "how long the parent does something else, before it kills copy-2"),
    ],
    actions: &[on("go-on", "main", "the parent goes on at once")],
    script: &[],
    notes: &[
        note(
            "a child inherits its parent's open files",
            "the lines of all {pids} copies came through the parent's standard output. Python's subprocess closes other files unless told not to",
        ),
        note("a process is an instance of a program", "{pids} copies of one program ran here, each with its own PID"),
    ],
    wiring: Wiring { leds: &[bar().shows(Shows::Alive("copy-"))], buttons: &[] },
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Copies>::default(),
};
