//! What a run of this lesson shows: that children outlive their parent, who their parent is then, and who can wait for them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Event, EventKind, Pid, ProcessState};
use crate::scenario::card::{Facts, Family, Judge, Params, at_least, equals, leading_number};

const PARENT: &str = "child-1";
const ORPHANS: &str = "child-1.";

#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "it is the word of the lesson")]
pub(super) struct Orphans {
    family: Family,
    /// Processes that have said their last word.
    finished: BTreeSet<Pid>,
    /// The children that lived when the parent had died; those of them that did something later; and their new parents.
    orphans: Option<BTreeSet<Pid>>,
    lived_on: BTreeSet<Pid>,
    adopted: BTreeMap<Pid, Pid>,
    /// Children that the waits of main gave besides the parent, and whether one failed then.
    waited: usize,
    has_failed: bool,
}

impl Judge for Orphans {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        match &event.kind {
            EventKind::TaskFinished { task, .. } => {
                if let Some(pid) = self.family.pid(task) {
                    self.finished.insert(pid);
                    self.lives(pid);
                }
            }
            EventKind::ProcessExited { pid, .. } if self.family.pid(PARENT) == Some(*pid) && self.orphans.is_none() => {
                let has_ended = |pid: &Pid| self.finished.contains(pid) || self.family.ended_at(*pid).is_some();
                let children = self.family.numbered(ORPHANS).into_iter().map(|(_, pid)| pid);
                self.orphans = Some(children.filter(|pid| !has_ended(pid)).collect());
            }
            EventKind::ProcessSampled(sample) if sample.state != ProcessState::Zombie => self.lives(sample.pid),
            EventKind::ProcessOrphaned { pid, ppid } => {
                self.adopted.insert(*pid, *ppid);
            }
            EventKind::Operation { task, action, on: Some(on), result: Some(result), .. }
                if task == "main" && action == "wait" =>
            {
                if result.as_str() == Some("ChildProcessError") {
                    self.has_failed = true;
                } else if on != PARENT {
                    self.waited += 1;
                }
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let (Some(orphans), Some(main)) = (&self.orphans, self.family.pid("main")) else { return facts };
        if orphans.is_empty() {
            return facts;
        }
        let is_over = self.has_failed || self.lived_on.len() == orphans.len();
        if is_over && !self.family.is_touched(orphans) {
            let claim = "children lived on after the death of their parent";
            facts.push(equals("outlive", claim, orphans.len(), self.lived_on.len()));
        }
        let adopts = params.flag("adopt");
        let adopter = if adopts { Some(main) } else { self.family.parent(main) };
        let given: Vec<Pid> = orphans.iter().filter_map(|orphan| self.adopted.get(orphan)).copied().collect();
        if let (Some(adopter), Some(first)) = (adopter, given.first()) {
            let other = given.iter().find(|pid| **pid != adopter).unwrap_or(first);
            let claim = if adopts {
                "the orphans got another parent, the grandparent: its PID"
            } else {
                "the orphans got another parent, Task Lab's supervisor: its PID"
            };
            facts.push(equals("new-parent", claim, adopter.number(), other.number()));
            let told = self.told(orphans);
            if let Some(first) = told.first() {
                let other = told.iter().find(|pid| **pid != i64::from(adopter.number())).unwrap_or(first);
                facts.push(equals("getppid", "getppid() gave each orphan the same number", adopter.number(), *other));
            }
        }
        if self.has_failed && adopts {
            let claim = "the grandparent has adopted the orphans, and its wait gave each of them";
            facts.push(at_least("adopter-waits", claim, orphans.len() as u64, self.waited as u64));
        } else if self.has_failed {
            facts.push(equals("others-cannot", "the wait of the grandparent gave so many orphans", 0, self.waited));
        }
        facts
    }
}

impl Orphans {
    fn lives(&mut self, pid: Pid) {
        if self.orphans.as_ref().is_some_and(|orphans| orphans.contains(&pid)) {
            self.lived_on.insert(pid);
        }
    }

    /// The numbers that the orphans got from getppid after the death of their parent.
    fn told(&self, orphans: &BTreeSet<Pid>) -> Vec<i64> {
        let parent = self.family.pid(PARENT).map_or(0, |pid| i64::from(pid.number()));
        let numbers = |text| {
            let (process, rest) = leading_number(text)?;
            let (_, rest) = leading_number(rest.strip_prefix(": my parent was ")?)?;
            Some((process, leading_number(rest.strip_prefix(", now it is ")?)?.0))
        };
        let is_orphan = |process: i64| orphans.iter().any(|orphan| i64::from(orphan.number()) == process);
        let told = self.family.after("process ").filter_map(numbers).filter(|(process, _)| is_orphan(*process));
        told.map(|(_, now)| now).filter(|now| *now != parent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"process.started","pid":9,"ppid":7,"pgid":9,"sid":9,"name":"x","argv":[]}
        {"t":1,"kind":"task.started","pid":9,"task":"main","sort":"thread","tid":9}
        {"t":2,"kind":"task.started","pid":11,"task":"child-1","sort":"process","tid":11}
        {"t":2,"kind":"task.started","pid":12,"task":"child-1.1","sort":"process","tid":12}
        {"t":3,"kind":"process.exited","pid":11,"signal":"SIGKILL","core":false}
        {"t":4,"kind":"process.state","pid":12,"ppid":7,"state":"orphan"}
        {"t":5,"kind":"output","pid":9,"stream":"stdout","text":"process 12: my parent was 11, now it is 7\n"}
        {"t":6,"kind":"task.finished","task":"child-1.1","result":"ok"}
        {"t":7,"kind":"op","task":"main","do":"wait","on":"any child","result":"ChildProcessError"}"#;

    #[test]
    fn each_claim_can_fail() {
        let mut params = Params::defaults(super::super::card::ORPHAN.params);
        let run = |params: &Params, from: &str, to: &str| failed(Orphans::default(), params, &RUN.replace(from, to));
        let gave = r#"{"t":6,"kind":"op","task":"main","do":"wait","on":"child 12","result":0}"#;
        assert_eq!(run(&params, "", ""), [""; 0]);
        assert_eq!(run(&params, r#"{"t":6,"kind":"task.finished","task":"child-1.1","result":"ok"}"#, ""), ["outlive"]);
        assert_eq!(run(&params, "\"ppid\":7,\"state\"", "\"ppid\":1,\"state\""), ["new-parent"]);
        assert_eq!(run(&params, "now it is 7", "now it is 1"), ["getppid"]);
        let with_wait = format!("{gave}\n{}", r#"{"t":7,"kind":"op""#);
        assert_eq!(run(&params, r#"{"t":7,"kind":"op""#, &with_wait), ["others-cannot"]);
        params.set(super::super::card::ORPHAN.params, "adopt", "true").expect("a flag");
        assert_eq!(run(&params, "", ""), ["new-parent", "getppid", "adopter-waits"]);
    }
}
