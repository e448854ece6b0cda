//! What a run of this lesson shows: how many cores the workers of each kind used, and how many of them could have run at a time. Nothing is
//! claimed of wall time, nor of cores that other programs may take away: who has no core is ready, and who waits for the lock is not.

use std::collections::BTreeMap;

use crate::model::{Action, Event, EventKind, Fact, Monotonic, TaskCpu, TaskState};
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, at_most, equals};

#[derive(Debug, Default)]
pub(super) struct Cores {
    lines: PrintedLines,
    /// The workers by their names, such as `count-1`.
    workers: BTreeMap<String, Worker>,
    /// How many threads slept at a time, at most.
    asleep: usize,
    has_lock: Option<bool>,
    turns: Option<u64>,
    additions: Option<u64>,
    /// Whether a person stopped or killed somebody, and whether one ended a sleep.
    is_touched: bool,
    is_woken: bool,
}

#[derive(Debug, Default)]
struct Worker {
    began: Option<Monotonic>,
    ended: Option<Monotonic>,
    sleeps: bool,
    cpu: Option<TaskCpu>,
}

impl Judge for Cores {
    fn see(&mut self, event: &Event) {
        for line in self.lines.see(event).to_vec() {
            self.read(&line);
        }
        match &event.kind {
            EventKind::TaskStarted { task, tid: Some(_), .. } => self.worker(task).began = Some(event.t),
            EventKind::TaskFinished { task, .. } => {
                let worker = self.worker(task);
                (worker.ended, worker.sleeps) = (Some(event.t), false);
            }
            EventKind::TaskChanged { task, state, .. } => {
                self.worker(task).sleeps = *state == TaskState::Sleeping;
                let asleep = self.of("wait").filter(|worker| worker.sleeps).count();
                self.asleep = self.asleep.max(asleep);
            }
            EventKind::TaskCpu(cpu) if cpu.is_final => self.worker(&cpu.name).cpu = Some((**cpu).clone()),
            EventKind::Action { action, .. } => {
                self.is_touched |= matches!(action, Action::Send(..)) || matches!(&*action.word(), "step" | "another");
                self.is_woken |= action.word() == "go-on";
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let (workers, span) = (params.count("workers"), params.seconds("span").as_secs_f64());
        let mut facts = Facts::new();
        if workers > 1
            && self.has_lock == Some(true)
            && let Some(used) = self.used("count", workers, span)
        {
            let claim = "threads that need the one lock to count used so many cores together";
            facts.push(bound("threads-cores", claim, used <= 1.5, "<= 1.5".to_owned(), used));
        }
        let mut ready = |id: &str, claim: &str, share: f64, at_a_time: Option<f64>| {
            let least = share * workers as f64;
            facts.extend(at_a_time.map(|found| bound(id, claim, found >= least, format!(">= {least:.1}"), found)));
        };
        if self.has_lock == Some(false) {
            let claim = "threads that count need no lock: so many had a core at a time, or wanted one";
            ready("threads-cores", claim, 0.8, self.at_a_time("count", workers, span));
        }
        let claim = "processes that count don't wait for each other: so many had a core at a time, or wanted one";
        ready("processes-ready", claim, 0.8, self.at_a_time("process", workers, span));
        let in_c = ["hash", "numpy"].into_iter().filter_map(|kind| self.at_a_time(kind, workers, span)).reduce(f64::min);
        ready("c-ready", "threads that hash don't wait for each other: so many had a core at a time, or wanted one", 0.6, in_c);
        if !self.is_woken && self.of("wait").count() == workers && self.of("wait").all(|worker| worker.ended.is_some()) {
            facts.push(equals("io-overlap", "threads that only wait did so at the same time: threads", workers, self.asleep));
        }
        if let Some(turns) = self.turns.filter(|_| workers > 1 && self.has_lock == Some(true)) {
            let most = 1.5 * span * 1e3 / params.count("interval").max(1) as f64 + 2.0 * workers as f64;
            facts.push(at_most("turns", "the lock changed hands so often: once in a switch interval", most as u64, turns));
        }
        if let Some(there) = self.additions.filter(|_| workers > 1) {
            let most = workers as u64 * 50 - 1;
            facts.push(at_most(
                "still-lost",
                "threads that sleep between reading and writing lose additions: those that are there",
                most,
                there,
            ));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

fn bound(id: &str, claim: &str, holds: bool, expected: String, observed: f64) -> Fact {
    let observed = ((observed * 10.0).round() / 10.0).into();
    Fact { id: id.to_owned(), claim: claim.to_owned(), expected: expected.into(), observed, holds }
}

impl Cores {
    fn worker(&mut self, name: &str) -> &mut Worker {
        self.workers.entry(name.to_owned()).or_default()
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Worker> {
        let is_one = move |name: &str| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-'));
        self.workers.iter().filter(move |(name, _)| is_one(name)).map(|(_, worker)| worker)
    }

    fn read(&mut self, line: &str) {
        if line.starts_with("This Python has") || line.starts_with("Rust has") {
            self.has_lock = Some(!line.contains("This Python has no GIL"));
        } else if let Some(turns) = line.strip_prefix("The threads took ").and_then(|rest| rest.strip_suffix(" turns")) {
            self.turns = turns.parse().ok();
        } else if let Some((there, _)) = line.split_once(" of ").filter(|(_, rest)| rest.ends_with("additions are in")) {
            self.additions = there.parse().ok();
        }
    }

    /// What the kernel's scheduler did with the workers of a kind, if it told that of all of them, and each worked.
    fn cpu(&self, kind: &str, workers: usize, span: f64) -> Option<Vec<&TaskCpu>> {
        let all: Vec<&TaskCpu> = self.of(kind).filter_map(|worker| worker.cpu.as_ref()).collect();
        (!self.is_touched && all.len() == workers && all.iter().all(|cpu| life(cpu) >= span * 5e8)).then_some(all)
    }

    /// How many of a kind ran or were ready to run at a time, on the average.
    fn at_a_time(&self, kind: &str, workers: usize, span: f64) -> Option<f64> {
        // Some kernels don't count the time that a thread is ready.
        let counts = self.workers.values().filter_map(|worker| worker.cpu.as_ref()).any(|cpu| cpu.ready_ns > 0);
        let all = self.cpu(kind, workers, span).filter(|_| counts)?;
        Some(all.iter().map(|cpu| (cpu.ran_ns + cpu.ready_ns) as f64 / life(cpu)).sum())
    }

    /// How many cores the workers of a kind used together.
    fn used(&self, kind: &str, workers: usize, span: f64) -> Option<f64> {
        let ran: u64 = self.cpu(kind, workers, span)?.iter().map(|cpu| cpu.ran_ns).sum();
        let began = self.of(kind).filter_map(|worker| worker.began).min()?;
        let ended = self.of(kind).filter_map(|worker| worker.ended).max()?;
        Some(ran as f64 / 1e9 / ended.since(began).as_secs_f64().max(1e-9))
    }
}

fn life(cpu: &TaskCpu) -> f64 {
    (cpu.ran_ns + cpu.ready_ns + cpu.blocked_ns) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const MS: u64 = 1_000_000;

    #[expect(clippy::format_push_string, reason = "a few lines of a test")]
    fn run() -> String {
        let mut lines = [output("This Python has a GIL"), output("The threads took 90 turns")].concat();
        for (kind, ran, ready, blocked) in
            [("count", 400, 0, 400), ("process", 400, 400, 0), ("hash", 400, 300, 100), ("wait", 1, 0, 800)]
        {
            for number in 1..=2 {
                lines += &format!(
                    r#"{{"t":1000000000,"kind":"task.started","task":"{kind}-{number}","sort":"thread","pid":1,"tid":2}}
                    {{"t":1000000001,"kind":"task.state","task":"{kind}-{number}","state":"sleeping"}}
                    "#
                );
            }
            for number in 1..=2 {
                lines += &format!(
                    r#"{{"t":1800000000,"kind":"task.finished","task":"{kind}-{number}","result":"ok"}}
                    {{"t":1800000000,"kind":"task.cpu","pid":1,"tid":2,"name":"{kind}-{number}","ran_ns":{},"ready_ns":{},"blocked_ns":{},"switches":1,"cores":[0],"exact":true,"final":true}}
                    "#,
                    ran * MS,
                    ready * MS,
                    blocked * MS
                );
            }
        }
        lines + &output("51 of 100 additions are in")
    }

    fn output(text: &str) -> String {
        format!(r#"{{"t":1,"kind":"output","pid":1,"stream":"stdout","text":"{text}\n"}}"#) + "\n"
    }

    fn failed_with(from: &str, to: &str) -> Vec<String> {
        let specs = super::super::card::GIL.params;
        let mut params = Params::defaults(specs);
        params.set(specs, "workers", "2").expect("in range");
        let lines = run();
        assert!(lines.contains(from), "{from}");
        failed(Cores::default(), &params, &lines.replace(from, to))
    }

    #[test]
    fn each_claim_can_fail() {
        assert_eq!(failed_with("51 of", "50 of"), [""; 0]);
        let count = r#""ran_ns":400000000,"ready_ns":0"#;
        assert_eq!(failed_with(count, r#""ran_ns":700000000,"ready_ns":0"#), ["threads-cores"]);
        let process = r#""ready_ns":400000000,"blocked_ns":0"#;
        assert_eq!(failed_with(process, r#""ready_ns":0,"blocked_ns":400000000"#), ["processes-ready"]);
        let hash = r#""ready_ns":300000000,"blocked_ns":100"#;
        assert_eq!(failed_with(hash, r#""ready_ns":1,"blocked_ns":400"#), ["c-ready"]);
        assert_eq!(failed_with(r#""task":"wait-2","state":"sleeping""#, r#""task":"wait-2","state":"running""#), ["io-overlap"]);
        assert_eq!(failed_with("took 90 turns", "took 900 turns"), ["turns"]);
        assert_eq!(failed_with("51 of", "100 of"), ["still-lost"]);
        assert_eq!(failed_with("has a GIL", "has no GIL"), ["threads-cores"], "without a lock they don't wait");
    }
}
