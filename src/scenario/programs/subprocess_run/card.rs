//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, flag, note, seconds, text};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const SUBPROCESS_RUN: Scenario = Scenario {
    id: "subprocess-run",
    title: "Running a program",
    chapter: Chapter::Programs,
    concepts: &[69, 70, 71, 73],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "echo *.py runs as a list of two words, without a shell. What does it print?",
        choices: &["The names of the Python files", "*.py", "Nothing: it fails"],
        answer: 1,
        fact: "no-shell",
    },
    params: &[
        choice(
            "way",
            &["both", "list", "shell"],
            "how a program is started; a list or a shell alone only makes calls, to compare",
        ),
        count("calls", 200, 1..=1000, "calls", "how many those are"),
        text("word", "café", 20, "what the captured program prints"),
        flag("text", false, "whether the captured output is read as text instead of bytes"),
        count("status", 3, 0..=255, "", "the status that a program exits with"),
        count("files", 3, 1..=20, "files", "Python files in the folder in which the shell expands *.py"),
        seconds("pause", 0.2, 0.0..=1.0, "time between two programs, to look at the rows"),
        seconds("patience", 20.0, 1.0..=60.0, "when you have printed nothing for so long, the lesson ends"),
    ],
    actions: &[
        action("print", "Print your text", "runs a program with the target as its only word, and without a shell").on("TEXT"),
        action("done", "That is all", "ends the lesson as soon as it has shown everything; calls alone at once"),
    ],
    script: &["0.3 print $HOME; echo *.py", "0.6 done"],
    notes: &[note(
        "the output of a program that you run comes back to you",
        "only if you ask for it: result.stdout is {no-capture}",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
