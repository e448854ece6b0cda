//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, choice, count, flag, note, seconds, text};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const POPEN: Scenario = Scenario {
    id: "popen",
    title: "Every Popen argument",
    chapter: Chapter::Programs,
    concepts: &[72, 74, 75, 76, 77, 78, 79, 80, 81],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Popen has just started a program that runs for a while. What does poll() give now, and what at the end?",
        choices: &["0, and later its status", "None, and later its status", "It waits until the end"],
        answer: 1,
        fact: "poll",
    },
    params: &[
        choice("stdin", &["pipe", "null", "file"], "where standard input of the second sleeper comes from"),
        choice("stdout", &["pipe", "null", "file", "inherit"], "where its standard output goes"),
        choice("stderr", &["stdout", "pipe", "null", "file", "inherit"], "where its standard error goes"),
        text("name", "somebody-else", 15, "what a program gets as args[0], in place of its own name"),
        count("nice", 5, 0..=19, "", "what preexec_fn adds to the niceness"),
        flag("session", true, "whether preexec_fn starts a session"),
        text("colour", "teal", 15, "what the variable COLOUR is set to by env"),
        count("lines", 3, 2..=50, "lines", "how many are written with a buffer, and without"),
        count("status", 7, 0..=255, "", "the status that the polled program exits with"),
        seconds("pause", 0.2, 0.0..=1.0, "time between two steps, to look at the rows"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the polled program is answered, whatever you do"),
    ],
    actions: &[
        action("poll", "Poll", "asks whether the polled program still runs, without waiting"),
        action("answer", "Answer", "gives the polled program the line that it waits for"),
    ],
    script: &["0.2 poll", "1.2 answer"],
    notes: &[
        note(
            "close_fds=False: a program inherits your open files",
            "that was long ago: by default it has descriptors {close-fds}, and no other",
        ),
        note(
            "bufsize=0: what you write arrives at once",
            "by default there is a buffer: pieces in which all lines came: {buffered}",
        ),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
