//! Shared parts of the tests of the views: two lessons that are never run, and a harness with the window's fonts.

use egui::Ui;
use egui_kittest::Harness;

use crate::model::Event;
use crate::scenario::{
    Chapter, Facts, Judge, Lesson, LessonError, Note, Params, Prediction, Scenario, Wiring, action, choice, count, flag, note,
    seconds,
};
use crate::ui::gallery::Gallery;

fn never(_: &Lesson, _: &Params) -> Result<(), LessonError> {
    unreachable!("the tests of the window start no body")
}

#[derive(Debug, Default)]
struct Nobody;

impl Judge for Nobody {
    fn see(&mut self, _: &Event) {}

    fn claims(&self, _: &Params) -> Facts {
        Facts::new()
    }
}

pub(crate) static POOL: Scenario = Scenario {
    id: "thread-pool",
    title: "Thread pools",
    chapter: Chapter::Pools,
    concepts: &[90],
    text: "Four **workers** share a queue of jobs.\n\nEach takes the `next` one as soon as it is free.",
    prediction: Prediction {
        ask: "How many jobs run at the same time?",
        choices: &["One", "As many as there are workers", "All"],
        answer: 1,
        fact: "at-once",
    },
    params: &[
        count("workers", 4, 1..=64, "threads", "threads in the pool"),
        seconds("pause", 0.5, 0.0..=5.0, "time between jobs"),
        choice("work", &["hash", "count words"], "what a job does"),
        flag("verify", true, "whether the result is checked"),
    ],
    actions: &[
        action("more", "One more job", "puts a job into the queue"),
        action("give", "Give it", "gives a job to the worker that is named"),
        action("step", "Step", "lets one task go on"),
    ],
    script: &[],
    notes: &[NOTE],
    python: "import threading\n\ndef work():\n    print('hello')\n",
    rust: "fn main() {\n    println!(\"hello\");\n}\n",
    wiring: Wiring::NONE,
    run: never,
    judge: || Box::<Nobody>::default(),
};

const NOTE: Note = note("A pool is always faster.", "It took {elapsed} s here.");

pub(crate) static FORK: Scenario = Scenario {
    id: "fork",
    title: "Fork and join",
    chapter: Chapter::Processes,
    concepts: &[11],
    text: "A process splits in two.",
    prediction: Prediction { ask: "How often does fork return?", choices: &["Once", "Twice"], answer: 1, fact: "returns" },
    params: &[],
    actions: &[],
    script: &[],
    notes: &[],
    python: "import os\n",
    rust: "fn fork() {}\n",
    wiring: Wiring::NONE,
    run: never,
    judge: || Box::<Nobody>::default(),
};

pub(crate) static CATALOGUE: &[&Scenario] = &[&FORK, &POOL];

/// A view alone in a window of this size.
pub(crate) fn view<S>(width: f32, height: f32, state: S, draw: impl FnMut(&mut Ui, &mut S) + 'static) -> Harness<'static, S> {
    Harness::builder().with_size([width, height]).with_context_setup(Gallery::prepare).build_ui_state(draw, state)
}

/// The text that is copied within the next frames.
pub(crate) fn copied<S>(harness: &mut Harness<'_, S>) -> Option<String> {
    (0..5).find_map(|_| {
        harness.run_steps(1);
        harness.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    })
}
