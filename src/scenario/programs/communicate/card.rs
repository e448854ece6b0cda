//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::model::Line;
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, choice, count, led, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const COMMUNICATE: Scenario = Scenario {
    id: "communicate",
    title: "Talking to a program",
    chapter: Chapter::Programs,
    concepts: &[82, 83, 84, 85],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "sort gets three words, one after the other. How many lines has it answered before its input is closed?",
        choices: &["None", "Three: a line for each word", "One: the smallest word"],
        answer: 0,
        fact: "silent",
    },
    params: &[
        choice("program", &["sort", "cat"], "the program that main talks to"),
        count("mebibytes", 32, 16..=128, "MiB", "how long the story is that gzip unpacks, twice"),
        seconds("pause", 0.6, 0.2..=1.0, "time between two words, and between two steps"),
    ],
    actions: &[on("go-on", "main", "says the next word at once")],
    script: &["1.0 go-on main"],
    wiring: Wiring {
        leds: &[led(&[Line::gpio(17)]).shows(Shows::Program("talker")), led(&[Line::gpio(27)]).shows(Shows::Program("gunzip"))],
        buttons: &[],
    },
    notes: &[
        note(
            "if error != None, the program has complained",
            "with stderr=PIPE, error is never None. Here it was an empty text: {error-bytes}. Ask `if error`",
        ),
        note(
            "Popen(['/bin/ls', '-l']) and communicate() bring you the list",
            "no PIPE, no list: the list went to the screen, and we got {no-pipe}",
        ),
        note(
            "Popen('gzip -dc x') starts gzip",
            "on Linux one text is the name of one program: FileNotFoundError. Write a list, or shell=True",
        ),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Talk>::default(),
};
