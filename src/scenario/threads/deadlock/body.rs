//! Deadlock: two locks, taken in two orders, and each thread waits for what the other one has (concept 33).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::TaskSort;
use crate::scenario::card::{Facts, Params, equals, more_than};
use crate::scenario::lesson::words::{counted, unknown};
use crate::scenario::lesson::{Event, Lesson, LessonError, Lock, Worker, too_late};

/// How often main looks whether anybody waits in a circle.
const LOOK: Duration = Duration::from_millis(20);
/// How long a deadlock lasts that is not the first.
const LATER: Duration = Duration::from_millis(100);
/// How long, in the first round, each one waits at most for the other to have its first lock.
const COURTESY: Duration = Duration::from_secs(5);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let order: Vec<String> = params.text("replay").split_whitespace().map(str::to_owned).collect();
    let is_stepped = params.flag("step") || !order.is_empty();
    if order.is_empty() {
        lesson.step_mode(is_stepped);
    } else {
        lesson.replay(params.text("replay"));
    }

    let is_same = params.text("order") == "same";
    let office = Office {
        lesson,
        screen: lesson.lock("screen"),
        prices: lesson.lock("prices"),
        share_prices: Mutex::new([0; SHARES]),
        ready: [lesson.event("painter has one"), lesson.event("broker has one")],
        // Decided by you, the order needs no help.
        helps: !is_stepped && !is_same,
        robbed: AtomicU64::new(0),
    };
    let rounds = if is_stepped { 1 } else { params.count("rounds") };
    let (mut circles, mut circle, mut since, mut was_stepped) = (0_u64, Vec::new(), None, false);
    let done = lesson.scope(|scope| {
        let threads = scope.threads_named(["painter", "broker"], |worker| {
            let is_painter = worker.number() == 1;
            let mut copies = Vec::new();
            for round in 1..=rounds as u64 {
                // The painter shows a copy of the prices; the broker changes them, and shows when.
                let (first, second) =
                    if is_painter || is_same { (&office.screen, &office.prices) } else { (&office.prices, &office.screen) };
                copies.push(office.with_both(worker, first, second, round, is_painter));
            }
            copies
        })?;
        main.waiting("painter and broker", None);
        let mut wanted = None;
        while !threads.join_for(LOOK, |asked| {
            let lock = office.lock(asked.target.trim()).ok_or_else(|| unknown("lock", &asked.target, ["screen", "prices"]))?;
            if lesson.deadlock().is_empty() {
                return Err("nobody is stuck, and only in a deadlock a lock is taken away".to_owned());
            }
            wanted = Some(lock);
            Ok(())
        })? {
            let found = lesson.deadlock();
            if found.is_empty() {
                (since, wanted) = (None, None);
                continue;
            }
            if since.is_none() {
                circles += 1;
                since = Some(Instant::now());
                was_stepped |= !lesson.order().is_empty();
                let waits = found.iter().map(|(who, what)| format!("{who} waits for {what}")).collect::<Vec<_>>();
                lesson.value("who waits for whom", waits.join(", "));
                if circle.is_empty() {
                    circle = waits;
                    circle.sort();
                }
            }
            if let Some(lock) = wanted.take() {
                let _ = lock.release();
                continue;
            }
            let patience = if circles == 1 { params.seconds("patience") } else { LATER };
            if since.is_some_and(|since| since.elapsed() >= patience) {
                main.running("taking the screen from the one that has it");
                let _ = office.screen.release();
                main.waiting("painter and broker", None);
            }
        }
        threads.join(too_late)
    })?;
    main.finish("ok");

    let outcome = Outcome {
        is_same,
        is_stepped,
        circle,
        bad_order: was_stepped,
        sections: (2 * rounds, done.iter().flatten().map(Vec::len).sum()),
        torn: done.iter().flatten().flatten().filter(|copy| copy.iter().any(|price| price != &copy[0])).count(),
        order,
        passed: lesson.order(),
    };
    lesson.value("deadlocks", circles);
    lesson.value("locks taken away from one who waited", office.robbed.into_inner());
    let deadlocks = counted(circles as usize, "deadlock", "deadlocks");
    lesson.say(&format!("{} times somebody had both locks; {deadlocks}", outcome.sections.1));
    Ok(facts(&outcome))
}

const SHARES: usize = 8;

/// Two resources, each with its lock.
struct Office<'s> {
    lesson: &'s Lesson,
    screen: Lock<'s>,
    prices: Lock<'s>,
    /// The lock of Rust's own is held for a single price at a time: only `prices` keeps the whole list together.
    share_prices: Mutex<[u64; SHARES]>,
    ready: [Event<'s>; 2],
    helps: bool,
    /// How often somebody found that a lock of his had been released.
    robbed: AtomicU64,
}

impl Office<'_> {
    /// Takes both locks, works, and gives them back. Gives a copy of the prices, made while both were held.
    fn with_both(&self, worker: &Worker<'_>, first: &Lock<'_>, second: &Lock<'_>, round: u64, is_painter: bool) -> [u64; SHARES] {
        loop {
            first.acquire();
            if round == 1 && self.helps {
                self.ready[usize::from(!is_painter)].set();
                self.ready[usize::from(is_painter)].wait(Some(COURTESY));
            }
            second.acquire();
            // Whoever was robbed while it waited has not got both, and begins again.
            if first.holder().as_deref() == Some(worker.name()) {
                break;
            }
            self.robbed.fetch_add(1, Ordering::Relaxed);
            let _ = second.release();
        }
        if !is_painter {
            self.change_prices(round);
        }
        let copy = self.copy_prices();
        self.lesson.value("screen", format!("{} shows {}", worker.name(), copy[0]));
        let _ = second.release();
        let _ = first.release();
        copy
    }

    fn change_prices(&self, round: u64) {
        for share in 0..SHARES {
            self.share_prices.lock().unwrap_or_else(PoisonError::into_inner)[share] = 100 + round;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn copy_prices(&self) -> [u64; SHARES] {
        std::array::from_fn(|share| {
            std::thread::sleep(Duration::from_millis(1));
            self.share_prices.lock().unwrap_or_else(PoisonError::into_inner)[share]
        })
    }

    fn lock(&self, name: &str) -> Option<&Lock<'_>> {
        match name {
            "screen" | "lock screen" | "" => Some(&self.screen),
            "prices" | "lock prices" => Some(&self.prices),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
struct Outcome {
    is_same: bool,
    is_stepped: bool,
    /// The first circle that was found, as sentences.
    circle: Vec<String>,
    /// Whether a circle was found while the order of steps was decided by a person, or replayed.
    bad_order: bool,
    /// As many as there had to be, and as many as there were.
    sections: (usize, usize),
    /// Copies that show old and new prices.
    torn: usize,
    order: Vec<String>,
    passed: Vec<String>,
}

fn facts(outcome: &Outcome) -> Facts {
    let mut facts = Facts::new();
    if outcome.is_same {
        facts.push(equals(
            "circle",
            "taken in the same order, locks never make a circle",
            Vec::<String>::new(),
            outcome.circle.clone(),
        ));
    } else if !outcome.is_stepped {
        facts.push(equals(
            "circle",
            "each waits for what the other one has",
            vec!["broker waits for lock screen", "painter waits for lock prices"],
            outcome.circle.clone(),
        ));
    }
    facts.push(equals(
        "sections",
        "once a lock is released, both come to their end: times that somebody had both locks",
        outcome.sections.0,
        outcome.sections.1,
    ));
    facts.push(equals(
        "torn",
        "a copy that is made under the lock shows one state of the prices: copies that show two",
        0,
        outcome.torn,
    ));
    if !outcome.order.is_empty() {
        facts.push(equals(
            "replayed",
            "the steps were taken in the order that was given",
            outcome.order.join(" "),
            outcome.passed.join(" "),
        ));
    }
    if outcome.bad_order {
        facts.push(more_than(
            "bad-order",
            "you found it: this order of steps ends in a deadlock, each time: threads in the circle",
            0,
            outcome.circle.len() as u64,
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_can_fail() {
        let circle = vec!["broker waits for lock screen".to_owned(), "painter waits for lock prices".to_owned()];
        let good = Outcome {
            is_same: false,
            is_stepped: false,
            circle: circle.clone(),
            bad_order: false,
            sections: (8, 8),
            torn: 0,
            order: Vec::new(),
            passed: Vec::new(),
        };
        let failed = |outcome: &Outcome| -> Vec<String> {
            facts(outcome).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
        };
        assert_eq!(failed(&good), [""; 0]);
        assert_eq!(failed(&Outcome { circle: Vec::new(), ..good.clone() }), ["circle"]);
        assert_eq!(failed(&Outcome { is_same: true, ..good.clone() }), ["circle"]);
        assert_eq!(failed(&Outcome { is_same: true, circle: Vec::new(), ..good.clone() }), [""; 0]);
        assert_eq!(failed(&Outcome { sections: (8, 7), ..good.clone() }), ["sections"]);
        assert_eq!(failed(&Outcome { torn: 1, ..good.clone() }), ["torn"]);
        let replayed = Outcome { is_stepped: true, order: vec!["painter".to_owned()], ..good };
        assert_eq!(failed(&replayed), ["replayed"]);
        assert_eq!(
            failed(&Outcome { bad_order: true, circle: Vec::new(), passed: replayed.order.clone(), ..replayed }),
            ["bad-order"]
        );
    }
}
