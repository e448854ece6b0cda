//! What a run of this lesson shows: what each wait gave, and who was a zombie meanwhile.

use std::collections::BTreeSet;

use crate::model::{Event, EventKind, ExitStatus, Pid};
use crate::scenario::card::{Facts, Family, Judge, Params, equals};

#[derive(Debug, Default)]
pub(super) struct Waits {
    family: Family,
    /// Children that have ended, and those of them that nobody has waited for.
    ended: BTreeSet<Pid>,
    zombies: BTreeSet<Pid>,
    /// What the waits gave: a child and its raw status, in order.
    gave: Vec<(Pid, i64)>,
    /// What the first wait with WNOHANG gave, where nobody had ended before.
    at_once: Option<i64>,
    /// Children that had ended before the one that waitpid waited for, and those of them that were zombies then.
    before: Option<(usize, usize)>,
    /// Children that were waited for when a wait failed.
    until_failed: Option<usize>,
}

impl Judge for Waits {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
        match &event.kind {
            EventKind::ProcessExited { pid, .. } => self.ends(*pid),
            EventKind::TaskFinished { task, .. } => {
                if let Some(pid) = self.family.pid(task) {
                    self.ends(pid);
                }
            }
            EventKind::ProcessReaped { pid } => {
                self.zombies.remove(pid);
            }
            EventKind::Operation { task, action, on: Some(on), result: Some(result), .. }
                if task == "main" && matches!(action.as_str(), "wait" | "waitpid") =>
            {
                if on == "any child" && result.as_str() == Some("ChildProcessError") {
                    self.until_failed = Some(self.gave.len());
                } else if on == "any child" && self.ended.is_empty() && self.at_once.is_none() {
                    self.at_once = result.as_i64();
                } else if let (Some(pid), Some(raw)) = (self.family.pid(on), result.as_i64()) {
                    if self.gave.is_empty() && action == "waitpid" {
                        let others = |set: &BTreeSet<Pid>| set.iter().filter(|other| **other != pid).count();
                        self.before = Some((others(&self.ended), others(&self.zombies)));
                    }
                    self.gave.push((pid, raw));
                }
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let (mut left, mut killed) = (Vec::new(), Vec::new());
        for (pid, raw) in &self.gave {
            let number = self.family.name_of(*pid).and_then(|name| name.strip_prefix("child-")?.parse::<i64>().ok());
            match (self.family.status(*pid), number) {
                (Some(ExitStatus::Exited(_)), Some(number)) => left.push((2560 * number, *raw)),
                (Some(ExitStatus::Signaled { signal, .. }), _) => killed.push((i64::from(signal.number()), raw & 0x7f)),
                _ => {}
            }
        }
        left.sort_unstable();
        // Of several waits, show one where the claim failed, or else the first one.
        let shown = |all: &[(i64, i64)]| all.iter().find(|(expected, gave)| expected != gave).or(all.first()).copied();
        if let Some((expected, gave)) = shown(&left) {
            facts.push(equals("raw-status", "wait gave the exit status times 256", expected, gave));
        }
        if let Some((expected, gave)) = shown(&killed) {
            let claim = "the lowest seven bits are the number of the signal that ended the child";
            facts.push(equals("signal-bits", claim, expected, gave));
        }
        if let Some(gave) = self.at_once {
            facts.push(equals("nobody-yet", "while all children lived, waitpid with WNOHANG gave 0 at once", 0, gave));
        }
        if let Some((ended, zombies)) = self.before.filter(|(ended, _)| *ended > 0) {
            let claim = "while waitpid waited for one child, the others that ended became zombies";
            facts.push(equals("chosen", claim, ended, zombies));
        }
        if let Some(waited) = self.until_failed {
            facts.push(equals("nobody-left", "waits gave a child before the next one failed", params.count("children"), waited));
        }
        facts
    }
}

impl Waits {
    fn ends(&mut self, pid: Pid) {
        let is_child = self.family.name_of(pid).is_some_and(|name| name.starts_with("child-"));
        if is_child && self.ended.insert(pid) {
            self.zombies.insert(pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":11,"task":"child-1","sort":"process","tid":11}
        {"t":1,"kind":"task.started","pid":12,"task":"child-2","sort":"process","tid":12}
        {"t":1,"kind":"task.started","pid":13,"task":"child-3","sort":"process","tid":13}
        {"t":2,"kind":"op","task":"main","do":"waitpid","on":"any child","result":0}
        {"t":3,"kind":"task.finished","task":"child-1","result":"exit 10"}
        {"t":3,"kind":"process.exited","pid":11,"code":10}
        {"t":4,"kind":"task.finished","task":"child-2","result":"exit 20"}
        {"t":5,"kind":"process.exited","pid":12,"code":20}
        {"t":5,"kind":"process.reaped","pid":12}
        {"t":6,"kind":"op","task":"main","do":"waitpid","on":"child-2","result":5120}
        {"t":7,"kind":"process.exited","pid":11,"code":10}
        {"t":7,"kind":"process.reaped","pid":11}
        {"t":7,"kind":"op","task":"main","do":"wait","on":"child-1","result":2560}
        {"t":8,"kind":"process.exited","pid":13,"signal":"SIGTERM","core":false}
        {"t":8,"kind":"process.reaped","pid":13}
        {"t":8,"kind":"op","task":"main","do":"wait","on":"child-3","result":15}
        {"t":9,"kind":"op","task":"main","do":"wait","on":"any child","result":"ChildProcessError"}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::WAIT.params);
        let failed = |from: &str, to: &str| failed(Waits::default(), &params, &RUN.replace(from, to));
        assert_eq!(failed("", ""), [""; 0]);
        assert_eq!(failed("2560", "10"), ["raw-status"]);
        assert_eq!(failed("\"result\":15", "\"result\":3840"), ["signal-bits"]);
        assert_eq!(failed("\"result\":0", "\"result\":2"), ["nobody-yet"]);
        let reaped_early = (
            r#"{"t":4,"kind":"task.finished""#,
            "{\"t\":4,\"kind\":\"process.reaped\",\"pid\":11}\n{\"t\":4,\"kind\":\"task.finished\"",
        );
        assert_eq!(failed(reaped_early.0, reaped_early.1), ["chosen"]);
        assert_eq!(failed(r#""do":"wait","on":"child-3""#, r#""do":"poll","on":"child-3""#), ["nobody-left"]);
    }
}
