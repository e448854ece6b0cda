//! Five runs, five orders: the same threads with the same steps, and the scheduler decides who goes when (concepts 12, 40).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::model::TaskSort;
use crate::scenario::card::{Facts, ORDER_OF, Params, equals, more_than};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError};

/// What a step works through, in bytes, in a light run.
const BLOCK: usize = 4096;
/// After each step a thread rests for a moment, as one does that reads or writes something.
const REST: Duration = Duration::from_micros(100);
const MOST_RUNS: usize = 60;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let mut lab = Lab {
        lesson,
        threads: params.count("threads"),
        steps: params.count("steps"),
        load: params.count("load"),
        runs: Vec::new(),
        replays: Vec::new(),
    };
    for load in ["light", "heavy"] {
        for _ in 0..params.count("runs") {
            lab.run(load)?;
        }
    }
    // By chance, all may have come in the same order: then some more.
    while orders(&lab.runs).len() < 2 && lab.runs.len() < MOST_RUNS / 2 {
        lab.run("light")?;
    }
    let deadline = Instant::now() + params.seconds("patience");
    loop {
        main.waiting("you", None);
        let asked = lesson.next_action(deadline.saturating_duration_since(Instant::now()))?;
        main.running("");
        match asked {
            Some(asked) if asked.name == "finish" => break,
            Some(asked) => lab.obey(&asked)?,
            None if Instant::now() >= deadline => break,
            None => {}
        }
    }
    main.finish("ok");
    Ok(facts(&lab.runs, &lab.replays, lab.threads, lab.steps))
}

/// One run: whose step came when, and what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ran {
    /// `light-1`.
    name: String,
    load: String,
    /// Thread and step, in the order in which they happened.
    order: Vec<(usize, usize)>,
    result: u64,
}

impl Ran {
    /// A letter for each step: its thread.
    fn letters(&self) -> String {
        self.order.iter().map(|(thread, _)| letter(*thread)).collect()
    }
}

fn letter(thread: usize) -> char {
    char::from(b'A' + thread as u8)
}

struct Lab<'s> {
    lesson: &'s Lesson,
    threads: usize,
    steps: usize,
    load: usize,
    runs: Vec<Ran>,
    /// What was to be replayed, and what came.
    replays: Vec<(String, String)>,
}

impl Lab<'_> {
    fn obey(&mut self, asked: &LessonAction) -> Result<(), LessonError> {
        match (asked.name.as_str(), asked.target.trim()) {
            _ if self.runs.len() + self.replays.len() >= MOST_RUNS => {
                self.lesson.refuse(asked, &format!("{MOST_RUNS} runs are enough"));
            }
            ("again", "") => {
                self.run("light")?;
                self.run("heavy")?;
            }
            ("again", load @ ("light" | "heavy")) => self.run(load)?,
            ("replay", name) => match self.runs.iter().rfind(|run| run.name == name || name.is_empty()).cloned() {
                Some(run) => self.replay(&run)?,
                None => self.lesson.refuse(asked, &unknown("run", name, self.runs.iter().map(|run| &run.name))),
            },
            _ => self.lesson.refuse(asked, "the load is light or heavy; without a target it runs under both"),
        }
        Ok(())
    }

    /// Runs it, and compares it with the first run under the same load.
    fn run(&mut self, load: &str) -> Result<(), LessonError> {
        let (order, result) = self.perform(load, None)?;
        let number = self.runs.iter().filter(|run| run.load == load).count() + 1;
        let ran = Ran { name: format!("{load}-{number}"), load: load.to_owned(), order, result };
        let first = self.runs.iter().find(|run| run.load == load).map(Ran::letters);
        let letters = ran.letters();
        let overlay = match first {
            Some(first) => first.chars().zip(letters.chars()).map(|(a, b)| if a == b { '.' } else { b }).collect(),
            None => letters.clone(),
        };
        self.lesson.say(&format!("{:9} {overlay}", ran.name));
        self.lesson.value(format!("{ORDER_OF}{}", ran.name), letters);
        self.runs.push(ran);
        Ok(())
    }

    /// Runs it again, and lets each thread do a step only when it is its turn.
    fn replay(&mut self, ran: &Ran) -> Result<(), LessonError> {
        let turns = Turns { order: ran.order.iter().map(|(thread, _)| *thread).collect(), ..Turns::default() };
        let (order, result) = self.perform(&ran.load, Some(&turns))?;
        let came = Ran { order, result, ..ran.clone() };
        self.lesson.say(&format!("replay of {}:\n          {}", ran.name, came.letters()));
        self.replays.push((ran.letters(), came.letters()));
        Ok(())
    }

    /// All threads do their steps; gives the order, and a result to which each step has added.
    fn perform(&self, load: &str, turns: Option<&Turns>) -> Result<(Vec<(usize, usize)>, u64), LessonError> {
        let rounds = if load == "heavy" { self.load } else { 1 };
        // Main holds the starting gate until all are there. Step mode knows nothing of it, as main is deaf meanwhile.
        let start = Mutex::new(());
        let order = Mutex::new(Vec::new());
        let results = self.lesson.scope(|scope| {
            let closed = start.lock();
            let mut threads = Vec::new();
            for thread in 0..self.threads {
                let (start, order) = (&start, &order);
                threads.push(scope.thread(&letter(thread).to_string(), move |_| {
                    drop(start.lock());
                    let mut result = thread as u64;
                    for step in 0..self.steps {
                        result = work(result, rounds);
                        if let Some(turns) = turns {
                            turns.wait_for(thread);
                        }
                        order.lock().unwrap_or_else(PoisonError::into_inner).push((thread, step));
                        if let Some(turns) = turns {
                            turns.done();
                        }
                        std::thread::sleep(REST);
                    }
                    result
                })?);
            }
            drop(closed);
            Ok::<_, LessonError>(threads.into_iter().filter_map(crate::scenario::lesson::Thread::join).collect::<Vec<u64>>())
        })?;
        let order = order.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((order, results.into_iter().fold(0, u64::wrapping_add)))
    }
}

/// Work whose result depends on the one before.
fn work(before: u64, rounds: usize) -> u64 {
    let mut hash = Sha256::new_with_prefix(before.to_le_bytes());
    (0..rounds).for_each(|_| hash.update([7; BLOCK]));
    hash.finalize().iter().take(6).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A recorded order, and how far it has come.
#[derive(Debug, Default)]
struct Turns {
    order: Vec<usize>,
    next: Mutex<usize>,
    changed: Condvar,
}

impl Turns {
    fn wait_for(&self, thread: usize) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        while self.order.get(*next).is_some_and(|turn| *turn != thread) {
            next = self.changed.wait(next).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }
}

/// The orders that came.
fn orders(runs: &[Ran]) -> BTreeSet<String> {
    runs.iter().map(Ran::letters).collect()
}

fn facts(runs: &[Ran], replays: &[(String, String)], threads: usize, steps: usize) -> Facts {
    let in_own_order = |ran: &Ran| {
        (0..threads).all(|thread| ran.order.iter().filter(|(who, _)| *who == thread).map(|(_, step)| *step).eq(0..steps))
    };
    let mut results: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for run in runs {
        results.entry(&run.load).or_default().insert(run.result);
    }
    let mut facts = vec![
        more_than("orders", "the same program runs in many ways: different orders of its steps", 1, orders(runs).len() as u64),
        equals(
            "own-order",
            "each thread's own steps come in their order: runs of which that is so",
            runs.len(),
            runs.iter().filter(|run| in_own_order(run)).count(),
        ),
        equals(
            "result",
            "nothing is shared, so that the result is always the same: different results under one load",
            1,
            results.values().map(BTreeSet::len).max(),
        ),
    ];
    if let Some((wanted, came)) = replays.iter().find(|(wanted, came)| wanted != came).or(replays.last()) {
        let right = wanted.chars().zip(came.chars()).take_while(|(wanted, came)| wanted == came).count();
        facts.push(equals("replay", "a recorded order can be forced: steps that came in it", wanted.len(), right));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(order: &[(usize, usize)], result: u64) -> Ran {
        Ran { name: "light-1".to_owned(), load: "light".to_owned(), order: order.to_vec(), result }
    }

    fn failed(change: impl FnOnce(&mut [Ran], &mut (String, String))) -> Vec<String> {
        let mut runs = [ran(&[(0, 0), (0, 1), (1, 0), (1, 1)], 5), ran(&[(0, 0), (1, 0), (0, 1), (1, 1)], 5)];
        let mut replay = ("ABAB".to_owned(), "ABAB".to_owned());
        change(&mut runs, &mut replay);
        facts(&runs, &[replay], 2, 2).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_, _| ()), [""; 0]);
        assert_eq!(failed(|runs, _| runs[1] = runs[0].clone()), ["orders"]);
        assert_eq!(failed(|runs, _| runs[1].order.swap(0, 2)), ["own-order"]);
        assert_eq!(failed(|runs, _| runs[1].result = 6), ["result"]);
        assert_eq!(failed(|_, replay| replay.1 = "AABB".to_owned()), ["replay"]);
    }

    #[test]
    fn a_replay_forces_the_order_that_it_is_given() {
        let lesson = Lesson::new(None, None, crate::model::Monotonic::ZERO);
        let mut lab = Lab { lesson: &lesson, threads: 2, steps: 3, load: 1, runs: Vec::new(), replays: Vec::new() };
        for wanted in ["AAABBB", "BABABA"] {
            let order = wanted.bytes().map(|byte| (usize::from(byte - b'A'), 0)).collect();
            lab.replay(&Ran { name: String::new(), load: "light".to_owned(), order, result: 0 }).expect("threads");
            assert_eq!(lab.replays.pop(), Some((wanted.to_owned(), wanted.to_owned())));
        }
    }
}
