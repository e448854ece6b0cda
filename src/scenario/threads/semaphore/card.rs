//! The card of this lesson: what is asked, what can be set and done, and where books and this machine differ.

use super::{body, judge};
use crate::scenario::card::{Chapter, Prediction, Shows, Wiring, bar, count, note, on, seconds};
use crate::scenario::definition::Scenario;

pub(crate) const SEMAPHORE: Scenario = Scenario {
    id: "semaphore",
    title: "Semaphores",
    chapter: Chapter::Threads,
    concepts: &[34],
    text: include_str!("text.md"),
    prediction: Prediction {
        ask: "Three threads have the three permits of a semaphore, and others wait. Main never acquired one, and calls release(). What happens?",
        choices: &[
            "An error: main has no permit to give back",
            "Nothing: three may be inside, as before",
            "A fourth thread gets in",
        ],
        answer: 2,
        fact: "extra",
    },
    params: &[
        count("threads", 8, 1..=16, "threads", "threads that want to enter"),
        count("permits", 3, 1..=8, "permits", "permits at the start: Semaphore(permits)"),
        count("visits", 4, 1..=8, "times", "how often each thread enters"),
        seconds("stay", 0.5, 0.2..=1.0, "how long it stays inside"),
        seconds("pause", 1.8, 0.5..=5.0, "when main releases a permit"),
    ],
    actions: &[
        on("acquire", "semaphore door", "you take a permit, as soon as there is one, and keep it"),
        on("release", "semaphore door", "you release a permit, whether you have one or not"),
        on("go-on", "main", "main releases its permit now"),
        on("another", "visitor-1", "one more thread that wants to enter"),
    ],
    script: &["4.4 acquire semaphore door", "4.9 release semaphore door"],
    wiring: Wiring { leds: &[bar().shows(Shows::Holding("semaphore door"))], buttons: &[] },
    notes: &[
        note(
            "a semaphore is a lock for several, and nobody owns it",
            "so it is: main released a permit that it never took, and then {extra} were inside. A plain `Lock` has no owner either \
             (see the lesson Locks); of the three only an `RLock` has one",
        ),
        note("a semaphore keeps count of who may", "only a `BoundedSemaphore` notices a release too many: {bounded}"),
    ],
    python: include_str!("body.py"),
    rust: include_str!("body.rs"),
    run: body::run,
    judge: || Box::<judge::Door>::default(),
};
