//! What a run of this lesson shows: in how many processes fork returned, what it and wait gave, and how the work was divided.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Event, EventKind, ExitStatus, Fact, Pid};
use crate::scenario::card::{Facts, Family, Judge, Params, equals, leading_number};

const CHILD: &str = "child-1";
/// Less work than this, in nanoseconds on a core, is too little to be measured.
const LEAST_WORK: u64 = 300_000_000;

#[derive(Debug, Default)]
pub(super) struct Diamond {
    family: Family,
    /// What wait gave for the child.
    raw: Option<i64>,
    /// Nanoseconds on a core of main before the fork, and of both in all.
    before: u64,
    ran: BTreeMap<Pid, u64>,
}

impl Judge for Diamond {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        if let Some(wait) = event.operation("wait", CHILD).or_else(|| event.operation("waitpid", CHILD)) {
            self.raw = wait.result.as_i64();
        }
        if let EventKind::TaskCpu(cpu) = &event.kind
            && cpu.tid.number() == cpu.pid.number()
        {
            if cpu.is_final {
                self.ran.insert(cpu.pid, cpu.ran_ns);
            } else if self.family.pid(CHILD).is_none() {
                self.before += cpu.ran_ns;
            }
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let (Some(main), Some(child)) = (self.family.pid("main"), self.family.pid(CHILD)) else { return facts };
        let end = self.family.status(child);
        let returns = self.returns();
        let processes: BTreeSet<i64> = returns.iter().map(|(_, process)| *process).collect();
        if processes.len() >= 2 || matches!(end, Some(ExitStatus::Exited(_))) {
            facts.push(equals("returns", "one call of fork returned in so many processes", 2, processes.len()));
        }
        if let Some((gave, _)) = returns.iter().find(|(_, process)| *process == i64::from(main.number())) {
            facts.push(equals("child-pid", "in the parent, fork gave the child's PID", child.number(), *gave));
        }
        match (end, self.raw) {
            (Some(ExitStatus::Exited(_)), Some(raw)) => {
                let status = 256 * params.count("status");
                facts.push(equals("raw-status", "wait gave the exit status times 256", status, raw));
            }
            (Some(ExitStatus::Signaled { signal, .. }), Some(raw)) => {
                let claim = "the lowest bits of what wait gave are the number of the signal that ended the child";
                facts.push(equals("signal-bits", claim, signal.number(), raw & 0x7f));
            }
            _ => {}
        }
        if matches!(end, Some(ExitStatus::Exited(_))) {
            facts.extend(self.speed_up(params.count("split"), main, child));
        }
        facts
    }
}

impl Diamond {
    /// What fork gave, and in which process. The ends of two lines may change places.
    fn returns(&self) -> Vec<(i64, i64)> {
        let numbers = |text| {
            let (gave, rest) = leading_number(text)?;
            Some((gave, leading_number(rest.strip_prefix(" in process ")?)?.0))
        };
        self.family.after("fork gave ").filter_map(numbers).collect()
    }

    /// The same work may cost one process more time on a core than the other, as where two cores share their parts.
    fn speed_up(&self, split: usize, main: Pid, child: Pid) -> Option<Fact> {
        let mains = self.ran.get(&main)?.saturating_sub(self.before);
        let childs = *self.ran.get(&child)?;
        let larger = mains.max(childs) as f64;
        if mains + childs < LEAST_WORK || !(5..=95).contains(&split) {
            return None;
        }
        let tenths = |number: f64| (number * 10.0).round() / 10.0;
        let at_best = 100.0 / split.max(100 - split) as f64;
        let observed = (mains + childs) as f64 / larger;
        let least = 1.0 + 0.4 * (at_best - 1.0);
        Some(Fact {
            id: "speed-up".to_owned(),
            claim: format!("all of the work took so many times the CPU time of the larger part: {} at best", tenths(at_best)),
            expected: format!("> {}", tenths(least)).into(),
            observed: tenths(observed).into(),
            holds: observed > least,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":9,"task":"main","sort":"thread","tid":9}
        {"t":2,"kind":"task.cpu","pid":9,"tid":9,"name":"main","ran_ns":50000000,"ready_ns":0,"blocked_ns":0,"switches":1,"cores":[0],"exact":true}
        {"t":3,"kind":"task.started","pid":12,"task":"child-1","sort":"process","tid":12}
        {"t":4,"kind":"output","pid":9,"stream":"stdout","text":"fork gave 12 in process 9fork gave 0 in process 12\n\n"}
        {"t":5,"kind":"process.exited","pid":12,"code":10}
        {"t":6,"kind":"op","task":"main","do":"wait","on":"child-1","result":2560}
        {"t":7,"kind":"task.cpu","pid":9,"tid":9,"name":"main","ran_ns":850000000,"ready_ns":0,"blocked_ns":0,"switches":1,"cores":[0],"exact":true,"final":true}
        {"t":8,"kind":"task.cpu","pid":12,"tid":12,"name":"child-1","ran_ns":800000000,"ready_ns":0,"blocked_ns":0,"switches":1,"cores":[0],"exact":true,"final":true}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::FORK.params);
        let failed = |lines: &str| failed(Diamond::default(), &params, lines);
        assert_eq!(failed(RUN), [""; 0]);
        assert_eq!(failed(&RUN.replace("fork gave 0 in process 12", "")), ["returns"]);
        assert_eq!(failed(&RUN.replace("fork gave 12", "fork gave 11")), ["child-pid"]);
        assert_eq!(failed(&RUN.replace("2560", "10")), ["raw-status"]);
        assert_eq!(failed(&RUN.replace("\"ran_ns\":800000000", "\"ran_ns\":80000000")), ["speed-up"]);
        let killed = RUN.replace("\"code\":10", "\"signal\":\"SIGKILL\",\"core\":false");
        assert_eq!(failed(&killed), ["signal-bits"]);
        assert_eq!(failed(&killed.replace("2560", "9")), [""; 0]);
    }
}
