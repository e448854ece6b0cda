//! What a run of this lesson shows: what is left of children that have ended, and what SIGKILL does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Event, EventKind, ExitStatus, Monotonic, Pid, ProcessState};
use crate::scenario::card::{Facts, Family, Judge, Params, equals, leading_number};

/// A child that has said its last word is at its end after this long, also on a busy machine.
const LATEST: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Zombies {
    family: Family,
    /// Children by their PIDs, and when they said their last word.
    ended: BTreeMap<Pid, Monotonic>,
    reaped: BTreeSet<Pid>,
    /// Of those that were looked at later: whether they were zombies, and whether they still were after SIGKILL.
    seen: BTreeMap<Pid, bool>,
    seen_after: BTreeMap<Pid, bool>,
    /// The most memory that one of them had, in bytes.
    memory: u64,
    killed_at: Option<Monotonic>,
}

impl Judge for Zombies {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        match &event.kind {
            EventKind::TaskFinished { task, .. } if task.starts_with("child-") => {
                if let Some(pid) = self.family.pid(task) {
                    self.ended.entry(pid).or_insert(event.t);
                }
            }
            EventKind::ProcessReaped { pid } => {
                self.reaped.insert(*pid);
            }
            EventKind::Output { .. } if self.killed_at.is_none() && self.family.after("each got SIGKILL").next().is_some() => {
                self.killed_at = Some(event.t);
            }
            EventKind::ProcessSampled(sample) if !self.reaped.contains(&sample.pid) => {
                let Some(ended) = self.ended.get(&sample.pid) else { return };
                if event.t < *ended + LATEST {
                    return;
                }
                let is_zombie = sample.state == ProcessState::Zombie;
                self.seen.insert(sample.pid, is_zombie);
                self.memory = self.memory.max(sample.rss);
                if self.killed_at.is_some_and(|killed_at| killed_at < event.t) {
                    self.seen_after.insert(sample.pid, is_zombie);
                }
            }
            _ => {}
        }
    }

    fn claims(&self, _: &Params) -> Facts {
        let mut facts = Facts::new();
        let zombies = |seen: &BTreeMap<Pid, bool>| seen.values().filter(|is_zombie| **is_zombie).count();
        if !self.seen.is_empty() {
            let claim = "children that had ended were zombies until the parent waited";
            facts.push(equals("zombies", claim, self.seen.len(), zombies(&self.seen)));
            facts.push(equals("no-memory", "memory of a zombie: KiB", 0, self.memory / 1024));
        }
        if !self.seen_after.is_empty() {
            let claim = "after SIGKILL each zombie was still there";
            facts.push(equals("kill-changes-nothing", claim, self.seen_after.len(), zombies(&self.seen_after)));
        }
        let children = self.family.numbered("child-");
        let waited: Vec<_> = children.iter().filter(|(_, pid)| self.reaped.contains(pid)).collect();
        let by_themselves: Vec<_> = waited.iter().filter(|(_, pid)| self.ended.contains_key(pid)).collect();
        if self.killed_at.is_some() && !by_themselves.is_empty() {
            let kept = |(number, pid): &&&&(u64, Pid)| self.family.status(*pid) == Some(ExitStatus::Exited(*number as i32));
            let claim = "the wait gave the status that the child had left with, and no signal";
            facts.push(equals("status-kept", claim, by_themselves.len(), by_themselves.iter().filter(kept).count()));
        }
        let gone: BTreeSet<i64> =
            self.family.after("no process now: ").filter_map(|text| Some(leading_number(text)?.0)).collect();
        if !gone.is_empty() && waited.len() == children.len() {
            let found = children.iter().filter(|(_, pid)| gone.contains(&i64::from(pid.number()))).count();
            facts.push(equals("gone", "after the wait there was no such process", children.len(), found));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":11,"task":"child-1","sort":"process","tid":11}
        {"t":2,"kind":"task.finished","task":"child-1","result":"exit 1"}
        {"t":600000000,"kind":"process.sample","pid":11,"ppid":9,"pgid":9,"sid":9,"name":"x","state":"zombie","core":0,"cpu":0.0,"rss":0,"start_ticks":1,"threads":[]}
        {"t":700000000,"kind":"output","pid":9,"stream":"stdout","text":"each got SIGKILL\n"}
        {"t":800000000,"kind":"process.sample","pid":11,"ppid":9,"pgid":9,"sid":9,"name":"x","state":"zombie","core":0,"cpu":0.0,"rss":0,"start_ticks":1,"threads":[]}
        {"t":900000000,"kind":"process.exited","pid":11,"code":1}
        {"t":900000000,"kind":"process.reaped","pid":11}
        {"t":900000001,"kind":"output","pid":9,"stream":"stdout","text":"no process now: 11\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::ZOMBIE.params);
        let failed = |from: &str, to: &str| failed(Zombies::default(), &params, &RUN.replace(from, to));
        assert_eq!(failed("", ""), [""; 0]);
        assert_eq!(failed("\"state\":\"zombie\"", "\"state\":\"sleeping\""), ["zombies", "kill-changes-nothing"]);
        assert_eq!(failed("\"rss\":0", "\"rss\":4096"), ["no-memory"]);
        assert_eq!(failed("\"code\":1", "\"signal\":\"SIGKILL\",\"core\":false"), ["status-kept"]);
        assert_eq!(failed("no process now: 11", "no process now: 12"), ["gone"]);
    }
}
