//! The reason why a run has not passed, from its events. Pure.

use crate::engine::fold::state::RunFold;
use crate::model::{Action, By, ExitStatus, Monotonic, Outcome, Pid, Reason, Scope, Sent};

impl RunFold {
    /// Why it is not `Outcome::Passed`.
    pub(crate) fn reason(&self, outcome: Outcome) -> Option<Reason> {
        match outcome {
            Outcome::Passed => None,
            Outcome::TimedOut => Some(Reason::TimedOut),
            Outcome::Stopped => Some(Reason::Ended(self.ended_by.map_or(By::TaskLab, |(_, by)| by))),
            Outcome::Failed => Some(self.failure()),
        }
    }

    fn failure(&self) -> Reason {
        let status = self.stages.last().map(|(_, status)| *status);
        match status {
            Some(Some(ExitStatus::Signaled { signal, .. })) => {
                let by = self.sent.iter().rev().find(|(sent, _)| *sent == signal).map(|(_, by)| *by);
                return Reason::Killed { signal, by };
            }
            Some(Some(ExitStatus::Exited(code))) if code != 0 => return Reason::Exited(code),
            Some(None | Some(ExitStatus::Unknown)) => return Reason::Unknown,
            _ => {}
        }
        let failed: Vec<String> = self.facts().iter().filter(|fact| !fact.holds).map(|fact| fact.id.clone()).collect();
        match status {
            _ if !failed.is_empty() => Reason::Facts { ids: failed, after: self.meddling() },
            Some(_) => Reason::NoFact,
            None => Reason::NotStarted,
        }
    }

    /// Signals that somebody has sent to other processes of a lesson: a fact about a killed process cannot hold.
    fn meddling(&self) -> String {
        let Some((signal, first, by)) = &self.meddled else { return String::new() };
        let others = if self.has_meddled_more { " and others" } else { "" };
        format!("{signal} to {first}{others} from {by}")
    }

    /// Remembers a signal that somebody has sent: to the process that counts, or first to another one.
    pub(crate) fn remember_signal(&mut self, t: Monotonic, action: &Action, target: Option<Pid>, by: By) {
        let &Action::Send(sent, _, scope) = action else { return };
        if sent == Sent::Continue {
            return;
        }
        let signal = sent.signal();
        let (Some(target), Some((counts, _))) = (target, self.stages.last()) else { return };
        let row = self.processes.row(target);
        if row.is_some_and(|row| row.ended.is_some_and(|ended| ended <= t)) {
            return;
        }
        let name = row.map_or_else(|| target.to_string(), |row| row.name.clone());
        if self.reaches(target, scope, *counts) {
            self.sent.retain(|(sent, _)| *sent != signal);
            self.sent.push((signal, by));
            return;
        }
        match &self.meddled {
            None => self.meddled = Some((signal, name, by)),
            Some((_, first, _)) => self.has_meddled_more |= *first != name,
        }
    }

    /// Whether a signal to `target` reaches this process, too.
    fn reaches(&self, target: Pid, scope: Scope, process: Pid) -> bool {
        let row = |pid| self.processes.row(pid);
        match scope {
            // No stage of a run descends from another process of the run.
            Scope::Process | Scope::Tree => target == process,
            Scope::Group => row(target).zip(row(process)).is_some_and(|(target, process)| target.pgid == process.pgid),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Event, RunId};

    /// The last sentence about a run with these events, whose second and last stage is process 11.
    fn reason_of(scenario: &str, outcome: &str, lines: &[Value]) -> String {
        let mut fold = RunFold::new(RunId::new(1), "Title", scenario, 0);
        let start = |pid: i32| json!({"kind":"process.started","pid":pid,"ppid":1,"pgid":10,"sid":10,"name":format!("p{pid}")});
        for pid in [10, 11] {
            fold.add_stage(Pid::new(pid));
        }
        let end = json!({"kind":"run.finished","run":1,"outcome":outcome,"elapsed_s":2.0,"processes_left":0});
        for line in [start(10), start(11)].iter().chain(lines).chain([&end]) {
            let event = Event::from_line(line.to_string().as_bytes(), Monotonic::ZERO).expect("valid").expect("known");
            fold.apply(&event);
        }
        fold.log().since(fold.log().total() - 1).next().expect("a sentence").text.to_string()
    }

    #[test]
    fn the_last_sentence_names_the_reason() {
        let act = |what: &str, target: &str, by: &str| json!({"kind":"action","do":what,"target":target,"by":by});
        let killed = |signal: &str| json!({"kind":"process.exited","pid":11,"signal":signal,"core":false});
        let exited = |code: i32| json!({"kind":"process.exited","pid":11,"code":code});
        let fact = json!({"kind":"fact","id":"lost","claim":"it works","expected":1,"observed":2,"holds":false});
        let after = "failed after 2.00 s: fact lost did not hold (SIGKILL to p10";
        let two = [
            act("kill", "p10", "user"),
            json!({"kind":"process.started","pid":12,"ppid":11,"name":"p12"}),
            act("stop", "12", "user"),
        ];
        for (said, scenario, outcome, lines) in [
            ("passed after 2.00 s", "", "passed", vec![exited(0)]),
            ("was ended by you after 2.00 s", "", "stopped", vec![act("end", "", "user"), killed("SIGTERM")]),
            ("was ended by the script after 2.00 s", "", "stopped", vec![act("end", "", "script"), killed("SIGTERM")]),
            ("was ended at its time limit after 2.00 s", "", "timed-out", vec![act("end", "", "timeout"), killed("SIGTERM")]),
            ("was killed by SIGKILL from you after 2.00 s", "", "failed", vec![act("kill", "p11", "user"), killed("SIGKILL")]),
            (
                "was killed by SIGTERM from the script after 2.00 s",
                "",
                "failed",
                vec![act("terminate-group", "p10", "script"), killed("SIGTERM")],
            ),
            (
                "was killed by SIGSEGV from you after 2.00 s",
                "fork",
                "failed",
                vec![act("SIGSEGV", "11", "user"), killed("SIGSEGV")],
            ),
            ("failed after 2.00 s: killed by SIGKILL", "", "failed", vec![killed("SIGKILL"), act("kill", "p11", "user")]),
            // Neither another signal nor another process has the same reason.
            ("failed after 2.00 s: killed by SIGSEGV", "", "failed", vec![act("SIGUSR1", "p11", "user"), killed("SIGSEGV")]),
            ("failed after 2.00 s: killed by SIGKILL", "", "failed", vec![act("kill", "p10", "user"), killed("SIGKILL")]),
            ("failed after 2.00 s: exit status 3", "fork", "failed", vec![fact.clone(), exited(3)]),
            ("failed after 2.00 s: fact lost did not hold", "fork", "failed", vec![fact.clone(), exited(0)]),
            (&format!("{after} from you)"), "fork", "failed", vec![two[0].clone(), fact.clone(), exited(0)]),
            (&format!("{after} and others from you)"), "fork", "failed", [&two[..], &[fact.clone(), exited(0)]].concat()),
            ("failed after 2.00 s: it told no fact", "fork", "failed", vec![exited(0)]),
            ("failed after 2.00 s: nobody knows how it ended", "", "failed", vec![]),
        ] {
            assert_eq!(reason_of(scenario, outcome, &lines), format!("The run {said}; no process is left."));
        }
        let fold = RunFold::new(RunId::new(1), "Title", "", 0);
        assert_eq!(fold.reason(Outcome::Failed), Some(Reason::NotStarted));
    }
}
