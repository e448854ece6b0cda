//! What a run of this lesson shows: in which order the results came, which futures `wait` gave, and what `cancel` did.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Event, EventKind, Fact, Monotonic, TaskSort, TaskState};
use crate::scenario::card::{Facts, Judge, Params, Printed, equals};

/// Two ends that are closer to each other have no order: each is told a little after it.
const BLUR: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "it is the word of the lesson")]
pub(super) struct Futures {
    printed: Printed,
    /// By their names.
    futures: BTreeMap<String, Future>,
    /// Whether a person took back a future: a map may lack its result.
    is_touched: bool,
}

#[derive(Debug, Default)]
struct Future {
    has_run: bool,
    done: Option<Monotonic>,
}

impl Judge for Futures {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, sort: TaskSort::Future, .. } => _ = self.futures.entry(task.clone()).or_default(),
            EventKind::TaskChanged { task, state: TaskState::Running, .. } => {
                if let Some(future) = self.futures.get_mut(task) {
                    future.has_run = true;
                }
            }
            EventKind::TaskFinished { task, .. } => {
                if let Some(future) = self.futures.get_mut(task) {
                    future.done.get_or_insert(event.t);
                }
            }
            EventKind::Action { .. } => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let tasks = params.count("tasks");
        let facts = [
            self.mapped(tasks).filter(|_| !self.is_touched),
            self.as_completed(),
            self.waited(tasks),
            self.cancelled(tasks),
            self.whole_list(),
        ];
        facts.into_iter().flatten().collect()
    }
}

impl Futures {
    fn mapped(&self, tasks: usize) -> Option<Fact> {
        let squares: Vec<usize> = (1..=tasks).map(|number| number * number).collect();
        let found: Vec<usize> = serde_json::from_str(self.printed.after("map: ").next()?).unwrap_or_default();
        Some(equals("map-order", "map gave the results in the order of the list, whichever was done first", squares, found))
    }

    fn as_completed(&self) -> Option<Fact> {
        self.printed.time_of("map: ")?;
        let begun = self.printed.time_of("cancel the first")? + BLUR;
        let done = |number: usize| self.futures.get(&format!("square-{number}")).and_then(|future| future.done);
        // With the time of its end; those that were done before may come in any order.
        let came: Vec<(usize, Monotonic)> = self
            .printed
            .numbers("as_completed: ", "\n")
            .into_iter()
            .filter_map(|(square, _)| Some(((square as usize).isqrt(), done((square as usize).isqrt())?)))
            .collect();
        let is_early =
            |(at, (_, t)): (usize, &(usize, Monotonic))| *t > begun && came[at + 1..].iter().any(|(_, later)| *later + BLUR < *t);
        let numbers = |list: &[(usize, Monotonic)]| list.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        let mut expected = came.clone();
        if came.iter().enumerate().any(is_early) {
            expected.sort_by_key(|(_, t)| *t);
        }
        let claim = "as_completed gave the futures in the order in which they were done";
        Some(equals("as-completed", claim, numbers(&expected), numbers(&came)))
    }

    fn waited(&self, tasks: usize) -> Option<Fact> {
        let found = self.printed.after("wait: ").next()?;
        let count =
            |word: &str| self.printed.numbers(word, if word == ", " { " not done" } else { " done" }).first().map(|(n, _)| *n);
        let (done, not_done) = (count("wait: ")?, count(", ")?);
        Some(Fact {
            id: "wait-first".to_owned(),
            claim: "wait() gave two sets of futures as soon as one was done".to_owned(),
            expected: format!(">= 1 done, {tasks} in all").into(),
            observed: found.into(),
            holds: done >= 1 && done + not_done == tasks as u64,
        })
    }

    fn cancelled(&self, tasks: usize) -> Option<Fact> {
        let (first, last) = self.printed.after("cancel the first: ").next()?.split_once(", the last: ")?;
        let ran = |number: usize| self.futures.get(&format!("square-{number}")).is_some_and(|future| future.has_run);
        // What begins a moment later was still pending when it was cancelled, and never began.
        let word = |could: bool| if could { "True" } else { "False" };
        let expected = format!("{}, {}", word(!ran(1)), word(!ran(tasks)));
        let claim = "cancel() took a future back only if no worker had begun it: the first one, the last one";
        Some(equals("no-cancel", claim, expected, format!("{first}, {last}")))
    }

    fn whole_list(&self) -> Option<Fact> {
        self.printed.after("one submit: ").next()?;
        let made = self.futures.keys().filter(|name| name.starts_with("sum-")).count();
        Some(equals("one-call", "futures that one submit of the whole list made", 1, made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    /// Two workers: the third is done first, and the fourth is cancelled.
    const FOUR: &str = r#"
        {"t":0,"kind":"task.started","pid":7,"task":"square-1","sort":"future"}
        {"t":0,"kind":"task.started","pid":7,"task":"square-2","sort":"future"}
        {"t":0,"kind":"task.started","pid":7,"task":"square-3","sort":"future"}
        {"t":0,"kind":"task.started","pid":7,"task":"square-4","sort":"future"}
        {"t":1,"kind":"task.state","task":"square-1","state":"running"}
        {"t":1,"kind":"task.state","task":"square-2","state":"running"}
        {"t":1,"kind":"task.state","task":"square-3","state":"running"}
        {"t":500000000,"kind":"task.finished","task":"square-3","result":"ok"}
        {"t":500000001,"kind":"output","pid":7,"stream":"stdout","text":"wait: 1 done, 3 not done\ncancel the first: False, the last: True\n"}
        {"t":1000000000,"kind":"task.finished","task":"square-2","result":"ok"}
        {"t":2000000000,"kind":"task.finished","task":"square-1","result":"ok"}
        {"t":2000000001,"kind":"task.finished","task":"square-4","result":"cancelled"}
        {"t":2000000002,"kind":"output","pid":7,"stream":"stdout","text":"as_completed: 9\nas_completed: 4\nas_completed: 1\nas_completed: a cancelled one\n"}
        {"t":3000000000,"kind":"task.started","pid":7,"task":"sum-1","sort":"future"}
        {"t":3000000000,"kind":"output","pid":7,"stream":"stdout","text":"map: [1, 4, 9, 16]\none submit: 30\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let specs = super::super::card::FUTURES.params;
        let mut four = Params::defaults(specs);
        four.set(specs, "tasks", "4").expect("in range");
        let failed = |lines: &str| failed(Futures::default(), &four, lines);
        assert_eq!(failed(FOUR), [""; 0]);
        assert_eq!(failed(&FOUR.replace("[1, 4, 9, 16]", "[9, 4, 16, 1]")), ["map-order"], "the order of the ends");
        assert_eq!(failed(&FOUR.replace(r"4\nas_completed: 1\n", r"1\nas_completed: 4\n")), ["as-completed"], "that of the list");
        assert_eq!(failed(&FOUR.replace("1 done, 3 not", "1 done, 2 not")), ["wait-first"]);
        assert_eq!(failed(&FOUR.replace("first: False", "first: True")), ["no-cancel"], "it ran");
        assert_eq!(failed(&FOUR.replace("last: True", "last: False")), ["no-cancel"], "it was pending");
        assert_eq!(failed(&FOUR.replace("\"sum-1\"", "\"square-9\"")), ["one-call"]);
        assert_eq!(failed(""), [""; 0]);
    }
}
