//! Barriers: nobody goes on before the last one has come; and what happens when one stays away (concepts 36 and 37).

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Level, TaskSort};
use crate::scenario::card::leds::LED_BAR;
use crate::scenario::card::{Facts, Params, Reply, equals};
use crate::scenario::lesson::until::until;
use crate::scenario::lesson::{Barrier, Lesson, LessonError, Worker, Workers, too_late};

/// Workers that one run takes, with those that are sent.
const MOST_WORKERS: usize = 24;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let (parties, timeout, patience) = (params.count("parties"), params.seconds("timeout"), params.seconds("patience"));
    let gate = lesson.barrier("gate", parties);
    let book = Book { lesson, parties, pages: Mutex::default(), again: Condvar::new() };
    book.pages().rounds.push(Round::default());

    lesson.scope(|scope| {
        let workers = scope.threads("worker", params.count("comers"), |worker| come(worker, &gate, timeout, &book))?;
        main.waiting("the workers", None);
        let mut deadline = Instant::now() + patience;
        while workers.alive() > 0 && Instant::now() < deadline {
            workers.join_for(deadline.saturating_duration_since(Instant::now()), |asked| {
                deadline = Instant::now() + patience;
                match asked.name.as_str() {
                    "send" if workers.count() < MOST_WORKERS => workers.add_one().map_err(|error| error.to_string()),
                    "send" => Err(format!("{MOST_WORKERS} workers are enough for one run")),
                    "reset" if gate.is_broken() => book.reset(&gate, &workers),
                    "reset" => Err("the barrier is not broken, and who waits there waits on".to_owned()),
                    _ if gate.is_broken() => Err("the barrier is broken already; reset mends it".to_owned()),
                    _ => {
                        gate.abort();
                        Ok(())
                    }
                }
            })?;
        }
        gate.abort();
        book.close();
        lesson.step_mode(false);
        workers.join(too_late)?;
        Ok::<_, LessonError>(())
    })?;
    main.finish("ok");
    let facts = facts(&book.pages().rounds, parties);
    Ok(facts)
}

/// A worker comes some time and goes on together with the others; or gets the error, and comes again after a reset.
fn come(worker: &Worker<'_>, gate: &Barrier<'_>, timeout: Duration, book: &Book<'_>) {
    let mut round = book.pages().rounds.len();
    loop {
        worker.sleep(Duration::from_millis(40 * (worker.number() as u64 * 3 % 7)));
        book.note(round, |this| this.came += 1);
        match gate.wait_for(timeout) {
            Ok(place) => {
                book.lesson.say(&format!("{} passed, as number {place}", worker.name()));
                return book.passed(round, place);
            }
            Err(broken) => {
                book.lesson.say(&format!("{}: {broken}", worker.name()));
                book.note(round, |this| this.broken += 1);
                worker.lane().waiting("a reset", None);
                match book.next_round(round) {
                    Some(next) => round = next,
                    None => return,
                }
            }
        }
    }
}

/// What happened since the start, or since a reset.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Round {
    came: usize,
    /// Numbers that `wait` gave, in the order of passing.
    passed: Vec<usize>,
    broken: usize,
    /// Passes before the last one of a group had come.
    early: usize,
}

struct Book<'s> {
    lesson: &'s Lesson,
    parties: usize,
    pages: Mutex<Pages>,
    /// Those who got the error wait here for a reset.
    again: Condvar,
}

#[derive(Debug, Default)]
struct Pages {
    rounds: Vec<Round>,
    resting: usize,
    lit: usize,
    is_over: bool,
}

impl Book<'_> {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something on the page of a round, counted from 1.
    fn note(&self, round: usize, write: impl FnOnce(&mut Round)) {
        let mut pages = self.pages();
        if let Some(this) = pages.rounds.get_mut(round - 1) {
            write(this);
        }
        self.show_bar(&mut pages);
    }

    fn passed(&self, round: usize, place: usize) {
        self.note(round, |this| {
            this.passed.push(place);
            let full_groups = this.came / self.parties * self.parties;
            this.early += usize::from(this.passed.len() > full_groups);
        });
    }

    /// One LED for each that has come and not gone on.
    fn show_bar(&self, pages: &mut Pages) {
        let waiting: usize = pages.rounds.iter().map(|round| round.came - round.passed.len() - round.broken).sum();
        let now = waiting.min(LED_BAR.len());
        let (low, high) = (pages.lit.min(now), pages.lit.max(now));
        for line in &LED_BAR[low..high] {
            self.lesson.gpio(*line, Level::high_if(now > pages.lit));
        }
        pages.lit = now;
    }

    /// Waits for a reset; `None` if the lesson is over.
    fn next_round(&self, round: usize) -> Option<usize> {
        let mut pages = self.pages();
        pages.resting += 1;
        while !pages.is_over && pages.rounds.len() == round {
            pages = self.again.wait(pages).unwrap_or_else(PoisonError::into_inner);
        }
        pages.resting -= 1;
        (pages.rounds.len() > round).then_some(pages.rounds.len())
    }

    fn reset(&self, gate: &Barrier<'_>, workers: &Workers<'_, '_, ()>) -> Reply {
        // Whoever is on the way finds it broken first; only a machine in trouble takes this long.
        let all_rest = || self.pages().resting >= workers.alive();
        if !until(Duration::from_secs(5), || self.lesson.is_stepped() || all_rest()) || !all_rest() {
            return Err("somebody is still on the way to the broken barrier; try again".to_owned());
        }
        let mut pages = self.pages();
        gate.reset();
        pages.rounds.push(Round::default());
        self.again.notify_all();
        self.lesson.say("reset(): the barrier is whole again");
        Ok(())
    }

    fn close(&self) {
        self.pages().is_over = true;
        self.again.notify_all();
    }
}

fn facts(rounds: &[Round], parties: usize) -> Facts {
    let sum = |number: &dyn Fn(&Round) -> usize| rounds.iter().map(number).sum::<usize>();
    let mut passed: Vec<usize> = rounds.iter().flat_map(|round| round.passed.clone()).collect();
    passed.sort_unstable();
    let mut facts = vec![
        equals(
            "broken",
            "who comes and cannot pass gets the error, and nobody waits for ever: threads that got it",
            sum(&|round| round.came - round.passed.len()),
            sum(&|round| round.broken),
        ),
        equals(
            "together",
            "nobody passes before the last one of a group has come: passes that were too early",
            0,
            sum(&|round| round.early),
        ),
        equals("groups", "who passes does so with a whole group: passes besides", 0, sum(&|round| round.passed.len() % parties)),
    ];
    if !passed.is_empty() {
        let numbers: Vec<usize> = (0..parties).flat_map(|number| vec![number; passed.len() / parties]).collect();
        facts.push(equals("numbers", "wait() gives each thread of a group a number of its own", numbers, passed));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut [Round])) -> Vec<String> {
        let broken = Round { came: 1, broken: 1, ..Round::default() };
        let mut rounds = [broken, Round { came: 3, passed: vec![1, 0], broken: 1, early: 0 }];
        change(&mut rounds);
        facts(&rounds, 2).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|rounds| rounds[0].broken = 0), ["broken"]);
        assert_eq!(failed(|rounds| rounds[1].early = 1), ["together"]);
        assert_eq!(failed(|rounds| rounds[1] = Round { came: 3, passed: vec![0], broken: 2, early: 0 }), ["groups", "numbers"]);
        assert_eq!(failed(|rounds| rounds[1].passed = vec![1, 1]), ["numbers"]);
    }

    #[test]
    fn a_pass_before_the_others_is_noticed() {
        let lesson = Lesson::new(None, None, crate::model::Monotonic::ZERO);
        let book = Book { lesson: &lesson, parties: 2, pages: Mutex::default(), again: Condvar::new() };
        book.pages().rounds.push(Round::default());
        book.note(1, |this| this.came += 1);
        book.passed(1, 0);
        assert_eq!(book.pages().rounds[0].early, 1);
    }
}
