//! The processes of a run as a judge sees them: who they are by the names of their tasks, how they ended, and what was printed. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Event, EventKind, ExitStatus, Monotonic, Pid, Stream};

/// Everything that has been told of the processes of a run.
#[derive(Debug, Default)]
pub(crate) struct Family {
    /// By the name of the task that is the process, or its first one.
    pids: BTreeMap<String, Pid>,
    parents: HashMap<Pid, Pid>,
    ends: HashMap<Pid, (Monotonic, ExitStatus)>,
    /// The targets of the actions of a person or a script: names and PIDs.
    touched: BTreeSet<String>,
    /// Standard output.
    printed: String,
}

impl Family {
    /// Takes in the next event.
    pub(crate) fn see(&mut self, event: &Event) {
        match &event.kind {
            EventKind::TaskStarted { task, pid, .. } => {
                self.pids.insert(task.clone(), *pid);
            }
            EventKind::ProcessStarted { pid, ppid, .. } => {
                self.parents.insert(*pid, *ppid);
            }
            // It may be told twice, when it has become a zombie and by the wait: the wait knows it.
            EventKind::ProcessExited { pid, status } => {
                let end = self.ends.entry(*pid).or_insert((event.t, *status));
                if *status != ExitStatus::Unknown {
                    end.1 = *status;
                }
            }
            EventKind::Action { action, .. } => {
                self.touched.insert(action.target().into_owned());
            }
            EventKind::Output { stream: Stream::Stdout, bytes, .. } => self.printed += &String::from_utf8_lossy(bytes),
            _ => {}
        }
    }

    /// The process of this task.
    pub(crate) fn pid(&self, name: &str) -> Option<Pid> {
        self.pids.get(name).copied()
    }

    /// The task whose process this is.
    pub(crate) fn name_of(&self, pid: Pid) -> Option<&str> {
        self.pids.iter().find(|(_, own)| **own == pid).map(|(name, _)| name.as_str())
    }

    /// The tasks whose names begin like this and go on with a number, with their processes, by that number.
    pub(crate) fn numbered(&self, prefix: &str) -> Vec<(u64, Pid)> {
        let number = |name: &str| name.strip_prefix(prefix)?.parse::<u64>().ok();
        let mut found: Vec<_> = self.pids.iter().filter_map(|(name, pid)| Some((number(name)?, *pid))).collect();
        found.sort_unstable();
        found
    }

    /// The first parent of a process.
    pub(crate) fn parent(&self, pid: Pid) -> Option<Pid> {
        self.parents.get(&pid).copied()
    }

    /// How a process ended; `None` as long as it has not, or nobody knows.
    pub(crate) fn status(&self, pid: Pid) -> Option<ExitStatus> {
        self.ends.get(&pid).map(|end| end.1).filter(|status| *status != ExitStatus::Unknown)
    }

    /// When the end of a process was told first.
    pub(crate) fn ended_at(&self, pid: Pid) -> Option<Monotonic> {
        self.ends.get(&pid).map(|end| end.0)
    }

    /// Whether somebody has done something to one of these processes.
    pub(crate) fn is_touched<'p>(&self, processes: impl IntoIterator<Item = &'p Pid>) -> bool {
        let is_touched = |pid: &Pid| {
            self.touched.contains(&pid.to_string()) || self.name_of(*pid).is_some_and(|name| self.touched.contains(name))
        };
        !self.touched.is_empty() && processes.into_iter().any(is_touched)
    }

    /// Standard output.
    pub(crate) fn printed(&self) -> &str {
        &self.printed
    }

    /// What follows these words, each time that they were printed, with all that comes later.
    pub(crate) fn after<'f>(&'f self, words: &'f str) -> impl Iterator<Item = &'f str> {
        self.printed.match_indices(words).map(|(at, words)| &self.printed[at + words.len()..])
    }
}

/// The whole number at the beginning of a text, and what follows it.
pub(crate) fn leading_number(text: &str) -> Option<(i64, &str)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let length = text.len() - digits.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
    Some((text[..length].parse().ok()?, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_have_names_ends_and_words() {
        let mut family = Family::default();
        for line in [
            r#"{"t":1,"kind":"task.started","pid":11,"task":"child-10","sort":"process","tid":11}"#,
            r#"{"t":1,"kind":"task.started","pid":12,"task":"child-2","sort":"process","tid":12}"#,
            r#"{"t":1,"kind":"task.started","pid":9,"task":"main","sort":"thread","tid":9}"#,
            r#"{"t":2,"kind":"process.started","pid":12,"ppid":9,"pgid":9,"sid":9,"name":"x","argv":[]}"#,
            r#"{"t":3,"kind":"process.exited","pid":12,"unknown":true}"#,
            r#"{"t":4,"kind":"process.exited","pid":12,"code":3}"#,
            r#"{"t":5,"kind":"process.exited","pid":12,"unknown":true}"#,
            r#"{"t":5,"kind":"action","do":"kill","target":"child-10","by":"user"}"#,
            r#"{"t":5,"kind":"action","do":"stop","target":"12","by":"user"}"#,
            r#"{"t":6,"kind":"output","pid":9,"stream":"stdout","text":"it gave 12 and gave -3.\n"}"#,
        ] {
            family.see(&Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("a line").expect("known"));
        }
        let [first, second, main] = [11, 12, 9].map(Pid::new);
        assert_eq!(family.numbered("child-"), [(2, second), (10, first)]);
        assert_eq!((family.pid("main"), family.name_of(main), family.parent(second)), (Some(main), Some("main"), Some(main)));
        assert_eq!((family.status(second), family.status(first)), (Some(ExitStatus::Exited(3)), None));
        assert_eq!(family.ended_at(second), Some(Monotonic::from_nanos(3)));
        assert!(family.is_touched(&[first]) && family.is_touched(&[second]) && !family.is_touched(&[main]));
        let numbers: Vec<_> = family.after("gave ").filter_map(leading_number).collect();
        assert_eq!(numbers, [(12, " and gave -3.\n"), (-3, ".\n")]);
        assert_eq!([leading_number("x"), leading_number("-")], [None, None]);
    }
}
