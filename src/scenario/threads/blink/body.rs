//! Blink: a thread lets an LED blink while main waits for a button (concepts 2 and 17).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Level, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::{Event, Lesson, LessonError, Worker};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    lesson.button(params.line("button"));
    let may_blink = lesson.event("may blink");
    may_blink.set();
    let lamp = Lamp { lesson, params, may_blink, seen: Mutex::default() };

    lesson.scope(|scope| {
        let blinker = scope.threads_named(["blinker"], |blinker| lamp.blink(blinker))?;
        main.waiting("you", None);
        // A press of the button, or `pause`: there is nothing else to ask for.
        blinker.join(|_| {
            lamp.pause_or_go_on();
            Ok(())
        })
    })?;
    main.finish("ok");
    let seen = lamp.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    lesson.value("last change late by (ms)", (seen.late.as_secs_f64() * 1e4).round() / 10.0);
    Ok(facts(&seen, params.count("changes")))
}

/// The LED, and what the blinker and main share.
struct Lamp<'s> {
    lesson: &'s Lesson,
    params: &'s Params,
    /// What the blinker waits for while it is paused.
    may_blink: Event<'s>,
    seen: Mutex<Seen>,
}

/// What was seen of the LED.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Seen {
    changes: usize,
    /// Changes before they were due.
    early: usize,
    /// How many changes there were when it was paused, while it is.
    paused_at: Option<usize>,
    while_paused: usize,
    pauses: usize,
    /// How late the last change was.
    late: Duration,
}

impl Lamp<'_> {
    fn blink(&self, blinker: &Worker<'_>) {
        let every = self.params.seconds("every");
        let mut due = Instant::now();
        for change in 1..=self.params.count("changes") {
            due += every;
            blinker.sleep(due.saturating_duration_since(Instant::now()));
            while !self.change(due, change % 2 == 1) {
                if !self.may_blink.wait(Some(self.params.seconds("patience"))) {
                    self.go_on();
                }
                due = Instant::now();
            }
        }
    }

    /// Switches the LED, unless it is paused.
    fn change(&self, due: Instant, is_on: bool) -> bool {
        let mut seen = self.seen();
        if seen.paused_at.is_some() {
            return false;
        }
        self.lesson.gpio(self.params.line("line"), Level::high_if(is_on));
        let now = Instant::now();
        seen.changes += 1;
        seen.early += usize::from(now < due);
        seen.late = now.saturating_duration_since(due);
        true
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pauses it between two changes, never within one.
    fn pause_or_go_on(&self) {
        let mut seen = self.seen();
        if seen.paused_at.is_some() {
            drop(seen);
            return self.go_on();
        }
        seen.paused_at = Some(seen.changes);
        seen.pauses += 1;
        drop(seen);
        self.may_blink.clear();
    }

    fn go_on(&self) {
        let mut seen = self.seen();
        if let Some(before) = seen.paused_at.take() {
            seen.while_paused += seen.changes - before;
        }
        drop(seen);
        self.may_blink.set();
    }
}

fn facts(seen: &Seen, changes: usize) -> Facts {
    let mut facts = vec![
        equals("changes", "main only waits, and the LED changes all the same: changes", changes, seen.changes),
        equals("not-early", "a sleep ends late, never early: changes before they were due", 0, seen.early),
    ];
    if seen.pauses > 0 {
        facts.push(equals("stood-still", "a paused blinker leaves its LED as it is: changes meanwhile", 0, seen.while_paused));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_can_fail() {
        let failed = |change: &dyn Fn(&mut Seen)| {
            let mut seen = Seen { changes: 12, pauses: 1, ..Seen::default() };
            change(&mut seen);
            facts(&seen, 12).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect::<Vec<_>>()
        };
        assert_eq!(failed(&|_| ()), [""; 0]);
        assert_eq!(failed(&|seen| seen.changes = 11), ["changes"]);
        assert_eq!(failed(&|seen| seen.early = 1), ["not-early"]);
        assert_eq!(failed(&|seen| seen.while_paused = 1), ["stood-still"]);
        assert_eq!(facts(&Seen::default(), 0).len(), 2, "nothing is claimed of a pause that never was");
    }
}
