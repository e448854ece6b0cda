//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::body;
use crate::scenario::card::{Chapter, Prediction, Wiring, action, count, flag, note, seconds};
use crate::scenario::definition::{Body, Scenario};

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
        fact: "outlive",
    },
    params: &[
        count("children", 2, 1..=8, "processes", "children of the parent that is going to die"),
        flag("adopt", false, "whether the grandparent adopts orphans (prctl PR_SET_CHILD_SUBREAPER)"),
        seconds("patience", 20.0, 1.0..=60.0, "after this long the parent is killed and the children end, whatever you do"),
    ],
    actions: &[
        action("adopt", "Adopt orphans", "target yes or no: whether the grandparent takes the orphans of this family")
            .on("yes|no"),
        action("finish", "Let them end", "the orphans end; if the parent still lives, it is killed first"),
    ],
    script: &["0.5 kill parent", "1.2 finish"],
    notes: &[
        note("an orphan's new parent is process 1", "here it is {new-parent}: the nearest ancestor that adopts"),
        note(
            "Windows has few ties between parent and child",
            "not on this machine. There nobody gets a new parent, and a child's handle has to be kept; here the orphans' parent became {new-parent}",
        ),
    ],
    wiring: Wiring::NONE,
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    body: Body::Claiming(body::run),
};
