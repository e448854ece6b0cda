//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, flag, note, seconds, text};
use crate::scenario::definition::{Body, Scenario};

pub(crate) const THREAD_BASICS: Scenario = Scenario {
    id: "thread-basics",
    title: "Threads",
    chapter: Chapter::Threads,
    concepts: &[2, 16, 17, 18, 19, 20, 21, 22, 24],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Three thread objects are made, and none is started. How many threads does the process get by that?",
        choices: &["None", "Three", "Four, with one that waits to start them"],
        answer: 0,
        fact: "not-before-start",
    },
    params: &[
        count("threads", 3, 1..=8, "threads", "thread objects that are made"),
        text("name", "th", 10, "what their names begin with; a number follows"),
        flag("comma", true, "whether args is written as a tuple, ('T1',), or by mistake without its comma, ('T1')"),
        seconds("life", 2.0, 0.01..=5.0, "how long each function works"),
        seconds("patience", 30.0, 1.0..=60.0, "after this long main does by itself whatever you have not done"),
    ],
    actions: &[
        action("start", "start()", "starts the thread that is named, or all that were not started").on("[THREAD]"),
        action("is-alive", "is_alive()", "asks whether the function of the thread that is named still runs, or of all")
            .on("[THREAD]"),
        action("join", "join()", "main waits for the end of the thread that is named, or of all; meanwhile it is deaf")
            .on("[THREAD]"),
        action(
            "join-timeout",
            "join(0.1)",
            "main waits for the thread that is named, or for all, but not longer than 0.1 s for each",
        )
        .on("[THREAD]"),
        action("raise", "Raise an exception", "one thread of crash-test raises an exception that nobody catches"),
        action("abort", "Abort", "one thread of crash-test calls abort(), as a crash would"),
    ],
    script: &["0.2 start", "0.5 is-alive", "0.8 join", "2.6 raise", "3.0 abort"],
    notes: &[
        note(
            "if one thread fails, it kills all",
            "an exception ended one thread alone, and {exception} were left; a crash ended the process: {crash}",
        ),
        note(
            "args='T1' hands over T1",
            "args is a tuple. ('T1') without a comma is the text itself, and hands over T and 1; here the number of arguments was {args}",
        ),
        note(
            "the name is for the program alone",
            "the kernel shows it, too: {names}. Python sets it there since 3.14, older ones leave it to you; at first it was \
             {the first thread's name at first}",
        ),
        note("threading.thread makes a thread", "that is an AttributeError: the class is threading.Thread"),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
