//! Condition variables: a lock with a waiting room, and who is woken in it (concept 38).

use std::sync::{Mutex, PoisonError};

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError, NotHeld, Worker};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (customers, pause) = (params.count("customers"), params.seconds("pause"));
    let shop = lesson.condition("shop");
    let goods = Mutex::new(Vec::new());
    let shelf = || goods.lock().unwrap_or_else(PoisonError::into_inner);

    let buy = |customer: &Worker<'_>| -> Result<(), NotHeld> {
        let _inside = shop.held();
        let bought = loop {
            let found = shelf().pop();
            if let Some(found) = found {
                break found;
            }
            shop.wait(None)?;
            customer.say("wakes up");
        };
        customer.say(&format!("buys {bought}"));
        Ok(())
    };
    let visit = |brings: &str, things: Vec<&'static str>, wakes_all: bool| {
        lesson.sleep(pause);
        let _inside = shop.held();
        lesson.say(&format!("main brings {brings}"));
        shelf().extend(things);
        // It has the lock of the shop.
        let _ = if wakes_all { shop.notify_all() } else { shop.notify(1) };
    };

    lesson.scope(|scope| {
        scope.offer(&shop);
        let threads = scope.threads("customer", customers, buy)?;
        visit("one loaf: notify()", vec!["a loaf"], false);
        visit("nothing", Vec::new(), true);
        visit("cakes", vec!["a cake"; customers - 1], true);
        threads.wait();
        Ok(())
    })
}
