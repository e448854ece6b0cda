//! What a run of this lesson shows: the order of the events, and when they ran.

use std::time::Duration;

use crate::model::{Event, EventKind, TaskSort, TaskState};
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, at_least, equals};

#[derive(Debug, Default)]
pub(super) struct Agenda {
    printed: PrintedLines,
    /// The lanes of the events, in the order in which they were entered.
    entered: Vec<String>,
    /// Those that ran, in that order.
    ran: Vec<String>,
    /// Whether a person has taken an event out of the queue.
    is_touched: bool,
}

impl Judge for Agenda {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, sort: TaskSort::Event, .. } => self.entered.push(task.clone()),
            EventKind::TaskChanged { task, state: TaskState::Running, .. }
                if self.entered.contains(task) && !self.ran.contains(task) =>
            {
                self.ran.push(task.clone());
            }
            EventKind::Action { action, .. } if action.word() == "cancel" => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let Some(ended) = self.milliseconds("run() ended at ") else { return Facts::new() };
        let (tick, blinks) = (params.seconds("tick"), params.count("blinks") as u32);
        let mut facts = Facts::new();
        if let (Some(a), Some(b)) = (self.place("a"), self.place("b")) {
            let is_b_first = params.count("priority_b") < params.count("priority_a");
            let names = |is_b_first| if is_b_first { vec!["b", "a"] } else { vec!["a", "b"] };
            facts.push(equals(
                "same-time",
                "of two events for the same moment, the lower number ran first, and of equal ones the one that was entered first",
                names(is_b_first),
                names(b < a),
            ));
        }
        if let Some(a) = self.milliseconds("a at ") {
            facts.push(at_least("not-early", "a ran no earlier than its time: milliseconds", whole(tick * 2), a));
        }
        if self.is_touched {
            return facts;
        }
        if let Some(last) = self.place("last") {
            // a, b and the blinks that are due before it.
            facts.push(equals(
                "order",
                "the event that was entered first, for a late time, had this place among all that ran",
                blinks.min(3) + 3,
                last,
            ));
        }
        let never: Vec<&str> = self.entered.iter().filter(|task| !self.ran.contains(task)).map(|task| plain(task)).collect();
        facts.push(equals("cancelled", "events that did not run", vec!["never"], never));
        let latest = (tick * 3).max(tick * blinks.saturating_sub(1) + tick / 2);
        facts.push(at_least("waits", "run() kept main until the last event was over: milliseconds", whole(latest), ended));
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

impl Agenda {
    /// The place of an event among those that ran, from 1.
    fn place(&self, name: &str) -> Option<usize> {
        self.ran.iter().position(|task| plain(task) == name).map(|place| place + 1)
    }

    /// The time in the first line that begins so.
    fn milliseconds(&self, words: &str) -> Option<u64> {
        let seconds: f64 = self.printed.after(words)?.strip_suffix(" s")?.parse().ok()?;
        Some((seconds * 1000.0).round() as u64)
    }
}

/// A name without the number of the first one.
fn plain(task: &str) -> &str {
    task.strip_suffix("-1").unwrap_or(task)
}

/// The whole milliseconds of a time. What is printed is rounded, so that it is never below.
fn whole(time: Duration) -> u64 {
    time.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::card::printed_lines::printed;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::SCHEDULE.params);
        let enters = |name: &&str| format!(r#"{{"t":1,"kind":"task.started","task":"{name}","sort":"event","pid":9,"line":3}}"#);
        let runs = |name: &str| format!(r#"{{"t":1,"kind":"task.state","task":"{name}","state":"running","on":"main"}}"#);
        let run = |ran: &[&str], ended: &str| {
            let entered = ["last", "a", "b", "never", "blink", "blink-2", "blink-3"];
            let lines = entered.iter().map(enters).chain(ran.iter().map(|name| runs(name)));
            lines.chain([printed(ended)]).collect::<Vec<_>>().join("\n")
        };
        let (good, times) = (["blink", "blink-2", "b", "a", "blink-3", "last"], "a at 2.000 s\nrun() ended at 3.000 s\n");
        let failed = |ran: &[&str], times: &str| failed(Agenda::default(), &params, &run(ran, times));
        assert_eq!(failed(&good, times), [""; 0]);
        assert_eq!(failed(&["blink", "blink-2", "a", "b", "blink-3", "last"], times), ["same-time"]);
        assert_eq!(failed(&["last", "blink", "blink-2", "b", "a", "blink-3"], times), ["order"]);
        assert_eq!(failed(&good, &times.replace("2.000", "1.999")), ["not-early"]);
        assert_eq!(failed(&good, &times.replace("3.000", "2.999")), ["waits"]);
        assert_eq!(failed(&["blink", "blink-2", "b", "a", "blink-3", "last", "never"], times), ["cancelled"]);
        assert_eq!(failed(&good[..3], "a at 0.100 s\n"), [""; 0], "a run that was killed");
    }
}
