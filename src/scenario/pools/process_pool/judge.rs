//! What a run of this lesson shows: which workers did the tasks, what came back when, and what a killed worker took with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Event, EventKind, ExitStatus, Fact, Monotonic, Pid, Signal, TaskSort, TaskState};
use crate::scenario::card::{Facts, Judge, Params, Printed, at_most, equals};

const FIRST: &str = "map gave [";
const SECOND: &str = "map_async gave [";
/// So long nothing is done until it is said that nothing will be.
const SILENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct Pool {
    printed: Printed,
    /// Whether each worker sleeps, at a task.
    workers: BTreeMap<Pid, (String, bool)>,
    /// When a worker was killed at a task, and whether that was in the first list.
    killed: Option<(Monotonic, bool)>,
    is_touched: bool,
    now: Monotonic,
}

impl Judge for Pool {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        self.now = self.now.max(event.t);
        let is_first = self.printed.time_of(FIRST).is_none();
        match &event.kind {
            EventKind::TaskStarted { task, sort: TaskSort::Process, pid, .. } => {
                self.workers.insert(*pid, (task.clone(), false));
            }
            EventKind::TaskChanged { task, state, .. } => {
                for (_, sleeps) in self.workers.values_mut().filter(|(name, _)| name == task) {
                    *sleeps = *state == TaskState::Sleeping;
                }
            }
            EventKind::ProcessExited { pid, status: ExitStatus::Signaled { signal: Signal::KILL, .. } }
                if self.workers.get(pid).is_some_and(|(_, sleeps)| *sleeps) =>
            {
                self.killed.get_or_insert((event.t, is_first));
            }
            EventKind::Action { action: crate::model::Action::Send(..), .. } => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let (tasks, chunk) = (params.count("tasks"), params.count("chunksize"));
        if self.is_touched {
            return self.lost(tasks).into_iter().collect();
        }
        let mut facts = Facts::new();
        let Some(first) = self.list(FIRST) else { return facts };
        if let Some((cores, _)) = self.printed.numbers("map, on ", " cores").first() {
            let workers: BTreeSet<u64> = first.iter().map(|(_, pid)| *pid).collect();
            let claim = "workers of Pool() that did the first list, at most one for each core";
            facts.push(at_most("default-size", claim, *cores, workers.len() as u64));
        }
        let Some(second) = self.list(SECOND) else { return facts };
        let slow = tasks / 4;
        let shared: BTreeSet<u64> = second.iter().filter(|(number, _)| *number <= slow as u64).map(|(_, pid)| *pid).collect();
        let claim = "workers shared the slow tasks: one for each chunk that has some";
        facts.push(at_most("slow-tasks", claim, slow.div_ceil(chunk) as u64, shared.len() as u64));
        let all: Vec<u64> = (1..=tasks as u64).collect();
        let numbers = |list: &[(u64, u64)]| list.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        let came = if numbers(&first) == all { numbers(&second) } else { numbers(&first) };
        facts.push(equals("order-kept", "the results came in the order of the list, whichever task was done first", all, came));
        // Tasks that are shorter may all be done before a busy machine lets main go on.
        if params.seconds("each") >= Duration::from_millis(100)
            && let Some((before, after)) = self.printed.text().split_once(FIRST)
            && let Some((between, _)) = after.split_once(": main goes on")
        {
            let count = |text: &str| text.matches(" is done").count();
            let (with_map, with_async) = (count(before), count(between));
            facts.push(Fact {
                id: "async-returns".to_owned(),
                claim: "tasks were done when map came back, and when map_async did".to_owned(),
                expected: format!("{tasks}, < {tasks}").into(),
                observed: format!("{with_map}, {with_async}").into(),
                holds: with_map == tasks && with_async < tasks,
            });
        }
        facts
    }
}

impl Pool {
    /// The pairs of a list that was printed: the number of each task, and the process that did it.
    fn list(&self, words: &str) -> Option<Vec<(u64, u64)>> {
        let text = self.printed.after(words).next()?;
        let numbers: Vec<u64> = text.split(|sign: char| !sign.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
        Some(numbers.as_chunks::<2>().0.iter().map(|[number, pid]| (*number, *pid)).collect())
    }

    /// A worker that was killed at its task took it with it, and main waits.
    fn lost(&self, tasks: usize) -> Option<Fact> {
        let (killed, is_first) = self.killed?;
        let last = self.printed.numbers("task ", " is done").last().map_or(killed, |(_, t)| *t).max(killed);
        let came_back = self.printed.time_of(if is_first { FIRST } else { SECOND }).is_some();
        if !came_back && self.now.since(last) < SILENCE {
            return None;
        }
        let (first, second) = self.printed.text().split_once(FIRST).unwrap_or((self.printed.text(), ""));
        let done = (if is_first { first } else { second }).matches(" is done").count();
        Some(Fact {
            id: "lost".to_owned(),
            claim: "a killed worker took its task with it, and main waits: tasks that are done".to_owned(),
            expected: format!("< {tasks}").into(),
            observed: done.into(),
            holds: done < tasks && !came_back,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    /// Two workers, four tasks, chunks of two.
    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":8,"task":"PoolWorker-1","sort":"process"}
        {"t":1,"kind":"task.started","pid":9,"task":"PoolWorker-2","sort":"process"}
        {"t":2,"kind":"output","pid":7,"stream":"stdout","text":"map, on 2 cores, chunks of 1\ntask 2 is done\ntask 1 is done\ntask 3 is done\ntask 4 is done\n"}
        {"t":3,"kind":"output","pid":7,"stream":"stdout","text":"map gave [(1, 8), (2, 9), (3, 8), (4, 9)]\n"}
        {"t":4,"kind":"output","pid":7,"stream":"stdout","text":"map_async, in chunks of 2: main goes on\ntask 1 is done\nnow main waits\n"}
        {"t":5,"kind":"output","pid":7,"stream":"stdout","text":"map_async gave [(1, 8), (2, 8), (3, 9), (4, 9)]\n"}"#;
    const KILLED: &str = r#"
        {"t":1,"kind":"task.started","pid":8,"task":"PoolWorker-1","sort":"process"}
        {"t":2,"kind":"task.state","task":"PoolWorker-1","state":"sleeping"}
        {"t":3,"kind":"action","do":"kill","target":"PoolWorker-1","by":"user"}
        {"t":4,"kind":"process.exited","pid":8,"signal":"SIGKILL","core":false}
        {"t":5,"kind":"output","pid":7,"stream":"stdout","text":"task 2 is done\ntask 3 is done\ntask 4 is done\n"}
        {"t":5000000000,"kind":"notice","text":"stopped"}"#;

    #[expect(clippy::format_collect, reason = "a few lines of a test")]
    #[test]
    fn each_claim_can_fail() {
        let specs = super::super::card::PROCESS_POOL.params;
        let mut four = Params::defaults(specs);
        for (name, value) in [("tasks", "8"), ("chunksize", "2")] {
            four.set(specs, name, value).expect("in range");
        }
        let eight = |lines: &str| {
            lines
                .replace("(4, 9)]", "(4, 9), (5, 8), (6, 8), (7, 9), (8, 9)]")
                .replace("task 4 is done\\n", &(4..=8).map(|n| format!("task {n} is done\\n")).collect::<String>())
        };
        let failed = |lines: &str| failed(Pool::default(), &four, &eight(lines));
        assert_eq!(failed(RUN), [""; 0]);
        assert_eq!(failed(&RUN.replace("on 2 cores", "on 1 cores")), ["default-size"]);
        assert_eq!(failed(&RUN.replace("(1, 8), (2, 8)", "(1, 8), (2, 9)")), ["slow-tasks"], "two share one chunk");
        assert_eq!(failed(&RUN.replace("[(1, 8), (2, 9)", "[(2, 9), (1, 8)")), ["order-kept"]);
        assert_eq!(failed(&RUN.replace("task 3 is done\\n", "")), ["async-returns"]);
        assert_eq!(failed(KILLED), [""; 0]);
        let all_done = KILLED.replace("task 2", "task 1 is done\\ntask 2");
        assert_eq!(failed(&all_done), ["lost"]);
        assert_eq!(failed(&all_done.replace("5000000000", "500000000")), [""; 0], "not yet");
    }
}
