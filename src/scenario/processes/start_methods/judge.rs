//! What a run of this lesson shows: what each way to start a process costs, and what the process has of its parent.

use crate::model::Event;
use crate::scenario::card::{Facts, Family, Judge, Params, equals, leading_number};

/// Where one name is the end of another, the longer one first.
const METHODS: [&str; 3] = ["forkserver", "spawn", "fork"];
/// Less time on a core than this, in milliseconds, is not measured.
const LEAST: f64 = 0.05;

#[derive(Debug, Default)]
pub(super) struct Starts {
    family: Family,
}

impl Judge for Starts {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let began = self.began();
        let least = |method: &str| began.iter().filter(|one| one.0 == method).map(|one| one.1.max(LEAST)).min_by(f64::total_cmp);
        if let (Some(spawn), Some(server)) = (least("spawn"), least("forkserver")) {
            let ratio = (spawn / server * 10.0).round() / 10.0;
            let claim =
                "before its function begins, a spawned process needs so many times the CPU time of one from the fork server";
            facts.push(equals("spawn-costs", claim, "> 1", ratio));
            if let Some(fact) = facts.last_mut() {
                fact.holds = ratio > 1.0;
            }
        }
        if !began.is_empty() {
            let greeting = params.text("greeting");
            let loud = greeting.to_uppercase();
            let is_right =
                |(method, _, said): &&(&str, f64, &str)| said.starts_with(if *method == "fork" { &loud } else { greeting });
            let claim = "processes that knew what main had changed if they were forks, and only then";
            facts.push(equals("greeting", claim, began.len(), began.iter().filter(is_right).count()));
        }
        let parent = |pid| self.family.parent(pid);
        let served = self.family.numbered("forkserver-");
        if let (Some(main), Some(above)) = (self.family.pid("main"), served.iter().find_map(|(_, pid)| parent(parent(*pid)?))) {
            let claim = "a process from the fork server is a grandchild: the PID of its parent's parent";
            facts.push(equals("grandchild", claim, main.number(), above.number()));
        }
        if let Some(text) = self.family.after("set_start_method: ").next() {
            let claim = "set_start_method works once: the second call gave an error";
            facts.push(equals("once", claim, "context has already been set", text.lines().next().unwrap_or_default()));
        }
        if let Some((version, rest)) = self.family.after("Python 3.").next().and_then(leading_number)
            && let Some(method) = rest.strip_prefix(" starts processes by ").and_then(|rest| rest.lines().next())
        {
            let expected = if version < 14 { "fork" } else { "forkserver" };
            let claim = format!("Python 3.{version} starts processes by this method, unless it is told another one");
            facts.push(equals("default", &claim, expected, method));
        }
        let statuses: Vec<i64> = self.statuses();
        if let Some(first) = statuses.first().filter(|_| !params.flag("guard")) {
            let other = statuses.iter().find(|status| **status != 1).unwrap_or(first);
            let claim = "without the guard a spawned process came to its own start, and failed with this status";
            facts.push(equals("guard", claim, 1, *other));
        }
        facts
    }
}

impl Starts {
    /// Who has begun: by which method, after how many milliseconds on a core, and what it said then.
    fn began(&self) -> Vec<(&'static str, f64, &str)> {
        let printed = self.family.printed();
        let one = |(at, words): (usize, &str)| {
            let method = METHODS.into_iter().find(|method| printed[..at].ends_with(method))?;
            let (millis, rest) = printed[at + words.len()..].split_once(" ms of CPU, says ")?;
            Some((method, millis.parse().ok()?, rest))
        };
        printed.match_indices(": began after ").filter_map(one).collect()
    }

    /// With what the spawned processes left, but for those that somebody has killed.
    fn statuses(&self) -> Vec<i64> {
        let status = |text| leading_number(leading_number(text)?.1.strip_prefix(" left with ")?);
        self.family.after("spawn-").filter_map(status).map(|(status, _)| status).filter(|status| *status >= 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":9,"task":"main","sort":"thread","tid":9}
        {"t":1,"kind":"process.started","pid":11,"ppid":9,"pgid":9,"sid":9,"name":"x","argv":[]}
        {"t":1,"kind":"process.started","pid":12,"ppid":11,"pgid":9,"sid":9,"name":"x","argv":[]}
        {"t":1,"kind":"task.started","pid":12,"task":"forkserver-1","sort":"process","tid":12}
        {"t":2,"kind":"output","pid":9,"stream":"stdout","text":"Python 3.11 starts processes by fork\nset_start_method: context has already been set\n"}
        {"t":2,"kind":"output","pid":9,"stream":"stdout","text":"spawn: began after 50.0 ms of CPU, says hello\nspawn-1 left with 1\n"}
        {"t":2,"kind":"output","pid":9,"stream":"stdout","text":"fork: began after 0.0 ms of CPU, says HELLO\nfork-1 left with 0\n"}
        {"t":2,"kind":"output","pid":9,"stream":"stdout","text":"forkserver: began after 5.0 ms of CPU, says hello\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let mut params = Params::defaults(super::super::card::START_METHODS.params);
        params.set(super::super::card::START_METHODS.params, "guard", "false").expect("a flag");
        let failed = |from: &str, to: &str| failed(Starts::default(), &params, &RUN.replace(from, to));
        assert_eq!(failed("", ""), [""; 0]);
        assert_eq!(failed("after 50.0", "after 4.0"), ["spawn-costs"]);
        assert_eq!(failed("HELLO", "hello"), ["greeting"]);
        assert_eq!(failed("\"ppid\":9", "\"ppid\":1"), ["grandchild"]);
        assert_eq!(failed("context has already", "it has not"), ["once"]);
        assert_eq!(failed("Python 3.11", "Python 3.14"), ["default"]);
        assert_eq!(failed("spawn-1 left with 1", "spawn-1 left with 0"), ["guard"]);
    }
}
