//! What a run of this lesson shows: who went on each time that the flag went up, and what `is_set()` said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Event, EventKind, Monotonic, TaskState};
use crate::scenario::card::{Facts, Judge, Params, equals};

const GO: &str = "event go";
/// On a busy machine a line may come so late.
const LATE: Duration = Duration::from_millis(500);
/// A value is told at the next look of the observer, ten times a second; for a shorter time nobody may have looked.
const SEEN: Duration = Duration::from_millis(400);

#[derive(Debug, Default)]
pub(super) struct Flag {
    now: Monotonic,
    is_up: bool,
    /// When somebody last raised it or took it down.
    moved: Monotonic,
    /// The tasks that wait for the flag.
    waiting: BTreeSet<String>,
    rises: Vec<Rise>,
    /// The tasks that work, and that run since then without having asked for the flag again.
    working: BTreeSet<String>,
    back: BTreeMap<String, Monotonic>,
    /// The tasks that came while the flag was up: those that went on at once, and when each other one began to wait.
    at_once: u64,
    waited: Vec<Monotonic>,
    asked: Asked,
}

/// One time that the flag went up.
#[derive(Debug)]
struct Rise {
    at: Monotonic,
    waited: usize,
    left: BTreeSet<String>,
}

/// What `is_set()` should have said and said, each time that main asked.
#[derive(Debug, Default)]
struct Asked {
    expected: Vec<&'static str>,
    said: Vec<&'static str>,
    /// What main has made of the flag, and when.
    now: Option<(bool, Monotonic)>,
    last: bool,
}

impl Asked {
    /// Main changes the flag, or ends: what it was before was asked for and told, if there was time.
    fn next(&mut self, t: Monotonic, is_up: bool) {
        if let Some((was_up, since)) = self.now.replace((is_up, t))
            && t.since(since) >= SEEN
        {
            self.expected.push(word(was_up));
            self.said.push(word(self.last));
        }
    }
}

const fn word(is_up: bool) -> &'static str {
    if is_up { "up" } else { "down" }
}

impl Judge for Flag {
    fn see(&mut self, event: &Event) {
        self.now = event.t;
        match &event.kind {
            EventKind::TaskChanged { task, state, on, .. } => {
                let waits = *state == TaskState::Waiting && on.as_deref() == Some(GO);
                if waits && self.waiting.insert(task.clone()) {
                    self.came(task, event.t, false);
                } else if !waits && self.waiting.remove(task) {
                    self.went_on(task, event.t);
                }
                match state {
                    TaskState::Sleeping => _ = self.working.insert(task.clone()),
                    TaskState::Running if self.working.remove(task) => _ = self.back.insert(task.clone(), event.t),
                    _ => {}
                }
            }
            EventKind::Operation { task, action, on: Some(on), .. } if on == GO => {
                match action.as_str() {
                    "wait" => self.came(task, event.t, true),
                    "set" => self.moves(event.t, true),
                    "clear" => self.moves(event.t, false),
                    _ => return,
                }
                if task == "main" && action != "wait" {
                    self.asked.next(event.t, self.is_up);
                }
            }
            EventKind::Action { action, .. } if action.target() == GO => match &*action.word() {
                "set" => self.moves(event.t, true),
                "clear" => self.moves(event.t, false),
                _ => {}
            },
            EventKind::TaskFinished { task, .. } => {
                self.waiting.remove(task);
                if task == "main" {
                    self.asked.next(event.t, self.is_up);
                }
            }
            EventKind::Value { name, value } if name == "is_up" => self.asked.last = value.as_bool() == Some(true),
            _ => {}
        }
    }

    fn claims(&self, _: &Params) -> Facts {
        let mut facts = Facts::new();
        // A line of those that go on may still come.
        let told: Vec<&Rise> =
            self.rises.iter().filter(|rise| rise.left.is_empty() || self.now.since(rise.at) > LATE * 2).collect();
        if !told.is_empty() {
            facts.push(equals(
                "all-wake",
                "each time that the flag went up, all threads that waited went on",
                told.iter().map(|rise| rise.waited).collect::<Vec<_>>(),
                told.iter().map(|rise| rise.waited - rise.left.len()).collect::<Vec<_>>(),
            ));
        }
        let waited = self.waited.iter().filter(|began| self.now.since(**began) > LATE).count() as u64;
        if self.at_once + waited > 0 {
            let claim = "while the flag was up, threads that came went on at once";
            facts.push(equals("no-wait", claim, self.at_once + waited, self.at_once));
        }
        if !self.asked.said.is_empty() {
            let claim = "is_set() said whether the flag was up, each time that main asked";
            facts.push(equals("is-set", claim, self.asked.expected.clone(), self.asked.said.clone()));
        }
        facts
    }
}

impl Flag {
    fn moves(&mut self, t: Monotonic, is_up: bool) {
        if is_up {
            self.rise(t);
        } else {
            // The flag may have been down before the line of a task that waits.
            self.waited.retain(|began| t.since(*began) > LATE);
        }
        (self.is_up, self.moved) = (is_up, t);
    }

    /// Remembers who waits now, and is not on its way already.
    fn rise(&mut self, t: Monotonic) {
        let on_their_way: BTreeSet<&String> = self.rises.iter().flat_map(|rise| &rise.left).collect();
        let left: BTreeSet<String> = self.waiting.iter().filter(|task| !on_their_way.contains(task)).cloned().collect();
        if !left.is_empty() {
            self.rises.push(Rise { at: t, waited: left.len(), left });
        }
    }

    /// The wait of a task is over; its line may come before that of the one who raised the flag.
    fn went_on(&mut self, task: &str, t: Monotonic) {
        if !self.rises.iter().any(|rise| rise.left.contains(task)) {
            self.waiting.insert(task.to_owned());
            self.rise(t);
            self.waiting.remove(task);
        }
        for rise in &mut self.rises {
            rise.left.remove(task);
        }
    }

    /// A task has asked for the flag again after its work: it has gone on, or waits.
    fn came(&mut self, task: &str, t: Monotonic, goes_on: bool) {
        let is_asking = self.back.remove(task).is_some_and(|back| self.is_up && back.since(self.moved) > LATE);
        match (is_asking, goes_on) {
            (true, true) => self.at_once += 1,
            (true, false) => self.waited.push(t),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1000000000,"kind":"task.state","task":"waiter-1","state":"waiting","on":"event go"}
        {"t":1000000001,"kind":"task.state","task":"waiter-2","state":"waiting","on":"event go"}
        {"t":2000000000,"kind":"task.state","task":"waiter-1","state":"running","woken_by":"main"}
        {"t":2000000001,"kind":"op","task":"waiter-1","do":"wait","on":"event go","result":true}
        {"t":2000000002,"kind":"task.state","task":"waiter-1","state":"sleeping","on":"sleep()"}
        {"t":2000000003,"kind":"op","task":"main","do":"set","on":"event go"}
        {"t":2000000004,"kind":"task.state","task":"waiter-2","state":"running","woken_by":"main"}
        {"t":2000000005,"kind":"value","name":"is_up","value":true}
        {"t":2800000000,"kind":"task.state","task":"waiter-1","state":"running"}
        {"t":2800000001,"kind":"op","task":"waiter-1","do":"wait","on":"event go","result":true}
        {"t":4000000000,"kind":"op","task":"main","do":"clear","on":"event go"}
        {"t":5000000000,"kind":"task.finished","task":"main","result":"ok"}"#;

    fn failed_in(lines: &str) -> Vec<String> {
        failed(Flag::default(), &Params::defaults(super::super::card::EVENT.params), lines)
    }

    #[test]
    fn each_claim_can_fail() {
        let is_down = r#"{"t":4000000001,"kind":"value","name":"is_up","value":false}"#;
        let good = RUN.replace("{\"t\":5000000000", &format!("{is_down}\n{{\"t\":5000000000"));
        assert_eq!(failed_in(&good), [""; 0]);
        assert_eq!(failed_in(RUN), ["is-set"]);
        let stays = good.replace(r#""task":"waiter-2","state":"running""#, r#""task":"waiter-9","state":"running""#);
        assert_eq!(failed_in(&stays), ["all-wake"]);
        let by_hand = r#""action","do":"set","target":"event go","by":"you""#;
        let by_hand = stays.replace(r#""op","task":"main","do":"set","on":"event go""#, by_hand);
        assert_eq!(failed_in(&by_hand), ["all-wake"], "a person's counts too");
        let waits = good.replace(
            r#"{"t":2800000001,"kind":"op","task":"waiter-1","do":"wait","on":"event go","result":true}"#,
            r#"{"t":2800000001,"kind":"task.state","task":"waiter-1","state":"waiting","on":"event go"}"#,
        );
        assert_eq!(failed_in(&waits), ["no-wait"]);
        assert_eq!(failed_in(&waits.replace("\"t\":4000000000", "\"t\":3000000000")), [""; 0], "the flag may have been down");
    }
}
