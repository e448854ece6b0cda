//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, flag, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const ORPHAN: Scenario = Scenario {
    id: "orphan",
    title: "Orphans",
    chapter: Chapter::Processes,
    concepts: &[8, 15],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "A parent is killed. What becomes of its two children?",
        choices: &["They die with it", "They live on without a parent", "They live on, and get another parent"],
        answer: 2,
        fact: "new-parent",
    },
    params: &[
        count("children", 2, 1..=8, "processes", "children of the parent that is going to die"),
        flag("adopt", false, "whether the grandparent is a subreaper: prctl PR_SET_CHILD_SUBREAPER"),
        seconds("pause", 2.0, 0.5..=5.0, "how long the parent lives, unless somebody kills it earlier"),
        seconds("gap", 0.5, 0.3..=0.5, "between two children that speak"),
    ],
    actions: &[on("go-on", "main", "the grandparent kills the parent now")],
    script: &["1.2 kill child-1"],
    notes: &[
        note("an orphan's new parent is process 1", "here it is process {new-parent}: the nearest ancestor that adopts"),
        note(
            "Windows has few ties between parent and child",
            "not on this machine. There nobody gets a new parent; here the orphans' parent became process {new-parent}",
        ),
    ],
    wiring: Wiring { leds: &[bar().shows(Shows::Alive("child-"))], buttons: &[] },
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Orphans>::default(),
};
