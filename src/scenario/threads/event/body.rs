//! Events: a flag that threads wait for, and that lets all of them go on at once (concept 35).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Level, Line, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::until::until;
use crate::scenario::lesson::{Event, Lesson, LessonAction, LessonError, Task};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let waiters = params.count("waiters");
    let deadline = Instant::now() + params.seconds("patience");
    let go = lesson.event("go");
    let is_over = AtomicBool::new(false);
    let book = Book(Mutex::new(Lines::new()));

    let asked = lesson.scope(|scope| {
        scope.threads("waiter", waiters, |waiter| {
            loop {
                let begun = book.generation();
                go.wait(None);
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                book.passed(waiter.number(), begun);
                waiter.lane().running("its work");
                std::thread::sleep(params.seconds("work"));
            }
        })?;
        let button = lesson.button(params.line("button"));
        let flag = Flag { lesson, main: &main, go: &go, book: &book, line: params.line("line"), button };
        let asked = flag.attend(waiters, deadline);
        // Nobody is left waiting, also after a mistake, or at a gate of step mode.
        is_over.store(true, Ordering::SeqCst);
        lesson.step_mode(false);
        go.set();
        asked
    })?;
    lesson.gpio(params.line("line"), Level::Low);
    main.finish("ok");
    let lines = book.lines();
    Ok(facts(&lines, &asked, waiters))
}

/// When the flag went up and down, and who passed. The flag's generation is even while it is down: it grows just before
/// `set` and just after `clear`, so that who finds an even one finds the flag down, too.
#[derive(Debug)]
struct Book(Mutex<Lines>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lines {
    generation: u64,
    /// Whether all could run freely after each `set`: in step mode the user holds them back.
    freely: bool,
    /// For each pass: who, the generation in which the wait began, and that in which it ended.
    passes: Vec<(usize, u64, u64)>,
}

impl Book {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn generation(&self) -> u64 {
        self.lines().generation
    }

    fn passed(&self, waiter: usize, begun: u64) {
        let mut lines = self.lines();
        let now = lines.generation;
        lines.passes.push((waiter, begun, now));
    }

    /// How many different waiters passed in this generation.
    fn count(&self, generation: u64) -> usize {
        self.lines().passed_in(generation)
    }
}

impl Lines {
    const fn new() -> Self {
        Self { generation: 0, freely: true, passes: Vec::new() }
    }

    fn passed_in(&self, generation: u64) -> usize {
        let in_it = self.passes.iter().filter(|(_, _, ended)| *ended == generation);
        in_it.map(|(waiter, ..)| waiter).collect::<BTreeSet<_>>().len()
    }
}

/// What `is_set` said after each `set` and `clear`, beside what it should have said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Asked {
    said: Vec<bool>,
    expected: Vec<bool>,
}

/// The flag, and who raises it.
struct Flag<'a> {
    lesson: &'a Lesson,
    main: &'a Task<'a>,
    go: &'a Event<'a>,
    book: &'a Book,
    line: Line,
    button: LessonAction,
}

impl Flag<'_> {
    fn attend(&self, waiters: usize, deadline: Instant) -> Result<Asked, LessonError> {
        let mut asked = Asked::default();
        loop {
            self.main.waiting("you", None);
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(action) = self.lesson.next_action(left)? else {
                if Instant::now() >= deadline {
                    return Ok(asked);
                }
                continue;
            };
            let pressed = if self.go.is_set() { "clear" } else { "set" };
            let name = if action == self.button { pressed } else { action.name.as_str() };
            let wanted = match name {
                "finish" => return Ok(asked),
                _ => name == "set",
            };
            if wanted == self.go.is_set() {
                self.lesson.say(&format!("{name}(): the flag is {} already, and nothing changes", up_or_down(wanted)));
            } else if wanted {
                self.raise(waiters);
            } else {
                self.lower();
            }
            asked.expected.push(wanted);
            asked.said.push(self.go.is_set());
        }
    }

    fn raise(&self, waiters: usize) {
        self.book.lines().generation += 1;
        let generation = self.book.generation();
        self.main.running("set()");
        self.go.set();
        self.lesson.value("set() gave", "nothing");
        self.lesson.gpio(self.line, Level::High);
        // The flag stays up until all have seen it; only a machine in trouble takes this long.
        until(Duration::from_secs(5), || self.lesson.is_stepped() || self.book.count(generation) >= waiters);
        self.book.lines().freely &= !self.lesson.is_stepped();
        self.lesson.value("waiters that passed", self.book.count(generation));
        self.lesson.say(&format!("set(): {} of {waiters} went on", self.book.count(generation)));
    }

    fn lower(&self) {
        self.main.running("clear()");
        self.go.clear();
        self.book.lines().generation += 1;
        self.lesson.gpio(self.line, Level::Low);
        self.lesson.say("clear(): from now on they wait");
    }
}

const fn up_or_down(is_set: bool) -> &'static str {
    if is_set { "up" } else { "down" }
}

fn facts(lines: &Lines, asked: &Asked, waiters: usize) -> Facts {
    let while_down = lines.passes.iter().filter(|(_, begun, ended)| begun % 2 == 0 && begun == ended).count();
    let mut facts = vec![equals(
        "blocked",
        "nobody passes while the flag is down: passes of a flag that was down all the time",
        0,
        while_down,
    )];
    let ups = (1..=lines.generation).step_by(2);
    if lines.freely
        && let Some(fewest) = ups.map(|generation| lines.passed_in(generation)).min()
    {
        facts.push(equals("all-wake", "one set() lets all waiters go on: waiters that passed, each time", waiters, fewest));
    }
    if !asked.said.is_empty() {
        facts.push(equals(
            "is-set",
            "is_set() tells whether the flag is up, after each set() and clear()",
            asked.expected.iter().copied().map(up_or_down).collect::<Vec<_>>(),
            asked.said.iter().copied().map(up_or_down).collect::<Vec<_>>(),
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Lines, &mut Asked)) -> Vec<String> {
        let mut lines =
            Lines { generation: 3, freely: true, passes: vec![(1, 0, 1), (2, 0, 1), (1, 1, 1), (2, 1, 2), (1, 2, 3), (2, 2, 3)] };
        let mut asked = Asked { said: vec![true, false, true], expected: vec![true, false, true] };
        change(&mut lines, &mut asked);
        facts(&lines, &asked, 2).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_, _| ()), [""; 0]);
        assert_eq!(failed(|lines, _| lines.passes.push((1, 2, 2))), ["blocked"]);
        assert_eq!(failed(|lines, _| _ = lines.passes.remove(1)), ["all-wake"]);
        assert_eq!(failed(|lines, _| _ = lines.passes.pop()), ["all-wake"]);
        assert_eq!(failed(|_, asked| asked.said[1] = true), ["is-set"]);
    }

    #[test]
    fn a_flag_that_was_never_raised_says_nothing_about_waking() {
        let ids: Vec<_> = facts(&Lines::new(), &Asked::default(), 2).into_iter().map(|fact| fact.id).collect();
        assert_eq!(ids, ["blocked"]);
    }
}
