//! What several judges of threads read: parts of a text, what a person has done, and who had a thing from when to when. Pure.

use std::collections::HashMap;

use crate::model::{Action, Event, EventKind, Monotonic, TaskState};

/// What follows these words, wherever they stand.
pub(crate) fn after<'t>(text: &'t str, words: &str) -> impl Iterator<Item = &'t str> {
    text.match_indices(words).map(|(at, words)| &text[at + words.len()..])
}

/// The number at the beginning of a text: `3.51 s`.
pub(crate) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let end = text.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(text.len());
    text[..end].parse().ok()
}

/// What a person has done, or the script.
pub(crate) fn action(event: &Event) -> Option<&Action> {
    if let EventKind::Action { action, .. } = &event.kind { Some(action) } else { None }
}

/// A task had a thing from then until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) task: String,
    pub(crate) from: Monotonic,
    pub(crate) to: Monotonic,
}

/// Who held a lock. Its acquire is told after it is done, and its release before, so that each hold lies inside the real one.
#[derive(Debug)]
pub(crate) struct Holds {
    on: &'static str,
    open: HashMap<String, Monotonic>,
    pub(crate) over: Vec<Hold>,
}

impl Holds {
    pub(crate) fn of(on: &'static str) -> Self {
        Self { on, open: HashMap::new(), over: Vec::new() }
    }

    pub(crate) fn see(&mut self, event: &Event) {
        let (task, has_it) = match &event.kind {
            EventKind::TaskChanged { task, state: TaskState::Running, on, .. } => (task, on.as_deref() == Some(self.on)),
            EventKind::TaskFinished { task, .. } => (task, false),
            _ => return,
        };
        if has_it {
            self.open.entry(task.clone()).or_insert(event.t);
        } else if let Some(from) = self.open.remove(task) {
            self.over.push(Hold { task: task.clone(), from, to: event.t });
        }
    }
}

/// How many of them lasted at the same moment, at most.
pub(crate) fn most_at_once(holds: impl IntoIterator<Item = (Monotonic, Monotonic)>) -> usize {
    let mut changes: Vec<(Monotonic, i32)> =
        holds.into_iter().filter(|(from, to)| from < to).flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
    // Where one ends as another begins, the end comes first.
    changes.sort_unstable();
    let mut now = 0;
    changes
        .into_iter()
        .map(|(_, change)| {
            now += change;
            now as usize
        })
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Monotonic {
        Monotonic::from_nanos(nanos)
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        let text = "a calls after 3.51 sb calls after 7 s\n";
        assert_eq!(after(text, " calls after ").map(number::<f64>).collect::<Vec<_>>(), [Some(3.51), Some(7.0)]);
        assert_eq!((number::<u64>("12"), number::<u64>("x"), number::<u64>("1.5")), (Some(12), None, None));
    }

    #[test]
    fn holds_that_touch_are_not_at_the_same_time() {
        assert_eq!(most_at_once([(at(1), at(5)), (at(5), at(9))]), 1);
        assert_eq!(most_at_once([(at(1), at(5)), (at(4), at(9)), (at(2), at(2))]), 2);
        assert_eq!(most_at_once([]), 0);
    }

    #[test]
    fn a_hold_goes_on_while_its_task_sleeps() {
        let mut holds = Holds::of("lock tool");
        for line in [
            r#"{"t":10,"kind":"task.state","task":"a","state":"running","on":"lock tool"}"#,
            r#"{"t":20,"kind":"task.state","task":"a","state":"sleeping","on":"sleep()"}"#,
            r#"{"t":30,"kind":"task.state","task":"a","state":"running","on":"lock tool"}"#,
            r#"{"t":40,"kind":"task.state","task":"a","state":"running"}"#,
            r#"{"t":50,"kind":"task.state","task":"b","state":"running","on":"lock tool"}"#,
        ] {
            holds.see(&Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("a line").expect("known"));
        }
        assert_eq!(holds.over, [Hold { task: "a".to_owned(), from: at(10), to: at(40) }]);
        assert!(holds.open.contains_key("b"));
    }
}
