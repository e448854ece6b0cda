//! What a run of this lesson shows: the steps that coroutines made while another one slept with and without await, and where.

use std::collections::BTreeSet;

use crate::model::{Event, EventKind, Monotonic, TaskSort, TaskState};
use crate::scenario::card::{Facts, Judge, Params, Printed, at_least, equals};

#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "it is the word of the lesson")]
pub(super) struct Steps {
    printed: Printed,
    coroutines: BTreeSet<String>,
    /// When a runner went on.
    steps: Vec<Monotonic>,
    /// What the coroutines ran on.
    threads: BTreeSet<String>,
    /// Runners that sleep, and the most that did at one time.
    asleep: BTreeSet<String>,
    most_asleep: u64,
    /// The first sleep of the blocker, which awaits, and that of the thread.
    awaited: Sleep,
    frozen: Sleep,
    is_touched: bool,
}

/// From when to when somebody slept.
#[derive(Debug, Default)]
struct Sleep {
    began: Option<Monotonic>,
    ended: Option<Monotonic>,
}

impl Judge for Steps {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, sort: TaskSort::Coroutine, .. } => _ = self.coroutines.insert(task.clone()),
            EventKind::TaskChanged { task, state, on, .. } if self.coroutines.contains(task) => {
                let (sleeps, runs) = (*state == TaskState::Sleeping, *state == TaskState::Running);
                self.threads.extend(on.clone().filter(|_| runs));
                if task == "blocker" {
                    self.awaited.see(event.t, sleeps);
                } else if task.starts_with("runner-") {
                    self.steps.extend(Some(event.t).filter(|_| runs));
                    if sleeps {
                        self.asleep.insert(task.clone())
                    } else {
                        self.asleep.remove(task)
                    };
                    self.most_asleep = self.most_asleep.max(self.asleep.len() as u64);
                }
            }
            EventKind::TaskChanged { task, state, .. } if task == "main" => {
                self.frozen.see(event.t, *state == TaskState::Sleeping);
            }
            EventKind::TaskFinished { task, .. } => _ = self.asleep.remove(task),
            EventKind::Action { .. } => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let runners = params.count("coroutines") as u64;
        let made = |sleep: &Sleep| {
            let (began, ended) = (sleep.began?, sleep.ended?);
            Some(self.steps.iter().filter(|step| **step > began && **step < ended).count())
        };
        // Only where there was somebody to freeze: a runner that went on after it.
        if let Some(made) = made(&self.frozen).filter(|_| self.steps.iter().any(|step| Some(*step) > self.frozen.ended)) {
            facts.push(equals("block-freezes", "steps that the others made in a sleep without await", 0, made));
        }
        if let Some(made) = made(&self.awaited)
            && params.seconds("block") >= 2 * params.seconds("pause")
            && !self.is_touched
        {
            facts.push(at_least("await-lets-run", "steps that the others made in a sleep with await", runners, made as u64));
        }
        let Some((before, _)) = self.printed.text().split_once(" steps in all") else { return facts };
        facts.push(equals("one-thread", "threads in which all coroutines ran", 1, self.threads.len()));
        facts.push(at_least("waits-overlap", "coroutines waited at the same time", runners, self.most_asleep));
        let total: usize = before.rsplit(|sign: char| !sign.is_ascii_digit()).next().unwrap_or_default().parse().unwrap_or(0);
        facts.push(equals("no-lock", "steps were counted, without a lock", before.matches(": step ").count(), total));
        facts
    }
}

impl Sleep {
    fn see(&mut self, t: Monotonic, sleeps: bool) {
        if sleeps {
            self.began.get_or_insert(t);
        } else if self.began.is_some() {
            self.ended.get_or_insert(t);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    #[test]
    fn each_claim_can_fail() {
        let state = |t: u32, task: &str, rest: &str| format!(r#"{{"t":{t},"kind":"task.state","task":"{task}",{rest}}}"#) + "\n";
        let started =
            |task: &str| format!(r#"{{"t":1,"kind":"task.started","pid":7,"task":"{task}","sort":"coroutine"}}"#) + "\n";
        let (runs, sleeps) = (r#""state":"running","on":"main""#, r#""state":"sleeping""#);
        let both = |t: u32| ["runner-1", "runner-2"].map(|task| state(t, task, runs) + &state(t + 1, task, sleeps)).concat();
        let started = ["runner-1", "runner-2", "blocker"].map(started).concat();
        let at_once = ["runner-1", "runner-2", "blocker"].map(|task| state(2, task, sleeps)).concat();
        let (waits, thaws) = (both(10), state(20, "blocker", runs));
        let frozen = state(21, "main", sleeps) + &state(30, "main", runs);
        let printed =
            r#"{"t":50,"kind":"output","pid":7,"stream":"stdout","text":"runner-1: step 1\nrunner-2: step 1\n2 steps in all\n"}"#;
        let run = [started, at_once, waits.clone(), thaws, frozen, both(40), printed.to_owned()].concat();
        let specs = super::super::card::ASYNC.params;
        let mut two = Params::defaults(specs);
        two.set(specs, "coroutines", "2").expect("in range");
        let failed = |lines: &str| failed(Steps::default(), &two, lines);
        assert_eq!(failed(&run), [""; 0]);
        assert_eq!(failed(&run.replacen("\"t\":40,", "\"t\":25,", 1)), ["block-freezes"]);
        assert_eq!(failed(&run.replace(&waits, "")), ["await-lets-run"]);
        assert_eq!(failed(&run.replacen("\"on\":\"main\"", "\"on\":\"other\"", 1)), ["one-thread"]);
        assert_eq!(
            failed(&run.replace("runner-2\",\"state\":\"sleeping\"", "runner-2\",\"state\":\"running\"")),
            ["waits-overlap"]
        );
        assert_eq!(failed(&run.replace("n2 steps in all", "n1 steps in all")), ["no-lock"]);
    }
}
