//! What a run of this lesson shows: that one program runs in several processes, what they have of their parent, and that each lives for itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Event, EventKind, ExitStatus, Pid};
use crate::scenario::card::{Facts, Family, Judge, Params, equals};

#[derive(Debug, Default)]
pub(super) struct Copies {
    family: Family,
    /// The programs with their arguments, as each process was started.
    programs: BTreeMap<Pid, Vec<String>>,
}

impl Judge for Copies {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        if let EventKind::ProcessStarted { pid, argv, .. } = &event.kind {
            self.programs.insert(*pid, argv.clone());
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let copies = self.family.numbered("copy-");
        let started: Vec<Pid> = copies.iter().map(|(_, pid)| *pid).filter(|pid| self.programs.contains_key(pid)).collect();
        let Some(first) = started.first() else { return facts };
        let same: BTreeSet<&Pid> = started.iter().filter(|pid| self.programs[pid] == self.programs[first]).collect();
        facts.push(equals("pids", "each copy of the one program is a process of its own", started.len(), same.len()));
        if let Some(main) = self.family.pid("main") {
            let parents: BTreeSet<i32> = started.iter().filter_map(|pid| self.family.parent(*pid)).map(Pid::number).collect();
            let parents: Vec<i32> = parents.into_iter().collect();
            let claim = "the parent of every copy is the process that started it";
            facts.push(equals("parent", claim, vec![main.number()], parents));
        }

        let has_left = |pid: Pid| self.family.status(pid) == Some(ExitStatus::Exited(0));
        let left: Vec<_> = copies.iter().filter(|(_, pid)| has_left(*pid)).collect();
        if !left.is_empty() {
            let (greeting, folder) = (params.text("greeting"), params.text("folder"));
            let said =
                |(number, _): &&&(u64, Pid)| self.family.printed().contains(&format!("copy-{number}: {greeting} from {folder}"));
            let claim = "copies that left by themselves had the variable and the folder that their parent had set";
            facts.push(equals("inherited", claim, left.len(), left.iter().filter(said).count()));
        }
        let killed = |pid: Pid| matches!(self.family.status(pid), Some(ExitStatus::Signaled { .. }));
        let deaths = copies.iter().filter(|(_, pid)| killed(*pid)).filter_map(|(_, pid)| self.family.ended_at(*pid));
        let (count, first) = (deaths.clone().count(), deaths.min());
        let have_ended = copies.iter().all(|(_, pid)| self.family.status(*pid).is_some());
        let later = |(_, pid): &&(u64, Pid)| self.family.ended_at(*pid) > first;
        if have_ended && count > 0 && left.iter().copied().any(|copy| later(&copy)) {
            let claim = "when one copy was killed, the others went on to their own end";
            facts.push(equals("others-live", claim, copies.len() - count, left.len()));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":9,"task":"main","sort":"thread","tid":9}
        {"t":1,"kind":"task.started","pid":11,"task":"copy-1","sort":"process","tid":11}
        {"t":1,"kind":"process.started","pid":11,"ppid":9,"pgid":9,"sid":9,"name":"x","argv":["x"]}
        {"t":1,"kind":"task.started","pid":12,"task":"copy-2","sort":"process","tid":12}
        {"t":1,"kind":"process.started","pid":12,"ppid":9,"pgid":9,"sid":9,"name":"x","argv":["x"]}
        {"t":1,"kind":"task.started","pid":13,"task":"copy-3","sort":"process","tid":13}
        {"t":2,"kind":"output","pid":9,"stream":"stdout","text":"copy-1: hello from /tmpcopy-3: hello from /tmp\n\n"}
        {"t":3,"kind":"process.exited","pid":12,"signal":"SIGKILL","core":false}
        {"t":4,"kind":"process.exited","pid":11,"code":0}
        {"t":4,"kind":"process.exited","pid":13,"code":0}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::PROCESS_BASICS.params);
        let failed = |from: &str, to: &str| failed(Copies::default(), &params, &RUN.replacen(from, to, 1));
        assert_eq!(failed("", ""), [""; 0]);
        assert_eq!(failed("[\"x\"]", "[\"y\"]"), ["pids"]);
        assert_eq!(failed("\"ppid\":9", "\"ppid\":1"), ["parent"]);
        assert_eq!(failed("hello from /tmp", "hello from /"), ["inherited"]);
        assert_eq!(failed("\"pid\":13,\"code\":0", "\"pid\":13,\"code\":1"), ["others-live"]);
    }
}
