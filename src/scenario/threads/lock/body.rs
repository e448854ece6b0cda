//! Locks: one holds it, the others wait; what becomes of a release that was forgotten (concepts 28 to 32).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{Level, Line, TaskSort};
use crate::scenario::card::{Facts, Params, at_least, equals};
use crate::scenario::lesson::{Lesson, LessonError, Lock};

/// How long you may keep the lock.
const YOUR_PATIENCE: Duration = Duration::from_secs(20);
/// How often somebody looks whether the lock was left behind.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let lock = lesson.lock("tool");
    let manners = Manners::try_out(lesson, &lock)?;

    let (workers, rounds, forgets) = (params.count("workers"), params.count("rounds"), params.flag("forget"));
    let millis = |name| Duration::from_millis(params.count(name) as u64);
    let tool = Tool::new(lesson, &lock, millis("section"), params.line("line"));
    let (enough, is_closing) = (lesson.event("your release"), AtomicBool::new(false));
    let hold = || {
        lock.acquire();
        lesson.gpio(tool.line, Level::High);
        enough.wait(Some(YOUR_PATIENCE));
        tool.put_back();
    };
    let began = Instant::now();
    let left_by = lesson.scope(|scope| {
        let threads = scope.threads("worker", workers, |worker| {
            for round in 1..=rounds {
                worker.sleep(millis("outside"));
                lock.acquire();
                tool.work();
                if forgets && worker.number() == 1 && round == rounds.div_ceil(2) {
                    return;
                }
                tool.put_back();
            }
        })?;
        scope.thread("passer-by", |worker| {
            while !is_closing.load(Ordering::SeqCst) {
                if lock.try_acquire() {
                    tool.put_back();
                } else {
                    tool.turned_away.fetch_add(1, Ordering::Relaxed);
                }
                worker.sleep(Duration::from_millis(10));
            }
        })?;
        main.waiting("the workers", None);
        let (mut you, mut left_by, mut since) = (None, None, None);
        loop {
            let is_holding = you.as_ref().is_some_and(crate::scenario::lesson::Thread::is_alive);
            let all_done = threads.join_for(LOOK, |asked| match asked.name.as_str() {
                "hold" if is_holding => Err("you hold it, or wait for it, already".to_owned()),
                "hold" => {
                    enough.clear();
                    you = Some(scope.thread("you", |_| hold()).map_err(|error| error.to_string())?);
                    Ok(())
                }
                "release" if is_holding => {
                    enough.set();
                    Ok(())
                }
                _ if lock.left_by().is_some() => {
                    left_by = lock.left_by();
                    tool.put_back();
                    Ok(())
                }
                _ => Err("you do not hold it, and nobody has gone and left it locked".to_owned()),
            })?;
            if let Some(culprit) = lock.left_by() {
                let since = *since.get_or_insert_with(Instant::now);
                if left_by.is_none() {
                    lesson.notice(format!("{culprit} has ended and still holds the lock: whoever asks for it waits for ever"));
                    left_by = Some(culprit);
                }
                if all_done || since.elapsed() >= params.seconds("patience") {
                    lesson.notice("main releases the lock: nobody checks who does that");
                    tool.put_back();
                }
            }
            if all_done {
                break;
            }
        }
        enough.set();
        is_closing.store(true, Ordering::SeqCst);
        Ok::<_, LessonError>(left_by)
    })?;
    let elapsed = began.elapsed();
    main.finish("ok");

    let forgotten = if forgets { rounds / 2 } else { 0 };
    let outcome = Outcome {
        manners,
        sections: (workers * rounds - forgotten, tool.sections.into_inner()),
        at_once: tool.most.into_inner(),
        held: Duration::from_nanos(tool.held.into_inner()),
        elapsed,
        forgets,
        left_by,
    };
    let percent = outcome.held.as_secs_f64() / elapsed.as_secs_f64() * 100.0;
    lesson.value("time under the lock (%)", percent.round() as u64);
    lesson.value("times the passer-by was turned away", tool.turned_away.into_inner());
    lesson.say(&format!("{} sections, one at a time, held the lock {percent:.0} % of the time", outcome.sections.1));
    Ok(facts(&outcome))
}

/// What a lock does when it is asked in other ways than by acquire and release.
#[derive(Debug, Clone, PartialEq)]
struct Manners {
    /// Whether a try got it: while a visitor held it, and when it was free.
    tries: [bool; 2],
    /// Whether a release was taken: from main, which did not hold it, and then from the visitor, which thought it did.
    releases: [bool; 2],
}

impl Manners {
    fn try_out(lesson: &Lesson, lock: &Lock<'_>) -> Result<Self, LessonError> {
        let seat = lesson.semaphore("seat", 1);
        let (has_both, may_go) = (lesson.event("visitor has both"), lesson.event("visitor may go"));
        lesson.scope(|scope| {
            let visitor = scope.thread("visitor", |_| {
                lock.acquire();
                seat.acquire();
                has_both.set();
                may_go.wait(None);
                lock.release().is_ok()
            })?;
            has_both.wait(None);
            let while_held = lock.try_acquire();
            // The lock says who holds it; of a semaphore nobody can say.
            lock.acquire_for(Duration::from_millis(50));
            seat.acquire_for(Duration::from_millis(50));
            let released = lock.release().is_ok();
            let when_free = lock.try_acquire();
            let _ = lock.release();
            may_go.set();
            let by_visitor = visitor.join().unwrap_or_default();
            Ok(Self { tries: [while_held, when_free], releases: [released, by_visitor] })
        })
    }
}

/// What the lock is there for: one may use it at a time.
struct Tool<'s> {
    lesson: &'s Lesson,
    lock: &'s Lock<'s>,
    section: Duration,
    line: Line,
    users: AtomicU64,
    most: AtomicU64,
    sections: AtomicU64,
    /// Nanoseconds.
    held: AtomicU64,
    turned_away: AtomicU64,
}

impl<'s> Tool<'s> {
    fn new(lesson: &'s Lesson, lock: &'s Lock<'s>, section: Duration, line: Line) -> Self {
        let [users, most, sections, held, turned_away] = Default::default();
        Self { lesson, lock, section, line, users, most, sections, held, turned_away }
    }

    /// Uses it; the caller holds the lock.
    fn work(&self) {
        self.lesson.gpio(self.line, Level::High);
        let began = Instant::now();
        self.most.fetch_max(self.users.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(self.section);
        self.users.fetch_sub(1, Ordering::SeqCst);
        self.sections.fetch_add(1, Ordering::SeqCst);
        self.held.fetch_add(began.elapsed().as_nanos() as u64, Ordering::SeqCst);
    }

    /// Switches the LED off and releases the lock.
    fn put_back(&self) {
        self.lesson.gpio(self.line, Level::Low);
        if self.lock.release().is_err() {
            self.lesson.notice("a release came too late: somebody else had released the lock");
        }
    }
}

#[derive(Debug, Clone)]
struct Outcome {
    manners: Manners,
    /// As many as there had to be, and as many as there were.
    sections: (usize, u64),
    at_once: u64,
    /// All sections together.
    held: Duration,
    elapsed: Duration,
    /// Whether somebody was to forget its release, and who was found.
    forgets: bool,
    left_by: Option<String>,
}

fn facts(outcome: &Outcome) -> Facts {
    let Outcome { manners, sections, at_once, held, elapsed, forgets, left_by } = outcome;
    let mut facts = vec![
        equals("at-once", "with the lock, one at a time: threads at it at the same time, at most", 1, *at_once),
        equals("sections", "nobody is left out, every section was done in the end: sections", sections.0, sections.1),
        equals(
            "try",
            "acquire(blocking=False) gives False at once while the lock is held, and True when it is free",
            "False, then True",
            manners.tries.map(|got| if got { "True" } else { "False" }).join(", then "),
        ),
        equals(
            "anybody",
            "a lock does not check who releases it: it takes main's release, and then refuses its holder's",
            "taken, then refused",
            manners.releases.map(|taken| if taken { "taken" } else { "refused" }).join(", then "),
        ),
        at_least(
            "bottleneck",
            "the run takes at least as long as all sections together, however many threads there are (ms)",
            held.as_millis() as u64,
            elapsed.as_millis() as u64,
        ),
    ];
    if *forgets {
        facts.push(equals(
            "culprit",
            "the one that ended without a release was found",
            "worker-1",
            left_by.as_deref().unwrap_or("nobody"),
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_can_fail() {
        let good = Outcome {
            manners: Manners { tries: [false, true], releases: [true, false] },
            sections: (32, 32),
            at_once: 1,
            held: Duration::from_millis(400),
            elapsed: Duration::from_millis(500),
            forgets: true,
            left_by: Some("worker-1".to_owned()),
        };
        let failed = |outcome: &Outcome| -> Vec<String> {
            facts(outcome).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
        };
        assert_eq!(failed(&good), [""; 0]);
        assert_eq!(failed(&Outcome { at_once: 2, ..good.clone() }), ["at-once"]);
        assert_eq!(failed(&Outcome { sections: (32, 31), ..good.clone() }), ["sections"]);
        let unmannered = Manners { tries: [true, true], releases: [true, true] };
        assert_eq!(failed(&Outcome { manners: unmannered, ..good.clone() }), ["try", "anybody"]);
        assert_eq!(failed(&Outcome { held: Duration::from_secs(1), ..good.clone() }), ["bottleneck"]);
        assert_eq!(failed(&Outcome { left_by: None, ..good }), ["culprit"]);
    }
}
