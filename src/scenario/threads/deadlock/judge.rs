//! What a run of this lesson shows: who waited for whom, what ended that, and whether both came to their end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Event, EventKind, Fact, Monotonic, TaskState};
use crate::scenario::card::{Facts, Judge, Params, RELEASE, equals};

const PAINTER: &str = "painter";
const BROKER: &str = "broker";
const SCREEN: &str = "lock screen";
const PRICES: &str = "lock prices";
/// A lock that is taken away so shortly before the end of the broker's time may have come too late.
const CLOSE: Duration = Duration::from_millis(300);
/// What a wait may seem shorter than it was.
const BLUR: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "it is the word of the lesson")]
pub(super) struct Circle {
    /// For each task: what it waits for now, and who has that.
    waits: BTreeMap<String, (String, Option<String>)>,
    /// The locks that each task has had, and when it got its first one.
    had: BTreeMap<String, BTreeSet<String>>,
    began: BTreeMap<String, Monotonic>,
    /// When the painter was about to take its second lock.
    painter_asks: Option<Monotonic>,
    circle: Option<Monotonic>,
    over: Option<Monotonic>,
    broker_gave_up: bool,
    /// When a person took a lock away while the circle stood.
    taken_away: Option<Monotonic>,
    /// Whether a person did something before there was a circle.
    is_touched: bool,
    finished: BTreeSet<String>,
}

impl Judge for Circle {
    fn see(&mut self, event: &Event) {
        match &event.kind {
            EventKind::TaskChanged { task, state, on, held_by, .. } if task == PAINTER || task == BROKER => {
                if *state == TaskState::Waiting
                    && let Some(on) = on
                {
                    self.waits.insert(task.clone(), (on.clone(), held_by.clone()));
                    if self.circle.is_none() && self.is_closed() {
                        self.circle = Some(event.t);
                    }
                } else if self.waits.remove(task).is_some() && self.circle.is_some() {
                    self.over.get_or_insert(event.t);
                }
                if *state == TaskState::Running {
                    if let Some(lock) = on {
                        self.had.entry(task.clone()).or_default().insert(lock.clone());
                        self.began.entry(task.clone()).or_insert(event.t);
                    }
                } else if *state == TaskState::Waiting && task == PAINTER && on.as_deref() == Some(PRICES) {
                    self.painter_asks.get_or_insert(event.t);
                }
            }
            EventKind::Operation { task, action, on, result, .. }
                if task == BROKER && action == "acquire" && on.as_deref() == Some(SCREEN) =>
            {
                let has_got = result.as_ref().and_then(serde_json::Value::as_bool) == Some(true);
                // The line that its wait is over comes just before.
                let ends_it = self.circle.is_some() && self.over.is_none_or(|over| event.t.since(over) < CLOSE);
                self.broker_gave_up |= ends_it && !has_got;
            }
            EventKind::Action { action, .. } => match (self.circle, self.over) {
                (None, _) => self.is_touched = true,
                (Some(_), None) if action.word() == RELEASE && [SCREEN, PRICES].contains(&&*action.target()) => {
                    self.taken_away = Some(event.t);
                }
                _ => {}
            },
            EventKind::TaskFinished { task, .. } => _ = self.finished.insert(task.clone()),
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let is_same = params.flag("same_order");
        if self.circle.is_some() || self.is_decided(is_same) {
            let waits = "painter for lock prices of broker, broker for lock screen of painter";
            let word = |is_there: bool| if is_there { waits } else { "nobody in a circle" };
            let claim = "who waited for whom at the same time";
            facts.push(equals("circle", claim, word(!is_same), word(self.circle.is_some())));
        }
        if let (Some(began), Some(over)) = (self.circle, self.over) {
            facts.extend(self.ended(began, over, params.seconds("timeout")));
        }
        if [PAINTER, BROKER].iter().all(|task| self.finished.contains(*task)) {
            let both = self.had.values().filter(|locks| locks.contains(SCREEN) && locks.contains(PRICES)).count();
            facts.push(equals("both-done", "threads that had both locks in the end", 2, both));
        }
        facts
    }
}

impl Circle {
    fn is_closed(&self) -> bool {
        let waits_for = |task: &str, lock: &str, holder: &str| {
            self.waits.get(task).is_some_and(|(on, by)| on == lock && by.as_deref() == Some(holder))
        };
        waits_for(PAINTER, PRICES, BROKER) && waits_for(BROKER, SCREEN, PAINTER)
    }

    /// Whether a circle would have been seen by now: each has had its first lock before the other one asked for it.
    fn is_decided(&self, is_same: bool) -> bool {
        if is_same {
            return self.finished.contains(BROKER);
        }
        let met = self.began.get(BROKER).zip(self.painter_asks).is_some_and(|(broker, painter)| *broker < painter);
        met && !self.is_touched && self.finished.contains(PAINTER)
    }

    /// What ended the circle, and how long it stood, if nobody was there to end it.
    fn ended(&self, began: Monotonic, over: Monotonic, timeout: Duration) -> Facts {
        let by = |you: bool| if you { "you took a lock away" } else { "the broker gave up when its time was over" };
        let mut facts = Facts::new();
        let is_close = self.taken_away.is_some_and(|at| over.since(at) < CLOSE) && self.broker_gave_up;
        if !is_close {
            facts.push(equals("ended", "what ended the deadlock", by(self.taken_away.is_some()), by(!self.broker_gave_up)));
        }
        if self.taken_away.is_none() {
            let (least, stood) = (timeout.saturating_sub(BLUR).as_secs_f64(), over.since(began).as_secs_f64());
            facts.push(Fact {
                id: "stood".to_owned(),
                claim: "the deadlock stood until the broker's time was over: seconds".to_owned(),
                expected: format!(">= {least:.1}").into(),
                observed: ((stood * 10.0).round() / 10.0).into(),
                holds: stood >= least,
            });
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const STANDS: &str = r#"
        {"t":1000000000,"kind":"task.state","task":"painter","state":"running","on":"lock screen"}
        {"t":1500000000,"kind":"task.state","task":"broker","state":"running","on":"lock prices"}
        {"t":2000000000,"kind":"task.state","task":"painter","state":"waiting","on":"lock prices","held_by":"broker"}
        {"t":2500000000,"kind":"task.state","task":"broker","state":"waiting","on":"lock screen","held_by":"painter"}"#;
    const GIVES_UP: &str = r#"
        {"t":6500000000,"kind":"task.state","task":"broker","state":"running","on":"lock prices"}
        {"t":6500000001,"kind":"op","task":"broker","do":"acquire","on":"lock screen","result":false}"#;
    const BOTH: &str = r#"
        {"t":6600000000,"kind":"task.state","task":"painter","state":"running","on":"lock prices","woken_by":"broker"}
        {"t":6700000000,"kind":"task.finished","task":"painter","result":"ok"}
        {"t":8000000000,"kind":"task.state","task":"broker","state":"running","on":"lock screen"}
        {"t":8000000001,"kind":"task.finished","task":"broker","result":"ok"}"#;
    const RELEASED: &str = r#"{"t":3000000000,"kind":"action","do":"release","target":"lock screen","by":"you"}"#;

    fn failed_in(same_order: &str, lines: &str) -> Vec<String> {
        let specs = super::super::card::DEADLOCK.params;
        let mut params = Params::defaults(specs);
        params.set(specs, "same_order", same_order).expect("a flag");
        failed(Circle::default(), &params, lines)
    }

    #[test]
    fn each_claim_can_fail() {
        let all = [STANDS, GIVES_UP, BOTH].concat();
        assert_eq!(failed_in("false", &all), [""; 0]);
        assert_eq!(failed_in("true", &all), ["circle"]);
        let meets_nobody = [&STANDS.replace("broker\"}", "main\"}"), BOTH].concat();
        assert_eq!(failed_in("false", &meets_nobody), ["circle"]);
        assert_eq!(failed_in("false", &all.replace("result\":false", "result\":true")), ["ended"]);
        assert_eq!(failed_in("false", &all.replace("6500000", "4500000")), ["stood"]);
        let without = all.replace(r#""running","on":"lock screen"}"#, r#""running"}"#);
        assert_eq!(failed_in("false", &without), ["both-done"]);
        assert_eq!(failed_in("false", &[STANDS, "\n", RELEASED, GIVES_UP, BOTH].concat()), ["ended"]);
        let another = RELEASED.replace("screen", "nothing");
        assert_eq!(failed_in("false", &[STANDS, "\n", &another, GIVES_UP, BOTH].concat()), [""; 0]);
    }

    #[test]
    fn nothing_is_claimed_of_a_lock_that_was_taken_away_at_the_last_moment() {
        let late = RELEASED.replace("\"t\":3000000000", "\"t\":6400000000");
        assert_eq!(failed_in("false", &[STANDS, "\n", &late, GIVES_UP, BOTH].concat()), [""; 0]);
        let early = RELEASED.replace("\"t\":3000000000", "\"t\":1600000000");
        let lines = format!("{early}\n{}{BOTH}", STANDS.replace("broker\"}", "main\"}"));
        assert_eq!(failed_in("false", &lines), [""; 0]);
    }
}
