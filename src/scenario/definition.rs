//! A scenario: its card, its texts and its body.

use crate::scenario::card::{ActionSpec, Chapter, Facts, Note, ParamSpec, Params, Prediction};
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
    /// The things to look for and their reasons, at most 120 words of Markdown.
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
    /// The Rust body.
    pub run: fn(&Lesson, &Params) -> Result<Facts, LessonError>,
}
