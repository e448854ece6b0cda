//! A scenario: its card, its texts and its body.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Action, Line};
use crate::scenario::card::{ActionSpec, Chapter, Judge, Note, ParamSpec, Params, Prediction, Wiring, with_knobs};
use crate::scenario::lesson::{Lesson, LessonError};

/// One lesson: the card, its parameters, its actions. The body is found by the worker role through the catalogue.
#[derive(Debug)]
pub struct Scenario {
    /// Its stable id: the name of the folder that holds its card and its two bodies, with `-` for `_`.
    pub id: &'static str,
    /// The heading, at most 30 characters.
    pub title: &'static str,
    /// Its chapter in the library.
    pub chapter: Chapter,
    /// The concepts that it shows, by their numbers in the concept list.
    pub concepts: &'static [u16],
    /// Markdown of at most 120 words: two sentences about what will be seen, and after an empty line the reasons.
    pub text: &'static str,
    /// The question that is asked before Start.
    pub prediction: Prediction,
    /// The parameters.
    pub params: &'static [ParamSpec],
    /// The actions of a person while it runs, besides signals.
    pub actions: &'static [ActionSpec],
    /// The demo script of a headless run, which ends it: lines like those of `--do`.
    pub script: &'static [&'static str],
    /// Differences between books and this machine.
    pub notes: &'static [Note],
    /// The Python twin's text.
    pub python: &'static str,
    /// The Rust body's text, for the code pane.
    pub rust: &'static str,
    /// What its LEDs show and its push buttons do.
    pub wiring: Wiring,
    /// The Rust body.
    pub run: fn(&Lesson, &Params) -> Result<(), LessonError>,
    /// Makes the judge of one run, whichever body it is of.
    pub judge: fn() -> Box<dyn Judge>,
}

impl Scenario {
    /// The action that a press of the button at this line is, if the card says so.
    pub fn press(&self, line: Line) -> Option<Action> {
        let button = self.wiring.buttons.iter().find(|button| button.line == line)?;
        let (word, target) = button.does.split_once(' ').unwrap_or((button.does, ""));
        Some(Action::own(word, target))
    }

    /// Its Python body with these parameters, as it is run and shown.
    pub fn python_with(&self, params: &BTreeMap<String, Value>) -> String {
        with_knobs(self.python, params)
    }

    /// Whether its Python body asks for the pins of the header with gpiozero.
    pub fn needs_gpiozero(&self) -> bool {
        self.python.contains("from gpiozero import")
    }

    /// The text before a run: it says what will be seen, and not why.
    pub fn intro(&self) -> &'static str {
        self.text.split_once("\n\n").map_or(self.text, |(intro, _)| intro)
    }

    /// The text that comes with the result: why it is so.
    pub fn explanation(&self) -> Option<&'static str> {
        self.text.split_once("\n\n").map(|(_, explanation)| explanation)
    }
}
