//! What a run of this lesson shows: whom each of main's visits woke, and who waited again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Event, EventKind, Monotonic, TaskState};
use crate::scenario::card::{Facts, Judge, Params, equals};

const SHOP: &str = "condition shop";
const LOCK: &str = "lock shop";
/// On a busy machine a line may come so late.
const LATE: Duration = Duration::from_millis(400);

#[derive(Debug, Default)]
pub(super) struct Shop {
    now: Monotonic,
    /// The last state of each task: whether it waits in the shop, and whether it has its lock.
    states: BTreeMap<String, State>,
    /// When each customer first had the lock.
    entered: BTreeMap<String, Monotonic>,
    visits: Vec<Visit>,
    /// When a person last woke somebody.
    notified: Option<Monotonic>,
    finished: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Waits,
    HasLock,
    Other,
}

/// A time that main had the lock of the shop.
#[derive(Debug)]
struct Visit {
    at: Monotonic,
    waiting: usize,
    /// The customers that were inside their block, and those of them that waited.
    inside: (usize, usize),
    woken: BTreeSet<String>,
    back: BTreeSet<String>,
    /// Whether somebody may be on the way whom a person has woken.
    is_blurred: bool,
    /// Whether somebody had bought something before.
    has_sold: bool,
}

impl Judge for Shop {
    fn see(&mut self, event: &Event) {
        self.now = event.t;
        match &event.kind {
            EventKind::TaskChanged { task, state, on, woken_by, .. } => {
                let next = match (state, on.as_deref()) {
                    (TaskState::Waiting, Some(SHOP)) => State::Waits,
                    (TaskState::Running, Some(LOCK)) => State::HasLock,
                    _ => State::Other,
                };
                let before = self.states.insert(task.clone(), State::Other).unwrap_or(State::Other);
                if task == "main" {
                    if next == State::HasLock && before != State::HasLock {
                        self.comes(event.t);
                    }
                } else {
                    if next == State::HasLock {
                        self.entered.entry(task.clone()).or_insert(event.t);
                    }
                    if let Some(visit) = self.visits.last_mut() {
                        if before == State::Waits && woken_by.as_deref() == Some("main") {
                            visit.woken.insert(task.clone());
                        } else if next == State::Waits && visit.woken.contains(task) {
                            visit.back.insert(task.clone());
                        }
                    }
                }
                self.states.insert(task.clone(), next);
            }
            EventKind::TaskFinished { task, .. } => {
                self.states.remove(task);
                self.entered.remove(task);
                self.finished.insert(task.clone());
            }
            EventKind::Action { action, .. } if action.target() == SHOP => self.notified = Some(event.t),
            _ => {}
        }
    }

    fn claims(&self, _: &Params) -> Facts {
        let mut facts = Facts::new();
        if let Some(first) = self.visits.first().filter(|visit| !visit.is_blurred) {
            let claim = "main got the lock while customers were inside their block: customers that waited there";
            facts.push(equals("lock", claim, first.inside.0, first.inside.1));
            if self.is_told(0) {
                let claim = "notify() woke so many of the customers that waited";
                facts.push(equals("notify-one", claim, first.waiting.min(1), first.woken.len()));
            }
        }
        let all: Vec<&Visit> = (1..self.visits.len().min(3))
            .filter(|number| self.is_told(*number) && self.is_told(number - 1))
            .map(|number| &self.visits[number])
            .filter(|visit| !visit.is_blurred)
            .collect();
        if !all.is_empty() {
            facts.push(equals(
                "notify-all",
                "notify_all() woke the customers that waited, each time",
                all.iter().map(|visit| visit.waiting).collect::<Vec<_>>(),
                all.iter().map(|visit| visit.woken.len()).collect::<Vec<_>>(),
            ));
        }
        if let Some(nothing) = self.visits.get(1).filter(|visit| visit.has_sold && self.is_told(1)) {
            let claim = "customers woke, found nothing, and waited again";
            facts.push(equals("back-to-sleep", claim, nothing.woken.len(), nothing.back.len()));
        }
        facts
    }
}

impl Shop {
    fn comes(&mut self, t: Monotonic) {
        let is_waiting = |task: &String| self.states.get(task) == Some(&State::Waits);
        let inside: Vec<&String> =
            self.entered.iter().filter(|(_, since)| t.since(**since) > LATE).map(|(task, _)| task).collect();
        let visit = Visit {
            at: t,
            waiting: self.states.values().filter(|state| **state == State::Waits).count(),
            inside: (inside.len(), inside.iter().filter(|task| is_waiting(task)).count()),
            woken: BTreeSet::new(),
            back: BTreeSet::new(),
            is_blurred: self.notified.is_some_and(|at| t.since(at) < LATE),
            has_sold: !self.finished.is_empty(),
        };
        self.visits.push(visit);
    }

    /// Whether there was time to tell whom this visit has woken.
    fn is_told(&self, number: usize) -> bool {
        let Some(visit) = self.visits.get(number) else { return false };
        let end = self.visits.get(number + 1).map_or(self.now, |next| next.at);
        end.since(visit.at) >= LATE || self.visits.get(number + 1).is_none() && self.finished.contains("main")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    /// Lines of a run with three customers; each begins with its second.
    fn lines(changes: &[(&str, &str)]) -> String {
        let comes = |t: &str| format!("{t} main running lock shop -\n{t}.1 main running - -\n");
        let all = [
            "0.1 a running lock shop -\n0.1 a waiting condition shop -\n0.1 b running lock shop -\n0.1 b waiting condition shop -\n",
            "0.1 c running lock shop -\n0.1 c waiting condition shop -\n",
            &comes("1"),
            "1.2 a running lock shop main\n1.3 a finished - -\n",
            &comes("2"),
            "2.2 b running lock shop main\n2.2 b waiting condition shop -\n2.2 c running - main\n2.2 c waiting condition shop -\n",
            &comes("3"),
            "3.2 b running lock shop main\n3.2 c running - main\n4 main finished - -\n",
        ]
        .concat();
        let all = changes.iter().fold(all, |all, (from, to)| all.replacen(from, to, 1));
        all.lines().map(line).collect()
    }

    fn line(words: &str) -> String {
        let words: Vec<&str> = words.split(' ').collect();
        let (t, task, state, by) =
            ((words[0].parse::<f64>().expect("seconds") * 1e9).round(), words[1], words[2], words[words.len() - 1]);
        if state == "finished" {
            return format!("{{\"t\":{t},\"kind\":\"task.finished\",\"task\":\"{task}\",\"result\":\"ok\"}}\n");
        }
        let on = words[3..words.len() - 1].join(" ");
        let key = |key: &str, value: &str| if value == "-" { String::new() } else { format!(",\"{key}\":\"{value}\"") };
        let rest = key("on", &on) + &key("woken_by", by);
        format!("{{\"t\":{t},\"kind\":\"task.state\",\"task\":\"{task}\",\"state\":\"{state}\"{rest}}}\n")
    }

    fn failed_with(changes: &[(&str, &str)]) -> Vec<String> {
        failed(Shop::default(), &Params::defaults(super::super::card::CONDITION.params), &lines(changes))
    }

    #[test]
    fn each_claim_can_fail() {
        assert_eq!(failed_with(&[]), [""; 0]);
        assert_eq!(failed_with(&[("1.2 a running lock shop main", "1.2 a running lock shop -")]), ["notify-one"]);
        assert_eq!(failed_with(&[("2.2 c running - main\n2.2 c waiting condition shop -\n", "")]), ["notify-all"]);
        assert_eq!(failed_with(&[("2.2 c waiting condition shop -\n", "")]), ["back-to-sleep"]);
        assert_eq!(failed_with(&[("0.1 a waiting condition shop -\n", "")]), ["lock", "notify-one"]);
    }

    #[test]
    fn whom_a_person_wakes_is_not_main_s() {
        assert_eq!(failed_with(&[("2.2 c running - main", "2.2 c running - you")]), ["notify-all"]);
        let mut shop = Shop::default();
        let notify = r#"{"t":900000000,"kind":"action","do":"notify","target":"condition shop","by":"you"}"#;
        let all = lines(&[("1.2 a running lock shop main", "1.2 a running lock shop you")]);
        for line in all.lines().take(6).chain([notify]).chain(all.lines().skip(6)) {
            shop.see(&Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("a line").expect("known"));
        }
        assert!(shop.claims(&Params::defaults(&[])).iter().all(|fact| fact.holds), "{:?}", shop.claims(&Params::defaults(&[])));
    }
}
