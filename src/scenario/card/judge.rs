//! The judge of a lesson: it sees the events of a run, whoever made them, and says what the run has shown. Pure: the same events give the
//! same claims, in Rust and in Python, live and from a recording.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;

use super::{Facts, Params};
use crate::model::{Event, EventKind, Monotonic, TaskState};

/// What a lesson claims about a run.
pub trait Judge: Debug + Send {
    /// Takes in the next event. The judge gets all but its own facts.
    fn see(&mut self, event: &Event);

    /// The claims on what was seen so far, for a run with these parameters. Empty as long as there is nothing to claim.
    fn claims(&self, params: &Params) -> Facts;

    /// Whether a claim rests on single operations. Then nothing is claimed of a run with a task that was too busy to tell each of them.
    fn needs_each_operation(&self) -> bool {
        true
    }
}

/// A finished operation on a thing, as a judge reads it.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'e> {
    /// The task that did it.
    pub task: &'e str,
    /// What it gave; `Null` if nothing.
    pub result: &'e Value,
}

impl Event {
    /// The operation, if this event tells that `action` was done on this thing: `event.operation("wait", "barrier gate")`.
    pub(crate) fn operation(&self, action: &str, thing: &str) -> Option<Operation<'_>> {
        match &self.kind {
            EventKind::Operation { task, action: done, on, result, .. } if done == action && on.as_deref() == Some(thing) => {
                Some(Operation { task, result: result.as_ref().unwrap_or(&Value::Null) })
            }
            _ => None,
        }
    }

    /// The new value, if this event tells one of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        match &self.kind {
            EventKind::Value { name: told, value } if told == name => Some(value),
            _ => None,
        }
    }
}

impl Operation<'_> {
    /// The whole number that it gave.
    pub(crate) fn number(&self) -> Option<u64> {
        self.result.as_u64()
    }
}

/// A wait that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitOver {
    /// The task that waited.
    pub task: String,
    /// What it waited for: `lock counter`.
    pub on: String,
    /// When the wait began.
    pub since: Monotonic,
    /// How long it lasted.
    pub lasted: Duration,
    /// The task that had the thing when the wait was last told, where that is known.
    pub held_by: Option<String>,
    /// The task that ended it, where that is known.
    pub woken_by: Option<String>,
}

/// The waits that have begun and are not over.
#[derive(Debug, Default)]
pub struct OpenWaits(HashMap<String, OpenWait>);

#[derive(Debug)]
struct OpenWait {
    on: String,
    since: Monotonic,
    held_by: Option<String>,
}

impl OpenWaits {
    /// Takes in the next event, and gives the wait that it ends, if it does. Waits at the gates of step mode are none.
    pub(crate) fn see(&mut self, event: &Event) -> Option<WaitOver> {
        let (task, next, by) = match &event.kind {
            EventKind::TaskChanged { task, state, on, held_by, woken_by, .. } => {
                let on = on.as_ref().filter(|on| *state == TaskState::Waiting && !on.starts_with("step: "));
                (task, on.map(|on| (on, held_by)), woken_by.clone())
            }
            EventKind::TaskFinished { task, .. } => (task, None, None),
            _ => return None,
        };
        if let (Some((on, held_by)), Some(open)) = (next, self.0.get_mut(task))
            && open.on == *on
        {
            // It waits on, for another holder.
            open.held_by.clone_from(held_by);
            return None;
        }
        let over = self.0.remove(task);
        if let Some((on, held_by)) = next {
            let open = OpenWait { on: on.clone(), since: event.t, held_by: held_by.clone() };
            self.0.insert(task.clone(), open);
        }
        over.map(|OpenWait { on, since, held_by }| WaitOver {
            task: task.clone(),
            on,
            since,
            lasted: event.t.since(since),
            held_by,
            woken_by: by,
        })
    }

    /// How many tasks wait for this thing now.
    pub(crate) fn count(&self, thing: &str) -> usize {
        self.0.values().filter(|open| open.on == thing).count()
    }
}

/// Reads events from lines as a body writes them, and gives the claims on them that do not hold.
#[cfg(test)]
pub(crate) fn failed(mut judge: impl Judge, params: &Params, lines: &str) -> Vec<String> {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let event = Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("a line").expect("an event that is known");
        judge.see(&event);
    }
    judge.claims(params).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Event {
        Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("a line").expect("known")
    }

    #[test]
    fn an_operation_is_found_by_its_action_and_its_thing() {
        let wait = event(r#"{"t":1,"kind":"op","task":"worker-1","do":"wait","on":"barrier gate","result":2}"#);
        assert!(wait.operation("wait", "barrier other").is_none() && wait.operation("reset", "barrier gate").is_none());
        let found = wait.operation("wait", "barrier gate").expect("it is one");
        assert_eq!((found.task, found.number()), ("worker-1", Some(2)));
        let value = event(r#"{"t":1,"kind":"value","name":"counter","value":7}"#);
        assert_eq!((value.value("counter"), value.value("other")), (Some(&Value::from(7)), None));
    }

    #[test]
    fn a_wait_lasts_until_the_task_does_something_else() {
        let mut waits = OpenWaits::default();
        let mut see = |line: &str| waits.see(&event(line));
        let state = |t: u64, rest: &str| format!(r#"{{"t":{t},"kind":"task.state","task":"a",{rest}}}"#);
        assert_eq!(see(&state(10, r#""state":"waiting","on":"lock x","held_by":"b""#)), None);
        assert_eq!(see(&state(20, r#""state":"waiting","on":"lock x","held_by":"c""#)), None, "the same wait, for another");
        let over = see(&state(40, r#""state":"running","on":"lock x","woken_by":"c""#)).expect("over");
        assert_eq!((over.on.as_str(), over.lasted.as_nanos()), ("lock x", 30));
        assert_eq!((over.held_by.as_deref(), over.woken_by.as_deref()), (Some("c"), Some("c")));
        assert_eq!(see(&state(50, r#""state":"waiting","on":"step: acquire lock x""#)), None);
        assert_eq!(see(&state(60, r#""state":"running""#)), None, "a gate is no wait");
        assert_eq!(see(&state(70, r#""state":"waiting","on":"event go""#)), None);
        assert_eq!(
            see(r#"{"t":90,"kind":"task.finished","task":"a","result":"ok"}"#).map(|over| over.lasted.as_nanos()),
            Some(20)
        );
    }
}
