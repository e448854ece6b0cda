//! Semaphores: a few may enter, the rest queue, and nobody owns a permit (concept 34).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Level, TaskSort};
use crate::scenario::card::wiring::LED_BAR;
use crate::scenario::card::{Facts, Params, at_most, equals};
use crate::scenario::lesson::{Lesson, LessonError, Semaphore, Worker};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let (threads, visits) = (params.count("threads"), params.count("visits"));
    let door = lesson.semaphore("door", params.count("permits"));
    let room = Room { lesson, record: Mutex::new(Record::new(params.count("permits"))) };

    lesson.scope(|scope| {
        let visitors = scope.threads("visitor", threads, |visitor| {
            for _ in 0..visits {
                door.acquire();
                let led = room.enter(visitor);
                visitor.lane().running("inside");
                std::thread::sleep(params.seconds("stay"));
                room.leave(led);
                door.release();
                visitor.sleep(params.seconds("stay") / 3);
            }
        })?;
        main.waiting("the visitors", None);
        let mut guards = 0;
        let visited = visitors.join(|asked| {
            match asked.name.as_str() {
                "more" if !room.has_led_to_spare() => return Err("there are eight LEDs, and each permit has one".to_owned()),
                "more" => room.add_permit(&door),
                _ if !room.spares_one() => return Err("the last permit stays, or nobody would ever enter".to_owned()),
                _ => {
                    guards += 1;
                    let guard = scope.thread(&format!("guard-{guards}"), |_| {
                        door.acquire();
                        room.keep_permit();
                    });
                    guard.map_err(|error| error.to_string())?;
                }
            }
            Ok(())
        });
        // Guards that stand at a gate of step mode go on: nobody is told to let them pass any more.
        lesson.step_mode(false);
        visited
    })?;
    main.finish("ok");
    Ok(facts(&room.record(), threads * visits, door.free()))
}

/// What is behind the door, and who keeps the book.
struct Room<'s> {
    lesson: &'s Lesson,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    /// Permits that there are, and those that guards are about to take away.
    permits: usize,
    leaving: usize,
    /// Who is inside: for each LED, whether somebody has its permit.
    inside: [bool; LED_BAR.len()],
    most_permits: usize,
    most_inside: usize,
    entries: usize,
    /// Entries beyond the permits of that moment.
    over: usize,
}

impl Record {
    fn new(permits: usize) -> Self {
        Self { permits, most_permits: permits, ..Self::default() }
    }

    fn count_inside(&self) -> usize {
        self.inside.iter().filter(|is_taken| **is_taken).count()
    }
}

impl Room<'_> {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody has come in; gives the LED that was lit for that.
    fn enter(&self, visitor: &Worker<'_>) -> Option<usize> {
        let mut record = self.record();
        let led = record.inside.iter().position(|is_taken| !is_taken);
        if let Some(led) = led {
            record.inside[led] = true;
            self.lesson.gpio(LED_BAR[led], Level::High);
        }
        record.entries += 1;
        record.over += usize::from(led.is_none() || record.count_inside() > record.permits);
        record.most_inside = record.most_inside.max(record.count_inside());
        self.lesson.value("threads inside", record.count_inside());
        self.lesson.say(&format!(
            "{} is inside, with {} of {} permits in use",
            visitor.name(),
            record.count_inside(),
            record.permits
        ));
        led
    }

    fn leave(&self, led: Option<usize>) {
        let mut record = self.record();
        if let Some(led) = led {
            record.inside[led] = false;
            self.lesson.gpio(LED_BAR[led], Level::Low);
        }
        self.lesson.value("threads inside", record.count_inside());
    }

    fn has_led_to_spare(&self) -> bool {
        self.record().permits < LED_BAR.len()
    }

    /// Whether a permit would be left if one more were taken away.
    fn spares_one(&self) -> bool {
        let mut record = self.record();
        let spares = record.permits > record.leaving + 1;
        record.leaving += usize::from(spares);
        spares
    }

    /// There is one more before it is released: nobody enters by it earlier.
    fn add_permit(&self, door: &Semaphore<'_>) {
        let mut record = self.record();
        record.permits += 1;
        record.most_permits = record.most_permits.max(record.permits);
        self.lesson.value("permits", record.permits);
        drop(record);
        door.release();
    }

    /// A guard has one, and keeps it.
    fn keep_permit(&self) {
        let mut record = self.record();
        record.permits -= 1;
        record.leaving -= 1;
        self.lesson.value("permits", record.permits);
    }
}

fn facts(record: &Record, visits: usize, left: usize) -> Facts {
    vec![
        at_most(
            "inside",
            "never more threads are inside than there are permits: at the same time, at most",
            record.most_permits as u64,
            record.most_inside as u64,
        ),
        equals("over", "nobody enters without a permit: entries beyond the permits of that moment", 0, record.over),
        equals("all-in", "whoever waits gets in some time: entries", visits, record.entries),
        equals(
            "permits-left",
            "when all have left, every permit is free, whoever released it: free permits",
            record.permits,
            left,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Record, &mut usize)) -> Vec<String> {
        let mut record = Record { most_inside: 3, entries: 24, ..Record::new(3) };
        let mut left = 3;
        change(&mut record, &mut left);
        facts(&record, 24, left).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_, _| ()), [""; 0]);
        assert_eq!(failed(|record, _| record.most_inside = 4), ["inside"]);
        assert_eq!(failed(|record, _| record.over = 1), ["over"]);
        assert_eq!(failed(|record, _| record.entries = 23), ["all-in"]);
        assert_eq!(failed(|_, left| *left = 2), ["permits-left"]);
    }

    #[test]
    fn an_entry_beyond_the_permits_is_counted() {
        let lesson = Lesson::new(None, None, crate::model::Monotonic::ZERO);
        let room = Room { lesson: &lesson, record: Mutex::new(Record::new(1)) };
        let over = lesson.scope(|scope| {
            let two = scope.threads("visitor", 2, |visitor| room.enter(visitor).is_some());
            two.and_then(|two| two.join(|_| Ok(()))).map(|_| room.record().over)
        });
        assert_eq!(over.expect("threads"), 1);
    }
}
