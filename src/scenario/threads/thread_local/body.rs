//! Thread-local data: the same name, and a box for each thread; beside it one global box that all share (concepts 25, 26).

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::model::TaskSort;
use crate::scenario::card::{Facts, Params, Reply, equals};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonError, Worker};

thread_local! {
    /// Another one in each thread.
    static MINE: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The same for all.
static X: AtomicI64 = AtomicI64::new(0);
/// Everybody reads it, nobody writes.
static TABLE: [i64; 100] = [7; 100];

/// The largest number that can be put into a box.
const MOST: u32 = 1_000_000_000;
/// Only a machine in trouble takes longer to start a few threads.
const PATIENCE: Duration = Duration::from_secs(5);

/// What main tells a thread.
enum Order {
    Put(i64),
    Look,
}

/// What a thread finds in the two boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    number: usize,
    private: Option<i64>,
    global: i64,
}

/// Who reads the table.
#[derive(Debug, Default)]
struct Readers {
    now: AtomicUsize,
    most: AtomicUsize,
    differ: AtomicUsize,
}

/// What main saw.
#[derive(Debug)]
struct Record {
    /// What was put into the private boxes, and what the threads found there.
    expected: Vec<i64>,
    private: Vec<Option<i64>>,
    /// The global box, as main and as the threads read it.
    global: i64,
    seen_global: Vec<i64>,
    in_main: Option<i64>,
    edits: usize,
    others_changed: usize,
    most_readers: usize,
    reads_that_differ: usize,
}

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let (threads, reads) = (params.count("threads"), params.count("reads"));
    let all_are_here = lesson.barrier("all are here", threads);
    let readers = Readers::default();
    let (answer, answers) = sync_channel(threads);
    let (orders, inboxes): (Vec<_>, Vec<_>) = (0..threads).map(|_| sync_channel(1)).unzip();
    let deadline = Instant::now() + params.seconds("patience");

    let mut record = lesson.scope(|scope| {
        for (number, inbox) in (1..).zip(inboxes) {
            let (answer, readers, all_are_here) = (answer.clone(), &readers, &all_are_here);
            scope.thread(&format!("th-{number}"), move |worker| {
                MINE.set(Some(10 * number as i64));
                X.store(10 * number as i64, Ordering::SeqCst);
                lesson.value(format!("mine.x of {}", worker.name()), MINE.get());
                let _ = all_are_here.wait_for(PATIENCE);
                // All read at the same time: each begins, waits until all have begun, and reads.
                worker.lane().running("reading the table");
                readers.most.fetch_max(readers.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _ = all_are_here.wait_for(PATIENCE);
                let differ = (0..reads).filter(|_| std::hint::black_box(&TABLE).iter().sum::<i64>() != 700).count();
                readers.now.fetch_sub(1, Ordering::SeqCst);
                readers.differ.fetch_add(differ, Ordering::SeqCst);
                serve(lesson, worker, number, &inbox, &answer);
            })?;
        }
        let desk = Desk { lesson, orders, answers, expected: (1..=threads as i64).map(|number| 10 * number).collect() };
        // The orders go with the desk, and the threads end without them.
        desk.attend(&main, deadline)
    })?;
    record.in_main = MINE.get();
    record.most_readers = readers.most.load(Ordering::SeqCst);
    record.reads_that_differ = readers.differ.load(Ordering::SeqCst);
    main.finish("ok");
    lesson.say(&format!(
        "private boxes {:?}, the global one {}, main's own box: {}",
        record.expected,
        record.global,
        told(record.in_main)
    ));
    Ok(facts(&record))
}

/// Does what main asks a thread for, until it asks for nothing more.
fn serve(lesson: &Lesson, worker: &Worker<'_>, number: usize, inbox: &Receiver<Order>, answer: &SyncSender<Found>) {
    loop {
        worker.lane().waiting("orders", None);
        let Ok(order) = inbox.recv() else { return };
        worker.lane().running("");
        if let Order::Put(new) = order {
            MINE.set(Some(new));
            lesson.value(format!("mine.x of {}", worker.name()), new);
        }
        let found = Found { number, private: MINE.get(), global: X.load(Ordering::SeqCst) };
        if answer.send(found).is_err() {
            return;
        }
    }
}

/// Where main sits: what it tells the threads, and what they answer.
struct Desk<'s> {
    lesson: &'s Lesson,
    orders: Vec<SyncSender<Order>>,
    answers: Receiver<Found>,
    expected: Vec<i64>,
}

impl Desk<'_> {
    fn attend(mut self, main: &crate::scenario::lesson::Task<'_>, deadline: Instant) -> Result<Record, LessonError> {
        let mut found = self.look();
        self.lesson.value("the global x", X.load(Ordering::SeqCst));
        let (mut edits, mut others_changed) = (0, 0);
        loop {
            main.waiting("you", None);
            let left = deadline.saturating_duration_since(Instant::now());
            let asked = self.lesson.next_action(left)?;
            main.running("");
            match asked {
                Some(asked) if asked.name == "finish" => break,
                Some(asked) => {
                    let was = self.expected.clone();
                    if let Err(why) = self.edit(&asked.target) {
                        self.lesson.refuse(&asked, &why);
                        continue;
                    }
                    edits += 1;
                    let before = std::mem::replace(&mut found, self.look());
                    let kept = was.iter().zip(&self.expected).map(|(old, new)| old == new);
                    let changed = before.iter().zip(&found).map(|(before, after)| before.private != after.private);
                    others_changed += kept.zip(changed).filter(|&(kept, changed)| kept && changed).count();
                    let global = X.load(Ordering::SeqCst);
                    self.lesson
                        .say(&format!("edit {}: private boxes {:?}, the global one {global}", asked.target, self.expected));
                }
                None if Instant::now() >= deadline => break,
                None => {}
            }
        }
        Ok(Record {
            private: found.iter().map(|found| found.private).collect(),
            seen_global: found.iter().map(|found| found.global).collect(),
            global: X.load(Ordering::SeqCst),
            expected: self.expected,
            in_main: None,
            edits,
            others_changed,
            most_readers: 0,
            reads_that_differ: 0,
        })
    }

    /// What each thread finds in its own box and in the global one, asked from the threads themselves.
    fn look(&self) -> Vec<Found> {
        let asked = self.orders.iter().filter(|orders| orders.send(Order::Look).is_ok()).count();
        let mut found: Vec<Found> = self.answers.iter().take(asked).collect();
        found.sort_by_key(|found| found.number);
        found
    }

    /// Puts a number into the box that is named, or one more than before; or says why it cannot.
    fn edit(&mut self, target: &str) -> Reply {
        let (name, number) = match target.split_once('=') {
            Some((name, number)) => {
                let number = number.trim().parse::<i32>().ok().filter(|number| number.unsigned_abs() <= MOST);
                (name.trim(), Some(number.ok_or("a box holds a whole number, as in th-1=50 or global=7")?))
            }
            None => (target.trim(), None),
        };
        if name == "global" {
            let number = number.map_or_else(|| X.load(Ordering::SeqCst) + 1, i64::from);
            X.store(number, Ordering::SeqCst);
            self.lesson.value("the global x", number);
            return Ok(());
        }
        let boxes: Vec<String> = (1..=self.expected.len()).map(|number| format!("th-{number}")).collect();
        let named = boxes.iter().position(|other| *other == name || name.is_empty());
        let at = named.ok_or_else(|| unknown("box", name, boxes.iter().map(String::as_str).chain(["global"])))?;
        self.expected[at] = number.map_or(self.expected[at] + 1, i64::from);
        let told = self.orders[at].send(Order::Put(self.expected[at])).is_ok() && self.answers.recv().is_ok();
        if told { Ok(()) } else { Err("that thread has ended".to_owned()) }
    }
}

fn told(private: Option<i64>) -> String {
    private.map_or_else(|| "nothing".to_owned(), |number| number.to_string())
}

fn facts(record: &Record) -> Facts {
    let threads = record.expected.len();
    let mut facts = vec![
        equals(
            "private",
            "each thread finds in its own box what was put there for it",
            record.expected.clone(),
            serde_json::json!(record.private),
        ),
        equals("main-empty", "main has put nothing into its own box, and finds there", "nothing", told(record.in_main)),
        equals(
            "global",
            "the global box is one: every thread reads what was written last",
            vec![record.global; threads],
            record.seen_global.clone(),
        ),
        equals(
            "readers",
            "reading together is harmless: threads that read the same table at the same time",
            threads,
            record.most_readers,
        ),
        equals("steady", "and all of them found the same: reads that differed", 0, record.reads_that_differ),
    ];
    if record.edits > 0 {
        facts.push(equals("others", "private boxes that changed when another one was edited", 0, record.others_changed));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Record)) -> Vec<String> {
        let mut record = Record {
            expected: vec![10, 20],
            private: vec![Some(10), Some(20)],
            global: 7,
            seen_global: vec![7, 7],
            in_main: None,
            edits: 1,
            others_changed: 0,
            most_readers: 2,
            reads_that_differ: 0,
        };
        change(&mut record);
        facts(&record).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|record| record.private[0] = Some(20)), ["private"]);
        assert_eq!(failed(|record| record.private[0] = None), ["private"]);
        assert_eq!(failed(|record| record.in_main = Some(20)), ["main-empty"]);
        assert_eq!(failed(|record| record.seen_global[1] = 10), ["global"]);
        assert_eq!(failed(|record| record.most_readers = 1), ["readers"]);
        assert_eq!(failed(|record| record.reads_that_differ = 1), ["steady"]);
        assert_eq!(failed(|record| record.others_changed = 1), ["others"]);
        assert_eq!(failed(|record| record.most_readers = 0), ["readers"]);
    }
}
