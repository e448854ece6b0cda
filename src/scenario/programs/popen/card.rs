//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds, text};
use crate::scenario::definition::Scenario;

pub(crate) const POPEN: Scenario = Scenario {
    id: "popen",
    title: "Every Popen argument",
    chapter: Chapter::Programs,
    concepts: &[72, 74, 75, 76, 77, 78, 79, 80, 81],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Popen has just started a program that runs for a while. What does poll() give now, and what at the end?",
        choices: &["0, and later its status", "None, and later its status", "Nothing: it waits until the end"],
        answer: 1,
        fact: "poll",
    },
    params: &[
        count("status", 7, 0..=255, "", "the status that the polled program ends with"),
        text("colour", "teal", 15, "what the variable COLOUR is in the guest's environment"),
        count("nice", 5, 0..=19, "", "what preexec_fn adds to the guest's niceness"),
        count("lines", 3, 2..=10, "lines", "that are written with a buffer, and without"),
        seconds("pause", 0.6, 0.0..=1.0, "time between two steps"),
    ],
    actions: &[on("go-on", "main", "the next step comes at once")],
    script: &[],
    wiring: Wiring {
        leds: &[
            led(&[Line::gpio(17)]).shows(Shows::Program("runner")),
            led(&[Line::gpio(27)]).shows(Shows::Program("guest")),
            led(&[Line::gpio(22)]).shows(Shows::Program("cat")),
        ],
        buttons: &[],
    },
    notes: &[
        note(
            "close_fds=False: a program inherits your open files",
            "that is an old default. Now it is True. Whether test found our file with close_fds=True, and with False: {close-fds}",
        ),
        note(
            "bufsize=0: what you write arrives at once",
            "the old default, too. Now there is a buffer. Lines that arrived before the close, without a buffer and with one: \
             {buffered}",
        ),
        note("universal_newlines=True", "still works; text=True is its newer name"),
        note(
            "preexec_fn does anything you like in the child",
            "with threads in the parent it may hang. start_new_session, process_group, user and umask do the same without it",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Arguments>::default(),
};
