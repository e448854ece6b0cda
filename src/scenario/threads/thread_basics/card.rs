//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, flag, note, on, seconds, text};
use crate::scenario::definition::Scenario;

pub(crate) const THREAD_BASICS: Scenario = Scenario {
    id: "thread-basics",
    title: "Threads",
    chapter: Chapter::Threads,
    concepts: &[2, 16, 17, 18, 19, 20, 21, 22, 24],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Main makes four thread objects, and starts none of them. How many threads does the process have then?",
        choices: &["One: main", "Four", "Five: main and four that wait"],
        answer: 0,
        fact: "not-before-start",
    },
    params: &[
        count("threads", 3, 1..=8, "threads", "thread objects with a function; the clock is one more"),
        text("name", "th", 10, "what their names begin with; a number follows"),
        flag("comma", true, "whether args is a tuple, (\"T1\",), or by mistake without its comma, (\"T1\")"),
        seconds("life", 2.0, 1.0..=5.0, "how long each function works"),
        seconds("pause", 1.2, 0.3..=3.0, "how long main waits before it starts them, and faulty before it fails"),
    ],
    actions: &[on("go-on", "main", "main starts the threads now"), on("go-on", "th1", "ends a thread's work early")],
    script: &[],
    wiring: Wiring { leds: &[bar().shows(Shows::Started("th"))], buttons: &[] },
    notes: &[
        note(
            "if one thread fails, it kills all",
            "an exception ended faulty alone, and how quiet ended is: {fail}; a crash ended the process: {crash}",
        ),
        note(
            "args='T1' hands over T1",
            "args is a tuple. ('T1') without a comma is the text itself, and hands over T and 1; here the number of arguments was {args}",
        ),
        note(
            "`th1.setName('t1')`",
            "it still works, and Python warns that it is deprecated (since 3.10): write `th1.name = 't1'`, or `name=` where the \
             thread is made",
        ),
        note(
            "the name is for the program alone",
            "the tree shows it, too: the kernel has a name for each thread. Python sets it since 3.14; for older ones Task Lab's \
             observer does",
        ),
        note("threading.thread makes a thread", "that is an AttributeError: the class is threading.Thread"),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Lives>::default(),
};
