//! Waits that are too young for a sentence: most locks are free again before a person could read that a task asked for one.
//! Pure; lives on the engine's thread.

use std::collections::HashMap;
use std::time::Duration;

use crate::engine::fold::timeline::lanes::Change;
use crate::model::{Monotonic, TaskState};

/// A shorter wait gets no sentence.
const WORTH_TELLING: Duration = Duration::from_millis(10);
/// Young waits at the same time; if a body invents more tasks, they get no sentence.
const MAX_WAITS: usize = 2_048;

/// Waits without a sentence.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    young: HashMap<Box<str>, (Monotonic, Change)>,
    /// No wait grows old before that.
    due: Option<Monotonic>,
}

impl Waits {
    /// Takes in a change. Returns the change that is to be told now, if any.
    pub(crate) fn changed(&mut self, t: Monotonic, task: &str, change: Change) -> Option<Change> {
        if change.now.state != TaskState::Waiting {
            return if self.over(task) { None } else { Some(change) };
        }
        if self.young.len() >= MAX_WAITS {
            self.young.clear();
        }
        let due = t + WORTH_TELLING;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        self.young.insert(task.into(), (t, change));
        None
    }

    /// A task waits no longer. Whether its wait was too short to be told.
    pub(crate) fn over(&mut self, task: &str) -> bool {
        !self.young.is_empty() && self.young.remove(task).is_some()
    }

    /// A task has another name.
    pub(crate) fn renamed(&mut self, was: &str, now: &str) {
        if let Some(wait) = self.young.remove(was) {
            self.young.insert(now.into(), wait);
        }
    }

    /// The waits that have lasted long enough by `now`, oldest first: start, task, and change.
    pub(crate) fn grown(&mut self, now: Monotonic) -> Vec<(Monotonic, Box<str>, Change)> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        let grown = self.young.extract_if(|_, (t, _)| now.since(*t) >= WORTH_TELLING);
        let mut grown: Vec<_> = grown.map(|(task, (t, change))| (t, task, change)).collect();
        grown.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        self.due = self.young.values().map(|(t, _)| *t + WORTH_TELLING).min();
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fold::timeline::track::Doing;

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
    }

    fn change(state: TaskState) -> Change {
        Change { was: None, now: Doing { state, note: "lock A".into(), held_by: None }, woken_by: None }
    }

    #[test]
    fn a_short_wait_and_its_end_are_no_news_and_a_long_one_is() {
        let mut waits = Waits::default();
        assert_eq!(waits.changed(at(0), "a", change(TaskState::Waiting)), None);
        assert_eq!(waits.changed(at(1), "b", change(TaskState::Waiting)), None);
        assert_eq!(waits.changed(at(5), "a", change(TaskState::Running)), None, "it was short");
        assert!(waits.grown(at(10)).is_empty());
        let grown = waits.grown(at(11));
        assert_eq!(grown.iter().map(|(t, task, _)| (*t, &**task)).collect::<Vec<_>>(), [(at(1), "b")]);
        assert_eq!(waits.changed(at(20), "b", change(TaskState::Running)), Some(change(TaskState::Running)));
        assert!(waits.grown(at(99)).is_empty() && !waits.over("b"));
    }
}
