//! Condition variables: a lock with a waiting room, and somebody who notifies (concept 38).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::TaskSort;
use crate::scenario::card::{Facts, Params, Reply, equals};
use crate::scenario::lesson::until::until;
use crate::scenario::lesson::{Condition, Lesson, LessonAction, LessonError, NotHeld, Worker, too_late};

/// Only a machine in trouble takes longer for what nobody else must do.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let customers = params.count("customers");
    let deadline = Instant::now() + params.seconds("patience");
    let shop = Shop { lesson, condition: lesson.condition("goods"), customers, counter: Mutex::default() };

    lesson.scope(|scope| {
        let threads = scope.threads("customer", customers, |customer| shop.buy(customer).is_ok())?;
        // Who is not there yet would not be woken.
        until(PATIENCE, || shop.counter().waiting == customers);
        main.waiting("you", None);
        let mut is_open = true;
        while is_open && threads.alive() > 0 && Instant::now() < deadline {
            threads.join_for(deadline.saturating_duration_since(Instant::now()), |asked| {
                is_open = asked.name != "finish";
                if is_open { shop.obey(asked) } else { Ok(()) }
            })?;
        }
        lesson.step_mode(false);
        let _ = shop.notify(Kind::Closed);
        threads.join(too_late)?;
        Ok::<_, LessonError>(())
    })?;
    main.finish("ok");
    let facts = facts(&shop.counter(), customers);
    Ok(facts)
}

struct Shop<'s> {
    lesson: &'s Lesson,
    condition: Condition<'s>,
    customers: usize,
    /// Changed by who holds the condition's lock.
    counter: Mutex<Counter>,
}

#[derive(Debug, Default, Clone)]
struct Counter {
    goods: usize,
    is_closed: bool,
    /// Customers in the waiting room.
    waiting: usize,
    served: usize,
    brought: usize,
    left_without: usize,
    /// Returns from `wait` after which somebody waited again.
    back_to_sleep: usize,
    notifications: Vec<Notification>,
    /// Whether the user has held somebody back in step mode: then nobody can say who woke by what.
    was_stepped: bool,
}

/// What main has told those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Notification {
    kind: Kind,
    /// How many had not left when main had the lock, how many of those waited, and how many woke by it.
    there: usize,
    waited: usize,
    woke: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One piece, for one of them.
    One,
    /// A piece for each.
    All,
    /// Nothing, for all.
    FalseAlarm,
    /// No more goods, for all.
    Closed,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::One => "notify",
            Self::All => "notify-all",
            Self::FalseAlarm => "false-alarm",
            Self::Closed => "finish",
        }
    }
}

impl Shop<'_> {
    fn counter(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a customer does: looks, waits while there is nothing, and takes a piece.
    fn buy(&self, customer: &Worker<'_>) -> Result<(), NotHeld> {
        self.condition.acquire();
        let mut woke = false;
        while self.is_nothing_there() {
            self.counter().back_to_sleep += usize::from(woke);
            self.counter().waiting += 1;
            self.condition.wait(None)?;
            woke = true;
            self.woke();
        }
        let mut counter = self.counter();
        if counter.goods > 0 {
            counter.goods -= 1;
            counter.served += 1;
        } else {
            counter.left_without += 1;
        }
        drop(counter);
        self.lesson.say(&format!("{} leaves", customer.name()));
        self.condition.release()
    }

    fn is_nothing_there(&self) -> bool {
        let counter = self.counter();
        counter.goods == 0 && !counter.is_closed
    }

    fn woke(&self) {
        let mut counter = self.counter();
        counter.waiting -= 1;
        if let Some(last) = counter.notifications.last_mut() {
            last.woke += 1;
        }
        self.lesson.value("customers that wait", counter.waiting);
    }

    /// Does what is asked, or says why it cannot.
    fn obey(&self, asked: &LessonAction) -> Reply {
        let kinds = [Kind::One, Kind::All, Kind::FalseAlarm];
        kinds.into_iter().find(|kind| kind.word() == asked.name).map_or(Ok(()), |kind| self.notify(kind))
    }

    fn notify(&self, kind: Kind) -> Reply {
        // All those threads are between acquire and release, too; wait() has let go of the lock.
        // In step mode somebody may keep the lock, and main would be deaf to the next step.
        let patience = if self.lesson.is_stepped() { Duration::from_millis(100) } else { PATIENCE };
        if !self.condition.acquire_for(patience) {
            let holder = self.condition.holder().unwrap_or_default();
            return Err(format!("{holder} has the lock, and stands still; let it take its next step"));
        }
        let mut counter = self.counter();
        let waited = counter.waiting;
        let brought = match kind {
            Kind::One => 1,
            Kind::All => waited,
            Kind::FalseAlarm | Kind::Closed => 0,
        };
        counter.goods += brought;
        counter.brought += brought;
        counter.is_closed |= kind == Kind::Closed;
        let there = self.customers - counter.served - counter.left_without;
        counter.notifications.push(Notification { kind, there, waited, woke: 0 });
        drop(counter);
        let told = if kind == Kind::One { self.condition.notify(1) } else { self.condition.notify_all() };
        told.and_then(|()| self.condition.release()).map_err(|error| error.to_string())?;
        // Until they have woken up: the next notification finds them where this one has put them.
        let awaited = if kind == Kind::One { waited.min(1) } else { waited };
        let all_woke = || self.counter().notifications.last().is_none_or(|last| last.woke >= awaited);
        until(PATIENCE, || self.lesson.is_stepped() || all_woke());
        self.counter().was_stepped |= self.lesson.is_stepped();
        let woke = self.counter().notifications.last().map_or(0, |last| last.woke);
        self.lesson.say(&format!("{}: {waited} waited, {woke} woke up", kind.word()));
        Ok(())
    }
}

fn facts(counter: &Counter, customers: usize) -> Facts {
    let of = |kinds: &'static [Kind]| counter.notifications.iter().filter(|told| kinds.contains(&told.kind) && told.waited > 0);
    let everybody = &[Kind::All, Kind::FalseAlarm, Kind::Closed];
    let asleep: usize = of(everybody).map(|told| told.waited.abs_diff(told.woke)).sum();
    let alarmed: usize = of(&[Kind::FalseAlarm]).map(|told| told.woke).sum();
    let mut facts = Facts::new();
    if let Some(first) = of(&[Kind::One]).next().filter(|_| !counter.was_stepped) {
        let woke = of(&[Kind::One]).find(|told| told.woke != 1).unwrap_or(first).woke;
        facts.push(equals("notify-one", "notify() wakes one of those who wait: customers that woke, each time", 1, woke));
    }
    if !counter.was_stepped {
        facts.push(equals("notify-all", "notify_all() wakes all who wait: customers that it left asleep", 0, asleep));
        facts.push(equals("back-to-sleep", "who wakes and finds nothing waits again: customers", alarmed, counter.back_to_sleep));
    }
    facts.extend([
        equals("goods", "each piece is bought once, or is still there: pieces", counter.brought, counter.served + counter.goods),
        equals(
            "customers",
            "nobody waits for ever: customers that bought, or left without",
            customers,
            counter.served + counter.left_without,
        ),
    ]);
    if let Some(first) = counter.notifications.iter().find(|told| told.there > 0) {
        let claim =
            "main gets the lock though all of them are inside the block, as wait() has let go of it: customers that wait there";
        facts.push(equals("lock", claim, first.there, first.waited));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Counter)) -> Vec<String> {
        let told = |kind, waited, woke| Notification { kind, there: waited, waited, woke };
        let mut counter = Counter {
            goods: 1,
            served: 2,
            brought: 3,
            left_without: 1,
            back_to_sleep: 2,
            notifications: vec![
                told(Kind::One, 3, 1),
                told(Kind::FalseAlarm, 2, 2),
                told(Kind::All, 1, 1),
                told(Kind::One, 0, 0),
                told(Kind::Closed, 0, 0),
            ],
            ..Counter::default()
        };
        change(&mut counter);
        facts(&counter, 3).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|counter| counter.notifications[0].woke = 3), ["notify-one"]);
        assert_eq!(failed(|counter| counter.notifications[0].woke = 0), ["notify-one"]);
        assert_eq!(failed(|counter| counter.notifications[2].woke = 0), ["notify-all"]);
        assert_eq!(failed(|counter| counter.back_to_sleep = 1), ["back-to-sleep"]);
        assert_eq!(failed(|counter| counter.goods = 0), ["goods"]);
        assert_eq!(failed(|counter| counter.left_without = 0), ["customers"]);
        assert_eq!(failed(|counter| counter.notifications[0].there = 4), ["lock"]);
    }

    #[test]
    fn what_was_not_put_to_the_test_is_not_claimed() {
        let ids: Vec<_> = facts(&Counter::default(), 0).into_iter().map(|fact| fact.id).collect();
        assert_eq!(ids, ["notify-all", "back-to-sleep", "goods", "customers"]);
    }
}
