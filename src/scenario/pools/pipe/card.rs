//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, count, led, note, on, seconds, text};
use crate::scenario::definition::Scenario;

const GPIO17: &[Line; 1] = &[Line::gpio(17)];

pub(crate) const PIPE: Scenario = Scenario {
    id: "pipe",
    title: "Pipes",
    chapter: Chapter::Pools,
    concepts: &[49, 50],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Two processes write long records to one end of a pipe, without a lock. What becomes of the records?",
        choices: &["All arrive whole", "Pieces of both are mixed", "Some are lost"],
        answer: 1,
        fact: "torn",
    },
    params: &[
        text("word", "hello", 40, "what main sends to the echo"),
        count("records", 10, 2..=50, "records", "records that each of the two writers writes"),
        count("size", 300, 1..=400, "kB", "length of a record"),
        seconds("pause", 1.2, 0.3..=3.0, "how long main does not read, so that both writers get stuck"),
    ],
    actions: &[on("go-on", "main", "main sends now, or reads now")],
    script: &[],
    wiring: Wiring { leds: &[led(GPIO17).shows(Shows::SleepingLike("main"))], buttons: &[] },
    notes: &[
        note(
            "two users of one end of a pipe may corrupt its data",
            "records that were torn without a lock: {torn}; that came whole with one: {locked}",
        ),
        note("a pipe holds a few KiB", "{capacity} bytes"),
        note(
            "pipes are full-duplex",
            "`Pipe()` is (the kernel calls it a socket pair); `Pipe(duplex=False)` and `os.pipe()` go one way",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Pipe>::default(),
};
