//! What a run of this lesson shows: who gets a signal, and which numbers groups and sessions have.

use std::collections::HashMap;

use crate::model::{Event, EventKind, ExitStatus, Pid, ProcessState, Signal};
use crate::scenario::card::{Facts, Family, Judge, Params, equals};

#[derive(Debug, Default)]
pub(super) struct Groups {
    family: Family,
    /// The group and the session of each process when it was last seen alive, after all groups were made.
    seen: HashMap<Pid, (i32, i32)>,
}

impl Judge for Groups {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        if let EventKind::ProcessSampled(sample) = &event.kind
            && sample.state != ProcessState::Zombie
            && self.family.printed().contains("; the parent's: ")
        {
            self.seen.insert(sample.pid, (sample.pgid.number(), sample.sid.number()));
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let processes = |prefix| self.family.numbered(prefix).into_iter().map(|(_, pid)| pid).collect::<Vec<Pid>>();
        let (a, b, s) = (processes("a-"), processes("b-"), processes("s-"));
        let signal: Option<Signal> = params.text("signal").parse().ok();
        let signaled =
            |pid: &&Pid| matches!(self.family.status(**pid), Some(ExitStatus::Signaled { signal: by, .. }) if Some(by) == signal);
        let left = |pid: &&Pid| self.family.status(**pid) == Some(ExitStatus::Exited(0));
        let have_ended = |group: &[Pid]| !group.is_empty() && group.iter().all(|pid| self.family.status(*pid).is_some());

        if have_ended(&a) && !self.family.is_touched(&a) {
            let claim = "the signal to group a ended each of its members";
            facts.push(equals("group", claim, a.len(), a.iter().filter(signaled).count()));
        }
        if have_ended(&b) && have_ended(&s) && !self.family.is_touched(b.iter().chain(&s)) {
            let claim = "the signal to b-1 ended so many members of group b";
            facts.push(equals("one", claim, 1, b.iter().filter(signaled).count()));
            let others = b[1..].iter().chain(&s).filter(left).count();
            facts.push(equals("nobody-else", "all that got no signal lived on to their own end", b.len(), others));
        }
        let (mut are_in, mut members) = (0, 0);
        for group in [&a, &b] {
            for (pgid, _) in group.iter().filter_map(|pid| self.seen.get(pid)) {
                members += 1;
                are_in += usize::from(*pgid == group[0].number());
            }
        }
        if members > 0 {
            facts.push(equals(
                "group-number",
                "the number of the group of each member is the PID of its leader",
                members,
                are_in,
            ));
        }
        if let Some((pid, (pgid, sid))) = s.first().and_then(|pid| Some((pid.number(), *self.seen.get(pid)?))) {
            let claim = "setsid made a group and a session with the PID of s-1";
            facts.push(equals("own-session", claim, vec![pid, pid], vec![pgid, sid]));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":11,"task":"a-1","sort":"process","tid":11}
        {"t":1,"kind":"task.started","pid":12,"task":"a-2","sort":"process","tid":12}
        {"t":1,"kind":"task.started","pid":13,"task":"b-1","sort":"process","tid":13}
        {"t":1,"kind":"task.started","pid":14,"task":"b-2","sort":"process","tid":14}
        {"t":1,"kind":"task.started","pid":15,"task":"s-1","sort":"process","tid":15}
        {"t":2,"kind":"output","pid":9,"stream":"stdout","text":"groups 11, 13 and 15; the parent's: 9\n"}
        {"t":3,"kind":"process.sample","pid":12,"ppid":9,"pgid":11,"sid":9,"name":"x","state":"sleeping","core":0,"cpu":0.0,"rss":9,"start_ticks":1,"threads":[]}
        {"t":3,"kind":"process.sample","pid":15,"ppid":9,"pgid":15,"sid":15,"name":"x","state":"sleeping","core":0,"cpu":0.0,"rss":9,"start_ticks":1,"threads":[]}
        {"t":4,"kind":"process.exited","pid":11,"signal":"SIGTERM","core":false}
        {"t":4,"kind":"process.exited","pid":12,"signal":"SIGTERM","core":false}
        {"t":4,"kind":"process.exited","pid":13,"signal":"SIGTERM","core":false}
        {"t":5,"kind":"process.exited","pid":14,"code":0}
        {"t":5,"kind":"process.exited","pid":15,"code":0}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::PROCESS_GROUP.params);
        let failed = |from: &str, to: &str| failed(Groups::default(), &params, &RUN.replace(from, to));
        assert_eq!(failed("", ""), [""; 0]);
        assert_eq!(failed("\"pid\":12,\"signal\":\"SIGTERM\",\"core\":false", "\"pid\":12,\"code\":0"), ["group"]);
        assert_eq!(failed("\"pid\":14,\"code\":0", "\"pid\":14,\"signal\":\"SIGTERM\",\"core\":false"), ["one", "nobody-else"]);
        assert_eq!(failed("\"pgid\":11", "\"pgid\":9"), ["group-number"]);
        assert_eq!(failed("\"sid\":15", "\"sid\":9"), ["own-session"]);
        let touched = r#"{"t":4,"kind":"action","do":"kill","target":"a-2","by":"user"}"#;
        let killed =
            format!("{touched}\n{}", RUN.replace("\"pid\":12,\"signal\":\"SIGTERM\"", "\"pid\":12,\"signal\":\"SIGKILL\""));
        assert_eq!(crate::scenario::card::judge::failed(Groups::default(), &params, &killed), [""; 0]);
    }
}
