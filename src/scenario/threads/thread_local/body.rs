//! Thread-local data: one name and a box for each thread, or one box for all; and what readers see while somebody writes
//! (concepts 25 and 26).

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError, Lock, Worker};

thread_local! {
    static MINE: Cell<Option<i64>> = const { Cell::new(None) };
}

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (threads, reads) = (params.count("threads"), params.count("reads"));
    let (pause, gap) = (params.seconds("pause"), params.seconds("gap"));
    let accounts = lesson.lock("accounts");
    // What several threads write is an atomic number or stands behind a Mutex: Rust allows nothing else.
    let x = AtomicI64::new(0);
    let (left, right) = (AtomicI64::new(50), AtomicI64::new(50));
    let sums = Mutex::new(Vec::new());

    let fill = |worker: &Worker<'_>| {
        worker.sleep(Duration::from_millis(200) * worker.number() as u32);
        let number = 10 * worker.number() as i64;
        MINE.set(Some(number));
        x.store(number, Ordering::SeqCst);
        lesson.value("x", number);
        worker.sleep(pause);
        let mine = MINE.get().unwrap_or_default();
        lesson.say(&format!("{} finds: mine.x {mine}, x {}", worker.name(), x.load(Ordering::SeqCst)));
    };
    let move_money = |writer: &Worker<'_>| {
        for _ in 0..reads {
            let held = accounts.held();
            left.fetch_sub(1, Ordering::SeqCst);
            writer.sleep(gap);
            right.fetch_add(1, Ordering::SeqCst);
            drop(held);
            writer.sleep(gap);
        }
    };
    let read = |reader: &Worker<'_>, guard: Option<&Lock<'_>>| {
        for _ in 0..reads {
            let held = guard.map(Lock::held);
            let sum = left.load(Ordering::SeqCst) + right.load(Ordering::SeqCst);
            sums.lock().unwrap_or_else(PoisonError::into_inner).push(sum);
            drop(held);
            reader.sleep(gap);
        }
    };

    lesson.scope(|scope| {
        scope.offer(&accounts);
        scope.threads("th", threads, fill)?.wait();
        let mine = MINE.get().map_or_else(|| "nothing".to_owned(), |number| number.to_string());
        lesson.say(&format!("main finds: mine.x {mine}, x {}", x.load(Ordering::SeqCst)));

        for (title, guard, has_writer) in
            [("nobody writes", None, false), ("the writer locks", None, true), ("readers lock, too", Some(&accounts), true)]
        {
            let readers = scope.threads("reader", threads, move |reader| read(reader, guard))?;
            if has_writer {
                scope.threads_named(["writer"], move_money)?.wait();
            }
            readers.wait();
            let sums = std::mem::take(&mut *sums.lock().unwrap_or_else(PoisonError::into_inner));
            let wrong = sums.iter().filter(|sum| **sum != 100).count();
            lesson.say(&format!("{title}: {} sums, wrong: {wrong}", sums.len()));
        }
        Ok(())
    })
}
