//! Deadlock: two locks, taken in two orders, and each thread waits for what the other one has (concept 33).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError, Lock};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (gap, timeout) = (params.seconds("gap"), params.seconds("timeout"));
    let (screen, prices) = (lesson.lock("screen"), lesson.lock("prices"));
    let share_prices = Mutex::new([100, 100, 100]);
    let shares = || share_prices.lock().unwrap_or_else(PoisonError::into_inner);
    let give_back = |lock: &Lock<'_>| {
        if let Err(error) = lock.release() {
            lesson.say(&format!("lock taken away: {error}"));
        }
    };

    let paint = || {
        screen.acquire();
        lesson.say("painter has the screen");
        lesson.sleep(gap);
        prices.acquire();
        let copy = *shares();
        give_back(&prices);
        lesson.say(&format!("painter shows {copy:?}"));
        give_back(&screen);
    };
    let trade = || {
        let (first, second) = if params.flag("same_order") { (&screen, &prices) } else { (&prices, &screen) };
        first.acquire();
        lesson.say("broker has its first lock");
        lesson.sleep(gap);
        while !second.acquire_for(timeout) {
            lesson.say("broker gives up");
            give_back(first);
            lesson.sleep(gap);
            first.acquire();
        }
        for share in 0..3 {
            shares()[share] += 1;
            lesson.sleep(Duration::from_millis(100));
        }
        lesson.say(&format!("the prices are now {:?}", *shares()));
        give_back(second);
        give_back(first);
    };

    lesson.scope(|scope| {
        scope.offer(&screen);
        scope.offer(&prices);
        let painter = scope.thread("painter", |_| paint())?;
        lesson.sleep(gap / 2);
        let broker = scope.thread("broker", |_| trade())?;
        painter.join();
        broker.join();
        Ok(())
    })
}
