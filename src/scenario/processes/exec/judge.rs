//! What a run of this lesson shows: in which process the new program runs, what it has kept, and how exec fails.

use crate::model::{Event, EventKind, ExitStatus, Pid, ProcessState};
use crate::scenario::card::{Facts, Family, Judge, Params, equals};

#[derive(Debug, Default)]
pub(super) struct Exec {
    family: Family,
    /// Living children of main as they were seen: the process, and the name of its program.
    seen: Vec<(Pid, String)>,
}

impl Judge for Exec {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        if let EventKind::ProcessSampled(sample) = &event.kind
            && Some(sample.ppid) == self.family.pid("main")
            && sample.state != ProcessState::Zombie
        {
            let now = (sample.pid, sample.name.clone());
            if !self.seen.contains(&now) {
                self.seen.push(now);
            }
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let program = params.text("program");
        let (Some(first), Some(second)) = (self.family.pid("child-1"), self.family.pid("child-2")) else { return facts };
        if let Some((pid, _)) = self.seen.iter().find(|(_, name)| name == program) {
            let claim = "the program runs in the process that called exec: its PID";
            facts.push(equals("same-process", claim, first.number(), pid.number()));
            if let Some((_, name)) = self.seen.iter().rfind(|(pid, _)| *pid == first) {
                facts.push(equals("new-program", "after exec another program was in that process", program, name.as_str()));
            }
        }
        if self.family.status(first) == Some(ExitStatus::Exited(0)) {
            let expected = match program {
                "sort" => "apple pear plum",
                "cat" => "plum apple pear",
                _ => "3 3 16",
            };
            let printed: Vec<&str> = self.family.printed().split_whitespace().collect();
            let found = if printed.join(" ").contains(expected) { expected } else { "something else" };
            let claim = "the new program read the pipe that was open before exec, and wrote";
            facts.push(equals("stays-open", claim, expected, found));
        }
        if let Some(ExitStatus::Exited(code)) = self.family.status(second) {
            let claim = "exec of a program that is not there came back, and the child left with this status";
            facts.push(equals("missing", claim, 127, code));
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
        {"t":1,"kind":"task.started","pid":11,"task":"child-1","sort":"process","tid":11}
        {"t":1,"kind":"task.started","pid":12,"task":"child-2","sort":"process","tid":12}
        {"t":2,"kind":"process.sample","pid":11,"ppid":9,"pgid":9,"sid":9,"name":"old","state":"sleeping","core":0,"cpu":0.0,"rss":9,"start_ticks":1,"threads":[]}
        {"t":3,"kind":"process.sample","pid":11,"ppid":9,"pgid":9,"sid":9,"name":"sort","state":"sleeping","core":0,"cpu":0.0,"rss":9,"start_ticks":1,"threads":[]}
        {"t":4,"kind":"output","pid":9,"stream":"stdout","text":"back from exec: Noapple\npear\nplum\n"}
        {"t":5,"kind":"process.exited","pid":11,"code":0}
        {"t":5,"kind":"process.exited","pid":12,"code":127}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::EXEC.params);
        let failed = |from: &str, to: &str| failed(Exec::default(), &params, &RUN.replace(from, to));
        assert_eq!(failed("", ""), [""; 0]);
        let elsewhere = failed(r#""t":3,"kind":"process.sample","pid":11"#, r#""t":3,"kind":"process.sample","pid":14"#);
        assert_eq!(elsewhere, ["same-process", "new-program"]);
        assert_eq!(failed("plum", "prune"), ["stays-open"]);
        assert_eq!(failed("\"code\":127", "\"code\":0"), ["missing"]);
    }
}
