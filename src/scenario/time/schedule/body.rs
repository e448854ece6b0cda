//! Scheduled events: a queue sorted by time, and a run that waits for each (concepts 96 to 101). One thread, which
//! sleeps in `run` until something is due, or until somebody enters or cancels an event.

use std::time::Duration;

use crate::model::{Level, Line, Monotonic, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::schedule::{EventId, Schedule};

/// Events that one run takes, with those that a person enters.
const MOST_EVENTS: usize = 200;
/// Characters of an event's name.
const LONGEST_NAME: usize = 24;

/// What an event does when it is due.
struct Pin<'s> {
    name: String,
    lane: Task<'s>,
    does: Does,
}

#[derive(Debug, Clone, Copy)]
enum Does {
    /// Prints its name.
    Say,
    /// Sets the LED.
    Led(Level),
}

/// What was entered, cancelled and run: names with the identity that orders them.
#[derive(Debug, Clone, Default)]
struct History {
    entered: Vec<(EventId, String)>,
    cancelled: Vec<EventId>,
    /// With the moment when it began.
    ran: Vec<(EventId, Monotonic)>,
    /// The moment for which a and b were entered.
    same_time: Monotonic,
    left: usize,
}

struct Ruler<'s> {
    lesson: &'s Lesson,
    schedule: Schedule<Pin<'s>>,
    history: History,
    tick: Duration,
    led: Line,
}

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let tick = params.seconds("tick");
    let mut ruler = Ruler { lesson, schedule: Schedule::default(), history: History::default(), tick, led: params.line("line") };
    let start = lesson.now();
    let priority = |name| params.count(name) as i32;

    ruler.enter(start + tick * 3, 1, "three", Does::Say);
    ruler.enter(start + tick, 1, "one", Does::Say);
    ruler.history.same_time = start + tick * 2;
    ruler.enter(start + tick * 2, priority("priority_a"), "a", Does::Say);
    ruler.enter(start + tick * 2, priority("priority_b"), "b", Does::Say);
    let twin = ruler.enter(start + tick * 2, 5, "twin", Does::Say);
    ruler.enter(start + tick * 2, 5, "twin-2", Does::Say);
    for blink in 0..params.count("blinks") as u32 {
        let on = start + tick * blink + tick / 4;
        ruler.enter(on, 1, &format!("led-on-{}", blink + 1), Does::Led(Level::High));
        ruler.enter(on + tick / 2, 0, &format!("led-off-{}", blink + 1), Does::Led(Level::Low));
    }
    ruler.cancel(twin);

    main.waiting("run()", None);
    while let Some(due) = ruler.schedule.next_due() {
        if let Some(asked) = lesson.next_action(due.since(lesson.now()))? {
            ruler.obey(&asked);
        }
        while let Some((id, pin)) = ruler.schedule.pop_due(lesson.now()) {
            ruler.history.ran.push((id, lesson.now()));
            ruler.perform(pin);
        }
    }
    main.finish("ok");
    ruler.history.left = ruler.schedule.len();
    lesson.value("latest event late by (ms)", (ruler.history.latest().as_secs_f64() * 1e4).round() / 10.0);
    Ok(facts(&ruler.history))
}

impl<'s> Ruler<'s> {
    /// Enters an event; a name that is taken gets a number.
    fn enter(&mut self, time: Monotonic, priority: i32, name: &str, does: Does) -> EventId {
        let taken = |name: &str| self.history.entered.iter().any(|(_, other)| other == name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let name = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default();
        let lane = self.lesson.task(&name, TaskSort::Event);
        lane.waiting("the clock", None);
        let id = self.schedule.enterabs(time, priority, Pin { name: name.clone(), lane, does });
        self.history.entered.push((id, name));
        self.show_queue();
        id
    }

    fn cancel(&mut self, id: EventId) {
        if let Some(pin) = self.schedule.cancel(id) {
            pin.lane.finish("cancelled");
            self.history.cancelled.push(id);
            self.show_queue();
        }
    }

    fn obey(&mut self, asked: &LessonAction) {
        let name = asked.target.trim();
        let named = self.schedule.queue().find(|(_, pin)| pin.name == name).map(|(id, _)| id);
        match (asked.name.as_str(), named) {
            ("enter", _) if self.history.entered.len() >= MOST_EVENTS => {
                self.lesson.refuse(asked, &format!("{MOST_EVENTS} events are enough for one run"));
            }
            ("enter", _) if name.chars().count() > LONGEST_NAME => {
                self.lesson.refuse(asked, &format!("a name has {LONGEST_NAME} characters at most"));
            }
            ("enter", _) => {
                let name = if name.is_empty() { "extra" } else { name };
                self.enter(self.lesson.now() + self.tick, 1, name, Does::Say);
            }
            (_, Some(id)) => self.cancel(id),
            (_, None) => {
                self.lesson.refuse(asked, &unknown("event in the queue", name, self.schedule.queue().map(|(_, pin)| &pin.name)));
            }
        }
    }

    fn perform(&self, pin: Pin<'s>) {
        pin.lane.running("");
        match pin.does {
            Does::Say => self.lesson.say(&format!("{} at {:.3} s", pin.name, self.lesson.now().secs())),
            Does::Led(level) => self.lesson.gpio(self.led, level),
        }
        pin.lane.finish("ok");
        self.show_queue();
    }

    /// The queue's listing, as many names as fit a line.
    fn show_queue(&self) {
        self.lesson.value("the queue", self.schedule.queue().take(40).map(|(_, pin)| pin.name.clone()).collect::<Vec<_>>());
    }
}

impl History {
    fn name(&self, id: EventId) -> String {
        self.entered.iter().find(|(other, _)| *other == id).map(|(_, name)| name.clone()).unwrap_or_default()
    }

    fn names(&self, ids: impl IntoIterator<Item = EventId>) -> Vec<String> {
        ids.into_iter().map(|id| self.name(id)).collect()
    }

    fn latest(&self) -> Duration {
        self.ran.iter().map(|(id, at)| at.since(id.time())).max().unwrap_or_default()
    }
}

fn facts(history: &History) -> Facts {
    let ran = || history.ran.iter().map(|(id, _)| *id);
    let mut kept: Vec<EventId> = history.entered.iter().map(|(id, _)| *id).filter(|id| !history.cancelled.contains(id)).collect();
    kept.sort_unstable();
    let at_once = |id: &EventId| id.time() == history.same_time;
    let mut lost: Vec<EventId> =
        history.entered.iter().map(|(id, _)| *id).filter(|id| !ran().any(|other| other == *id)).collect();
    let mut cancelled = history.cancelled.clone();
    lost.sort_unstable();
    cancelled.sort_unstable();
    let early = history.ran.iter().filter(|(id, at)| *at < id.time()).count();
    vec![
        equals(
            "order",
            "events run in the order of their times, however they were entered",
            history.names(kept.iter().copied()),
            history.names(ran()),
        ),
        equals(
            "same-time",
            "of events with the same time, the one with the lower number runs first; of equal ones, the one that was entered first",
            history.names(kept.iter().copied().filter(at_once)),
            history.names(ran().filter(at_once)),
        ),
        equals(
            "cancelled",
            "what was cancelled does not run, and nothing else is missing: events that did not run",
            history.names(cancelled),
            history.names(lost),
        ),
        equals("not-early", "no event runs before its time: events that did", 0, early),
        equals("empty", "run() returns when the queue is empty: events that were left", 0, history.left),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut schedule = Schedule::default();
        let at = Monotonic::from_nanos;
        let entered: Vec<_> = [("late", 9, 1), ("a", 5, 2), ("b", 5, 1), ("gone", 7, 1)]
            .into_iter()
            .map(|(name, time, priority)| (schedule.enterabs(at(time), priority, ()), name.to_owned()))
            .collect();
        let [late, a, b, gone] = [0, 1, 2, 3].map(|n: usize| entered[n].0);
        History { entered, cancelled: vec![gone], ran: vec![(b, at(5)), (a, at(6)), (late, at(9))], same_time: at(5), left: 0 }
    }

    fn failed(change: impl FnOnce(&mut History)) -> Vec<String> {
        let mut history = history();
        change(&mut history);
        facts(&history).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|history| history.ran.swap(0, 1)), ["order", "same-time"]);
        assert_eq!(failed(|history| history.ran.swap(0, 2)), ["order", "same-time"]);
        assert_eq!(failed(|history| history.ran.truncate(2)), ["order", "cancelled"]);
        assert_eq!(failed(|history| history.cancelled.clear()), ["order", "cancelled"]);
        assert_eq!(failed(|history| history.ran[0].1 = Monotonic::from_nanos(4)), ["not-early"]);
        assert_eq!(failed(|history| history.left = 1), ["empty"]);
    }
}
