//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, note, seconds};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const COMMUNICATE: Scenario = Scenario {
    id: "communicate",
    title: "Talking to a program",
    chapter: Chapter::Programs,
    concepts: &[82, 83, 84, 85],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "sort gets three lines, one after the other. How many bytes does it answer before its input has ended?",
        choices: &["None", "A line for each line", "All, but not in order"],
        answer: 0,
        fact: "silent",
    },
    params: &[
        choice("program", &["sort", "cat"], "whom you talk to"),
        count("mebibytes", 32, 16..=128, "MiB", "how much gzip unpacks for us, twice"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long its standard input is closed, whatever you do"),
    ],
    actions: &[
        action("send", "Send a line", "writes the target and a line end to the program's standard input").on("TEXT"),
        action("close", "Close its input", "closes its standard input: the end of file"),
    ],
    script: &["0.4 send pear", "0.6 send apple", "0.8 send fig", "1.2 close"],
    notes: &[note(
        "if error != None, the program has complained",
        "with stderr=PIPE error is never None: its length here: {error-bytes} bytes. Ask `if error`",
    )],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
