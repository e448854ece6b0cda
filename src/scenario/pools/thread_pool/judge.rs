//! What a run of this lesson shows: how long the pool's tasks took, how many ran at one time and where, and what a killed worker broke.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Event, EventKind, ExitStatus, Monotonic, Pid, Sent, Signal, TaskSort, TaskState};
use crate::scenario::card::{Facts, Judge, Params, Printed, at_least, at_most, equals, lasts};

#[derive(Debug, Default)]
pub(super) struct Pool {
    futures: BTreeMap<String, Future>,
    /// Workers that are processes.
    processes: BTreeSet<Pid>,
    printed: Printed,
    /// When somebody first sent SIGKILL, and whether a worker died of it.
    kill: Option<Monotonic>,
    is_killed: bool,
    /// Whether somebody has sent a signal.
    is_touched: bool,
}

#[derive(Debug, Default)]
struct Future {
    ran: Option<Monotonic>,
    finished: Option<(Monotonic, String)>,
}

impl Judge for Pool {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, sort: TaskSort::Future, .. } => _ = self.futures.entry(task.clone()).or_default(),
            EventKind::TaskStarted { sort: TaskSort::Process, pid, .. } => _ = self.processes.insert(*pid),
            EventKind::TaskChanged { task, state: TaskState::Running, .. } => {
                if let Some(future) = self.futures.get_mut(task) {
                    future.ran.get_or_insert(event.t);
                }
            }
            EventKind::TaskFinished { task, result } => {
                if let Some(future) = self.futures.get_mut(task) {
                    future.finished.get_or_insert((event.t, result.clone()));
                }
            }
            EventKind::ProcessExited { pid, status: ExitStatus::Signaled { signal: Signal::KILL, .. } } => {
                self.is_killed |= self.processes.contains(pid);
            }
            EventKind::Action { action: Action::Send(Sent::Kill, ..), .. } => {
                (self.kill, self.is_touched) = (self.kill.or(Some(event.t)), true);
            }
            EventKind::Action { .. } => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let (workers, has_threads) = (params.count("workers"), params.text("kind") == "thread");
        let mut facts = Facts::new();
        if self.futures.is_empty() {
            return facts;
        }
        let most = if has_threads { self.most_at_once() } else { self.processes.len() as u64 };
        facts.push(at_most("at-once", "workers that were at work at the same time", workers as u64, most));
        let failed = self.futures.values().filter(|future| future.has_failed()).count() as u64;
        let is_left = |future: &&Future| future.finished.as_ref().is_none_or(|(t, _)| Some(*t) > self.kill);
        // Those that are at work may all be done before the pool finds out.
        if self.is_killed && self.kill.is_some() && self.futures.values().filter(is_left).count() > workers {
            facts.push(at_least("broken", "a killed worker broke the pool: tasks failed with BrokenProcessPool", 1, failed));
        }
        let is_done = |future: &Future| future.finished.as_ref().is_some_and(|(_, result)| result == "ok");
        if !self.futures.values().all(is_done) {
            return facts;
        }
        if has_threads {
            let waited = self.futures.len().saturating_sub(workers) as u64;
            facts.push(at_least("waited", "tasks that found no free worker waited in the pool's queue", waited, self.waited()));
        }
        facts.extend(self.took(params));
        let seen: BTreeSet<u64> = self.printed.numbers(" by process ", "\n").into_iter().map(|(pid, _)| pid).collect();
        let claim = "processes in which the tasks ran";
        match (has_threads, seen.len()) {
            (true, found) => facts.push(equals("processes", claim, 1, found)),
            (false, found) => facts.push(at_most("processes", claim, workers.min(self.futures.len()) as u64, found as u64)),
        }
        facts
    }
}

impl Pool {
    /// Tasks that ran at one time, at most.
    fn most_at_once(&self) -> u64 {
        let begins = |future: &Future| Some((future.ran?.nanos(), 1));
        let ends = |future: &Future| Some((future.finished.as_ref()?.0.nanos(), -1));
        let mut steps: Vec<(u64, i64)> = self
            .futures
            .values()
            .filter(|future| future.ran.is_some())
            .flat_map(|one| [begins(one), ends(one)])
            .flatten()
            .collect();
        steps.sort_unstable();
        let counts = steps.iter().scan(0, |count, (_, step)| {
            *count += step;
            Some(*count)
        });
        counts.max().unwrap_or_default().unsigned_abs()
    }

    /// Tasks that began when another one was done.
    fn waited(&self) -> u64 {
        let first = self.futures.values().filter_map(|future| Some(future.finished.as_ref()?.0)).min();
        self.futures.values().filter(|future| future.ran >= first).count() as u64
    }

    /// How long all took, where they did nothing but wait.
    fn took(&self, params: &Params) -> Option<crate::model::Fact> {
        let (tasks, workers, each) = (self.futures.len(), params.count("workers"), params.seconds("each"));
        let began = self.futures.values().filter_map(|future| future.ran).min()?;
        let ended = self.futures.values().filter_map(|future| Some(future.finished.as_ref()?.0)).max()?;
        if params.text("work") != "wait" || self.is_touched {
            return None;
        }
        let rounds = each * tasks.div_ceil(workers) as u32;
        // Where one after the other would take much longer, on a busy machine, too.
        let most = Some(each * tasks as u32).filter(|most| *most >= rounds * 2 && most.as_secs() >= 5);
        Some(lasts("took", "all tasks together took a few rounds, not one after the other", rounds, most, ended.since(began)))
    }
}

impl Future {
    fn has_failed(&self) -> bool {
        self.finished.as_ref().is_some_and(|(_, result)| result.starts_with("BrokenProcessPool"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    /// Two workers do three tasks of 0.1 s.
    const THREE: &str = r#"
        {"t":0,"kind":"task.started","pid":7,"task":"task-1","sort":"future"}
        {"t":0,"kind":"task.started","pid":7,"task":"task-2","sort":"future"}
        {"t":0,"kind":"task.started","pid":7,"task":"task-3","sort":"future"}
        {"t":100000000,"kind":"task.state","task":"task-1","state":"running"}
        {"t":100000000,"kind":"task.state","task":"task-2","state":"running"}
        {"t":200000000,"kind":"task.finished","task":"task-1","result":"ok"}
        {"t":200000000,"kind":"task.finished","task":"task-2","result":"ok"}
        {"t":200000001,"kind":"task.state","task":"task-3","state":"running"}
        {"t":300000001,"kind":"task.finished","task":"task-3","result":"ok"}
        {"t":300000002,"kind":"output","pid":7,"stream":"stdout","text":"task 1 done by process 7\ntask 2 done by process 7\n"}"#;
    const KILLED: &str = r#"
        {"t":0,"kind":"task.started","pid":8,"task":"worker-1","sort":"process"}
        {"t":0,"kind":"task.started","pid":7,"task":"task-1","sort":"future"}
        {"t":0,"kind":"task.started","pid":7,"task":"task-2","sort":"future"}
        {"t":5,"kind":"action","do":"kill","target":"worker-1","by":"user"}
        {"t":5,"kind":"process.exited","pid":8,"signal":"SIGKILL","core":false}
        {"t":6,"kind":"task.finished","task":"task-2","result":"BrokenProcessPool: a worker has ended"}
        {"t":6,"kind":"task.finished","task":"task-1","result":"BrokenProcessPool: a worker has ended"}"#;

    fn params(values: &[(&str, &str)]) -> Params {
        let specs = super::super::card::THREAD_POOL.params;
        let mut params = Params::defaults(specs);
        for (name, value) in values {
            params.set(specs, name, value).expect("in range");
        }
        params
    }

    #[test]
    fn each_claim_can_fail() {
        let two = params(&[("workers", "2"), ("each", "0.1")]);
        let failed = |params: &Params, lines: &str| failed(Pool::default(), params, lines);
        assert_eq!(failed(&two, THREE), [""; 0]);
        assert_eq!(failed(&params(&[("workers", "1"), ("each", "0.1")]), THREE), ["at-once", "waited", "took"]);
        assert_eq!(failed(&two, &THREE.replacen("process 7", "process 8", 1)), ["processes"]);
        let as_they_come = THREE.replace("200000001", "100000000").replace("300000001", "200000000");
        assert_eq!(failed(&two, &as_they_come), ["at-once", "waited", "took"]);
        let one_by_one = params(&[("workers", "24"), ("tasks", "24"), ("each", "1.0")]);
        let many = (1..=24).flat_map(|number| {
            let (begins, ends) = (number * 2_000_000_000_u64, (number + 1) * 2_000_000_000_u64);
            [
                format!("{{\"t\":0,\"kind\":\"task.started\",\"pid\":7,\"task\":\"task-{number}\",\"sort\":\"future\"}}\n"),
                format!("{{\"t\":{begins},\"kind\":\"task.state\",\"task\":\"task-{number}\",\"state\":\"running\"}}\n"),
                format!("{{\"t\":{ends},\"kind\":\"task.finished\",\"task\":\"task-{number}\",\"result\":\"ok\"}}\n"),
            ]
        });
        let many: String = many.collect();
        let many = many + r#"{"t":1,"kind":"output","pid":7,"stream":"stdout","text":"task 1 done by process 7\n"}"#;
        assert_eq!(failed(&one_by_one, &many), ["took"]);
        let process = params(&[("kind", "process"), ("workers", "1")]);
        assert_eq!(failed(&process, KILLED), [""; 0]);
        assert_eq!(failed(&process, &KILLED.replace("BrokenProcessPool: a worker has ended", "ok")), ["broken"]);
    }
}
