//! What a run of this lesson shows: what each call gave, and how many processes it took.

use std::collections::BTreeSet;

use crate::model::{Event, EventKind, Pid};
use crate::scenario::card::{Facts, Family, Judge, Params, equals, leading_number};

#[derive(Debug, Default)]
pub(super) struct Calls {
    family: Family,
    /// The programs that the calls ran: each is called sleep.
    programs: Vec<Pid>,
    /// Calls in which somebody did something to a process, but for the program that the shell runs: it leaves with its status all the same.
    disturbed: BTreeSet<usize>,
}

impl Judge for Calls {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        match &event.kind {
            EventKind::ProcessStarted { pid, argv, .. } if argv.first().is_some_and(|word| word == "sleep") => {
                self.programs.push(*pid);
            }
            EventKind::Action { action, .. } if action.target() != "sleep" => {
                // What it did may be told before it is.
                let over = self.calls().count();
                self.disturbed.extend([over.saturating_sub(1), over]);
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let status = params.count("status") as i64;
        if let Some(gave) = self.number("os.system") {
            facts.push(equals("system-status", "os.system gave the raw status: 256 times the exit status", 256 * status, gave));
        }
        if let Some(gave) = self.number("run with a shell") {
            facts.push(equals("run-status", "subprocess.run gave the exit status itself", status, gave));
        }
        // The program of a shell that was killed has another parent.
        let is_calm = self.disturbed.is_empty();
        let parent = |pid: Pid| self.family.parent(pid);
        let main = self.family.pid("main");
        let below: Vec<&Pid> = self.programs.iter().filter(|pid| main.is_none() || parent(**pid) != main).collect();
        if is_calm && !below.is_empty() {
            let claim = "os.system and others put a shell between us and the program: programs that are grandchildren of ours";
            let grandchildren = below.iter().filter(|pid| main.is_some() && parent(***pid).and_then(parent) == main).count();
            facts.push(equals("shell-row", claim, below.len(), grandchildren));
        }
        if let (Some(waited), Some(pid), Some((_, gave))) =
            (self.number("spawnlp, P_WAIT"), self.number("spawnlp, P_NOWAIT"), self.gave("os.waitpid"))
            && let Some((ended, _)) = gave.strip_prefix('(').and_then(leading_number)
        {
            let claim = "os.spawnlp gave the status with P_WAIT, and with P_NOWAIT the PID that waitpid gave later";
            facts.push(equals("spawn", claim, vec![status, ended], vec![waited, pid]));
        }
        if let (Some(call), Some((_, check))) = (self.number("call"), self.gave("check_call")) {
            let claim = "call gave the status, and check_call the error with that status";
            let expected = format!("{status}, CalledProcessError {status}");
            facts.push(equals("check-call", claim, expected, format!("{call}, {check}")));
        }
        facts
    }
}

impl Calls {
    /// Each call that is over, and what it gave.
    fn calls(&self) -> impl Iterator<Item = (&str, &str)> {
        let printed = self.family.printed();
        let whole = printed.rfind('\n').map_or("", |end| &printed[..=end]);
        whole.lines().filter_map(|line| line.split_once(" gave "))
    }

    /// The number of a call, and what it gave, if nobody has disturbed it.
    fn gave(&self, call: &str) -> Option<(usize, &str)> {
        let (number, (_, gave)) = self.calls().enumerate().find(|(_, (name, _))| *name == call)?;
        (!self.disturbed.contains(&number)).then_some((number, gave))
    }

    fn number(&self, call: &str) -> Option<i64> {
        Some(leading_number(self.gave(call)?.1)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":9,"task":"main","sort":"thread","tid":9}
        {"t":1,"kind":"process.started","pid":11,"ppid":9,"pgid":9,"sid":9,"name":"sh","argv":["sh"]}
        {"t":1,"kind":"process.started","pid":12,"ppid":11,"pgid":9,"sid":9,"name":"sleep","argv":["sleep"]}
        {"t":2,"kind":"output","pid":9,"stream":"stdout","text":"os.system gave 2560\nrun with a shell gave 10\n"}
        {"t":3,"kind":"process.started","pid":13,"ppid":9,"pgid":9,"sid":9,"name":"sleep","argv":["sleep"]}
        {"t":4,"kind":"output","pid":9,"stream":"stdout","text":"run with a list gave 0\nspawnlp, P_WAIT gave 10\n"}
        {"t":5,"kind":"output","pid":9,"stream":"stdout","text":"spawnlp, P_NOWAIT gave 14\nos.waitpid gave (14, 2560)\n"}
        {"t":6,"kind":"output","pid":9,"stream":"stdout","text":"call gave 10\ncheck_call gave CalledProcessError 10\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::OLD_INTERFACES.params);
        let run = |from: &str, to: &str| failed(Calls::default(), &params, &RUN.replace(from, to));
        assert_eq!(run("", ""), [""; 0]);
        assert_eq!(run("system gave 2560", "system gave 10"), ["system-status"]);
        assert_eq!(run("a shell gave 10", "a shell gave 2560"), ["run-status"]);
        assert_eq!(run(r#""pid":12,"ppid":11"#, r#""pid":12,"ppid":1"#), ["shell-row"]);
        assert_eq!(run("NOWAIT gave 14", "NOWAIT gave 10"), ["spawn"]);
        assert_eq!(run("CalledProcessError 10", "10"), ["check-call"]);
        let killed = r#"{"t":1,"kind":"action","do":"kill","target":"sh","by":"user"}"#;
        let killed = format!("{killed}\n{}", RUN.replace("system gave 2560", "system gave 9"));
        assert_eq!(failed(Calls::default(), &params, &killed), [""; 0], "it says nothing of that call");
    }
}
