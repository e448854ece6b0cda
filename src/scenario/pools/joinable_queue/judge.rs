//! What a run of this lesson shows: what `join` waited for, how many items were done then, and what a `task_done` too many gives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Event, EventKind, ExitStatus, Monotonic, Pid, Signal, TaskSort};
use crate::scenario::card::{Facts, Judge, OpenWaits, Params, Printed, at_least, equals, lasts, more_than};

const TODO: &str = "queue todo";
const OVER: &str = "join is over";
/// A shorter wait for the report is none: the report was there.
const WORTH: Duration = Duration::from_millis(200);
/// So long nothing happens until it is said that nothing will.
const SILENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct Todo {
    printed: Printed,
    waits: OpenWaits,
    /// The waits for the report: since when, and how long.
    reports: Vec<(Monotonic, Duration)>,
    /// Items that were taken: by whom and when.
    taken: BTreeMap<u64, (String, Monotonic)>,
    by_person: Vec<Monotonic>,
    workers: BTreeMap<Pid, String>,
    killed: BTreeSet<String>,
    /// Whether somebody has sent a signal.
    is_touched: bool,
    /// The newest event.
    now: Monotonic,
}

impl Judge for Todo {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        self.now = self.now.max(event.t);
        if let Some(over) = self.waits.see(event).filter(|over| over.on == "event report") {
            self.reports.push((over.since, over.lasted));
        }
        if let Some(get) = event.operation("get", TODO)
            && let Some(item) = get.number()
        {
            self.taken.insert(item, (get.task.to_owned(), event.t));
        }
        match &event.kind {
            EventKind::TaskStarted { task, sort: TaskSort::Process, pid, .. } => _ = self.workers.insert(*pid, task.clone()),
            EventKind::ProcessExited { pid, status: ExitStatus::Signaled { signal: Signal::KILL, .. } } => {
                self.killed.extend(self.workers.get(pid).cloned());
            }
            EventKind::Action { action, .. } if action.word() == "put" => self.by_person.push(event.t),
            EventKind::Action { action: crate::model::Action::Send(..), .. } => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        if self.is_touched {
            return self.lost().into_iter().collect();
        }
        let mut facts = Facts::new();
        let Some(over) = self.printed.time_of(OVER) else { return facts };
        if let Some((since, lasted)) =
            self.reports.iter().filter(|(_, lasted)| *lasted >= WORTH).max_by_key(|(_, lasted)| *lasted)
        {
            let claim = "join() waited for an item that was ready, but not reported";
            facts.push(lasts("held-back", claim, *lasted, None, over.since(*since)));
        }
        let items = params.count("items");
        let (before, _) = self.printed.text().split_once(OVER).unwrap_or_default();
        let done = self.done(before);
        // An item that was put when join was just over does not count.
        if self.by_person.iter().all(|put| *put + WORTH < over) {
            let taken = self.taken.values().filter(|(_, t)| *t < over).count();
            facts.push(equals(
                "join-waits",
                "items were done when join came back: all that were put",
                taken.max(items),
                done.len(),
            ));
        }
        facts.extend(self.at_work(items as u64));
        if let Some((_, rest)) = self.printed.text().split_once(OVER).filter(|(_, rest)| rest.trim_end().contains('\n')) {
            let errors = rest.matches("task_done again: ").count();
            facts.push(equals("too-often", "errors that one task_done too many gave", 1, errors));
        }
        facts
    }
}

impl Todo {
    /// Items that were still at work when main's last one was taken: the newest of each worker, if it was not done.
    fn at_work(&self, items: u64) -> Option<crate::model::Fact> {
        let by_main: Vec<_> = self.taken.range(..=items).collect();
        let last = by_main.iter().map(|(_, (_, t))| *t).max().filter(|_| by_main.len() as u64 == items)?;
        let done = self.printed.numbers("item ", " is done");
        let is_at_work = |(item, (worker, t)): &&(&u64, &(String, Monotonic))| {
            !by_main.iter().any(|(_, (other, later))| other == worker && later > t)
                && !done.iter().any(|(number, t)| number == *item && *t < last)
        };
        let claim = "items were still at work when the queue was empty";
        Some(at_least("empty", claim, 1, by_main.iter().filter(is_at_work).count() as u64))
    }

    fn done(&self, text: &str) -> BTreeSet<u64> {
        let all = self.printed.numbers("item ", " is done");
        // The text begins at the same place, so that the first ones are those in it.
        all.into_iter().map(|(item, _)| item).take(text.matches(" is done").count()).collect()
    }

    /// A killed worker has taken an item with it, and main waits for the report that never comes.
    fn lost(&self) -> Option<crate::model::Fact> {
        let done = self.done(self.printed.text());
        let is_lost = |(item, (worker, _)): &(&u64, &(String, Monotonic))| self.killed.contains(worker) && !done.contains(*item);
        let lost = self.taken.iter().filter(is_lost).count() as u64;
        let last = self.taken.values().map(|(_, t)| *t).max()?;
        let is_silent = self.now.since(last) >= SILENCE && self.printed.time_of(OVER).is_none();
        let claim = "items went with a killed worker: nobody reports them, and join waits";
        (!self.killed.is_empty() && lost > 0 && is_silent).then(|| more_than("lost", claim, 0, lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    /// Four items, and the last is held back for a second.
    const HELD: &str = r#"
        {"t":1,"kind":"op","task":"worker-1","do":"get","on":"queue todo","result":1}
        {"t":2,"kind":"op","task":"worker-1","do":"get","on":"queue todo","result":2}
        {"t":3,"kind":"op","task":"worker-1","do":"get","on":"queue todo","result":3}
        {"t":4,"kind":"output","pid":7,"stream":"stdout","text":"item 1 is done\nitem 2 is done\nitem 3 is done\n"}
        {"t":5,"kind":"op","task":"worker-1","do":"get","on":"queue todo","result":4}
        {"t":1000000000,"kind":"output","pid":7,"stream":"stdout","text":"item 4 is not reported\n"}
        {"t":1000000000,"kind":"task.state","task":"worker-1","state":"waiting","on":"event report"}
        {"t":2000000000,"kind":"task.state","task":"worker-1","state":"running"}
        {"t":2000000009,"kind":"output","pid":7,"stream":"stdout","text":"item 4 is done\njoin is over\ntask_done again: error\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let specs = super::super::card::JOINABLE_QUEUE.params;
        let mut four = Params::defaults(specs);
        four.set(specs, "items", "4").expect("in range");
        let failed = |lines: &str| failed(Todo::default(), &four, lines);
        assert_eq!(failed(HELD), [""; 0]);
        assert_eq!(failed(&HELD.replace("2000000009", "1900000000")), ["held-back"]);
        assert_eq!(failed(&HELD.replace(r"item 4 is done\njoin is over\n", r"join is over\nitem 4 is done\n")), ["join-waits"]);
        let done_before =
            HELD.replace("item 3 is done\\n\"", "item 3 is done\\nitem 4 is done\\n\"").replace("item 4 is done\\njoin", "join");
        assert_eq!(failed(&done_before), ["empty"]);
        assert_eq!(failed(&HELD.replace("task_done again: error", "nothing")), ["too-often"]);
    }

    #[test]
    fn an_item_goes_with_its_worker() {
        let specs = super::super::card::JOINABLE_QUEUE.params;
        let lines = r#"
            {"t":1,"kind":"task.started","pid":8,"task":"worker-1","sort":"process"}
            {"t":2,"kind":"op","task":"worker-1","do":"get","on":"queue todo","result":1}
            {"t":3,"kind":"action","do":"kill","target":"worker-1","by":"user"}
            {"t":4,"kind":"process.exited","pid":8,"signal":"SIGKILL","core":false}
            {"t":4000000000,"kind":"notice","text":"stopped"}"#;
        let claims = |lines: &str| {
            let mut judge = Todo::default();
            for line in lines.lines().filter(|line| !line.trim().is_empty()) {
                judge.see(&Event::from_line(line.trim().as_bytes(), Monotonic::ZERO).expect("a line").expect("known"));
            }
            judge.claims(&Params::defaults(specs)).len()
        };
        assert_eq!(claims(lines), 1);
        assert_eq!(claims(&lines.replace("4000000000", "400000000")), 0, "not yet");
    }
}
