//! Processes across systems: a pool whose workers run here, or on other machines through ssh (concept 59).

use std::collections::{BTreeMap, VecDeque};
use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::model::{ChildSpec, EventKind, Input, Signal, TaskSort, TaskState};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::Child;
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::programs::{Program, read_what_is_there};
use crate::scenario::lesson::words::counted;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError};
use crate::sys::set_nonblocking;

/// The worker's program, the same everywhere. The braces make the shell read all of it before it does anything, so that
/// what it reads then are tasks. It leaves when its input ends.
const WORKER: &str = r#"{
  echo "ready $$ $(uname -n)"
  while read -r task first last; do
    number=$first primes=0
    while [ "$number" -lt "$last" ]; do
      divisor=3
      while [ $((number % divisor)) -ne 0 ] && [ $((divisor * divisor)) -le "$number" ]; do divisor=$((divisor + 2)); done
      if [ $((divisor * divisor)) -gt "$number" ]; then primes=$((primes + 1)); fi
      number=$((number + 2))
    done
    echo "done $task $primes"
  done
  exit
}
"#;

/// For ssh: never ask anybody, notice a machine that has gone, and share no connection that would outlive us.
const SSH: [&str; 12] = [
    "-T",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=5",
    "-o",
    "ServerAliveInterval=2",
    "-o",
    "ServerAliveCountMax=2",
    "-o",
    "ControlPath=none",
    "-a",
];
/// Workers that one run may start, so that it ends.
const MOST_WORKERS: usize = 24;
/// Tasks that one run may have.
const MOST_TASKS: usize = 200;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let mut pool = Pool {
        lesson,
        give_up: params.seconds("give_up"),
        size: params.count("size") as u64 * 1000,
        losses: params.count("losses"),
        killed: 0,
        workers: Vec::new(),
        started: 0,
        patience: params.seconds("patience"),
        is_closing: false,
        queue: (1..=params.count("tasks")).collect(),
        tasks: params.count("tasks"),
        seen: Seen::default(),
    };
    for _ in 0..params.count("local") {
        pool.start(None)?;
    }
    for host in params.text("hosts").split([' ', ',']).filter(|host| !host.is_empty()) {
        pool.start(Some(host))?;
    }
    main.waiting("the workers", None);
    pool.until_all_is_done()?;
    pool.close()?;
    main.finish("ok");
    let worked = pool.seen.worked.clone();
    lesson.value("workers that did tasks", worked.len());
    lesson.say(&format!("{} done by {}", counted(pool.seen.done.len(), "task was", "tasks were"), worked.join(", ")));
    let right = (1..=pool.tasks).map(|task| (task, primes(pool.numbers(task)))).collect();
    Ok(facts(&right, &pool.seen))
}

/// The numbers from the first on, below the last, of which every second one is looked at.
type Numbers = (u64, u64);

/// How many of them are primes, counted here.
fn primes((first, last): Numbers) -> u64 {
    let is_prime = |number: &u64| {
        (3..).step_by(2).take_while(|divisor| divisor * divisor <= *number).all(|divisor| !number.is_multiple_of(divisor))
    };
    (first..last).step_by(2).filter(is_prime).count() as u64
}

/// A name that ssh takes for a machine, and for nothing else: an option would begin with a dash.
fn is_a_host(host: &str) -> bool {
    !host.starts_with('-') && host.chars().all(|sign| sign.is_ascii_alphanumeric() || "._-@:[]%".contains(sign))
}

/// How a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Starting,
    Idle,
    Busy(usize),
}

struct Worker<'s> {
    name: String,
    host: Option<String>,
    child: Child<'s>,
    stdin: PipeWriter,
    stdout: PipeReader,
    stderr: Option<PipeReader>,
    unread: Vec<u8>,
    life: Life,
    since: Instant,
}

/// What happened.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Of each task that was done: the result, and who did it.
    done: BTreeMap<usize, (u64, String)>,
    /// Tasks that a lost worker had in hand, and its name.
    lost: Vec<(usize, String)>,
    /// Who has done anything.
    worked: Vec<String>,
    /// Workers that were left at the end, and how many of them left by themselves.
    left: usize,
    ended: usize,
}

struct Pool<'s> {
    lesson: &'s Lesson,
    give_up: Duration,
    size: u64,
    losses: usize,
    /// Workers that were killed on purpose so far.
    killed: usize,
    workers: Vec<Worker<'s>>,
    started: usize,
    patience: Duration,
    /// Whether somebody has said that there will be no more tasks.
    is_closing: bool,
    queue: VecDeque<usize>,
    tasks: usize,
    seen: Seen,
}

impl<'s> Pool<'s> {
    /// Starts a worker here, or on that machine. One that cannot be started is told of, and the others go on.
    fn start(&mut self, host: Option<&str>) -> Result<(), LessonError> {
        if self.started >= MOST_WORKERS {
            return Ok(());
        }
        self.started += 1;
        let name = format!("{}-{}", if host.is_some() { "remote" } else { "worker" }, self.started);
        let words: Vec<String> = match host {
            None => vec!["sh".to_owned()],
            Some(host) if is_a_host(host) => {
                let options = std::env::var("TASKLAB_SSH_OPTIONS").unwrap_or_default();
                let fixed = SSH.iter().map(|word| (*word).to_owned());
                let options = options.split_whitespace().map(str::to_owned);
                ["ssh".to_owned()]
                    .into_iter()
                    .chain(fixed)
                    .chain(options)
                    .chain(["--", host, "exec sh"].map(str::to_owned))
                    .collect()
            }
            Some(host) => {
                self.lesson.notice(format!("could not start {name}: {host:?} is no name of a machine, such as pi@kitchen"));
                return Ok(());
            }
        };
        let program = match self.lesson.start(&ChildSpec { name: name.clone(), stdin: Input::Pipe, ..ChildSpec::new(words) }) {
            Ok(program) => program,
            Err(error) => {
                self.lesson.notice(format!("{error} (ssh comes with the package openssh-client)"));
                return Ok(());
            }
        };
        let Program { child, stdin: Some(mut stdin), stdout: Some(stdout), stderr } = program else { return Ok(()) };
        for end in [stdin.as_fd(), stdout.as_fd()].into_iter().chain(stderr.as_ref().map(AsFd::as_fd)) {
            set_nonblocking(end).map_err(LessonError::kernel("set up a pipe"))?;
        }
        let (pid, sort) = (child.pid(), TaskSort::Process);
        self.lesson.report(EventKind::TaskStarted { task: name.clone(), sort, pid, tid: None, line: Some(line!()) });
        let host = host.map(str::to_owned);
        self.lane(
            &name,
            TaskState::Waiting,
            host.as_ref().map_or_else(|| "the shell".to_owned(), |host| format!("ssh to {host}")),
        );
        // Less than any pipe holds. One that has ended already is noticed soon.
        let _ = stdin.write_all(WORKER.as_bytes());
        let (unread, life, since) = (Vec::new(), Life::Starting, Instant::now());
        self.workers.push(Worker { name, host, child, stdin, stdout, stderr, unread, life, since });
        Ok(())
    }

    #[track_caller]
    fn lane(&self, name: &str, state: TaskState, on: String) {
        let line = Some(Location::caller().line());
        self.lesson.report(EventKind::TaskChanged {
            task: name.to_owned(),
            state,
            on: Some(on),
            held_by: None,
            woken_by: None,
            line,
        });
    }

    fn numbers(&self, task: usize) -> Numbers {
        let first = 10_001 + (task as u64 - 1) * self.size;
        (first, first + self.size)
    }

    /// Hands out what there is, until every task has its result and no more will come, or nobody can be had any more.
    fn until_all_is_done(&mut self) -> Result<(), LessonError> {
        let mut deadline = Instant::now() + self.patience;
        while self.seen.done.len() < self.tasks || !(self.is_closing || Instant::now() >= deadline) {
            if self.seen.done.len() < self.tasks {
                deadline = Instant::now() + self.patience;
            }
            if self.workers.is_empty() {
                if self.started >= MOST_WORKERS {
                    self.lesson.notice("could not do all tasks: too many workers were lost");
                    return Ok(());
                }
                // Nobody is left: this machine steps in.
                self.start(None)?;
            }
            self.hand_out();
            let ends: Vec<BorrowedFd<'_>> = self.workers.iter().map(|worker| worker.stdout.as_fd()).collect();
            if let Some(asked) = self.lesson.listen(&ends, Duration::from_millis(100))? {
                self.act(&asked)?;
            }
            self.look()?;
        }
        Ok(())
    }

    fn act(&mut self, asked: &LessonAction) -> Result<(), LessonError> {
        match (asked.name.as_str(), asked.target.trim()) {
            ("close", _) => self.is_closing = true,
            ("task", _) if self.is_closing => self.lesson.refuse(asked, "the pool takes no more tasks since it was closed"),
            ("task", _) if self.tasks >= MOST_TASKS => {
                self.lesson.refuse(asked, &format!("{MOST_TASKS} tasks are enough for one run"));
            }
            ("task", _) => {
                self.tasks += 1;
                self.queue.push_back(self.tasks);
            }
            _ if self.started >= MOST_WORKERS => {
                self.lesson.refuse(asked, &format!("{MOST_WORKERS} workers are enough for one run"));
            }
            (_, "") => self.start(None)?,
            (_, host) if is_a_host(host) => self.start(Some(host))?,
            _ => self.lesson.refuse(asked, "that is no name of a machine, such as pi@kitchen"),
        }
        Ok(())
    }

    fn hand_out(&mut self) {
        for at in 0..self.workers.len() {
            if self.workers[at].life != Life::Idle {
                continue;
            }
            let Some(task) = self.queue.pop_front() else { return };
            let (first, last) = self.numbers(task);
            let is_victim = self.killed < self.losses && self.seen.done.len() >= 2 * (self.killed + 1);
            let worker = &mut self.workers[at];
            (worker.life, worker.since) = (Life::Busy(task), Instant::now());
            if is_victim {
                // As if its plug were pulled. Stopped first, so that it cannot be done before that.
                worker.child.signal(Signal::STOP);
            }
            // If it does not arrive, the worker has gone, and `look` finds that.
            let _ = worker.stdin.write_all(format!("{task} {first} {last}\n").as_bytes());
            if is_victim {
                worker.child.signal(Signal::KILL);
                self.killed += 1;
            }
            let worker = &self.workers[at];
            self.lane(&worker.name, TaskState::Running, format!("task {task}"));
        }
    }

    /// Takes in what the workers say, and buries the lost ones.
    fn look(&mut self) -> Result<(), LessonError> {
        for mut worker in std::mem::take(&mut self.workers) {
            let is_open = read_what_is_there(&mut worker.stdout, &mut worker.unread);
            while let Some(end) = worker.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = worker.unread.drain(..=end).collect();
                self.heard(&mut worker, String::from_utf8_lossy(&line).trim());
            }
            let is_late = worker.life != Life::Idle && worker.since.elapsed() >= self.give_up;
            if is_open && !is_late {
                self.workers.push(worker);
                continue;
            }
            worker.child.signal(Signal::KILL);
            self.bury(worker, if is_late { "gave no answer" } else { "was lost" })?;
        }
        Ok(())
    }

    fn heard(&mut self, worker: &mut Worker<'_>, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match (words.as_slice(), worker.life) {
            (["ready", pid, host], Life::Starting) => {
                self.lesson.value(&worker.name, format!("process {pid} on {host}"));
                self.lesson.say(&format!("{} is process {pid} on {host}", worker.name));
            }
            (["done", task, primes], Life::Busy(given)) if task.parse() == Ok(given) => {
                if let Ok(primes) = primes.parse() {
                    self.seen.done.insert(given, (primes, worker.name.clone()));
                    self.lesson.value("tasks done", self.seen.done.len());
                    if !self.seen.worked.contains(&worker.name) {
                        self.seen.worked.push(worker.name.clone());
                    }
                }
            }
            // A login that prints something before the worker does.
            _ => return,
        }
        (worker.life, worker.since) = (Life::Idle, Instant::now());
        self.lane(&worker.name, TaskState::Waiting, "a task".to_owned());
    }

    /// A worker has gone: its task goes to the next one that is free.
    fn bury(&mut self, mut worker: Worker<'s>, how: &str) -> Result<(), LessonError> {
        let mut complaint = Vec::new();
        if let Some(stderr) = &mut worker.stderr {
            read_what_is_there(stderr, &mut complaint);
        }
        let complaint = String::from_utf8_lossy(&complaint);
        let complaint = complaint.lines().last().map_or_else(String::new, |line| format!(": {line}"));
        self.lesson.report(EventKind::TaskFinished { task: worker.name.clone(), result: how.to_owned() });
        match worker.life {
            Life::Busy(task) => {
                self.lesson.say(&format!("{} {how} with task {task} in hand{complaint}", worker.name));
                self.seen.lost.push((task, worker.name.clone()));
                self.queue.push_front(task);
            }
            _ if worker.host.is_some() => {
                self.lesson.notice(format!(
                    "could not keep {} on {}: it {how}{complaint}",
                    worker.name,
                    worker.host.unwrap_or_default()
                ));
            }
            _ => self.lesson.say(&format!("{} {how}{complaint}", worker.name)),
        }
        worker.child.reap()?;
        Ok(())
    }

    /// All is done: the end of its input is what ends a worker. Only one that does not heed that is killed.
    fn close(&mut self) -> Result<(), LessonError> {
        let deadline = Instant::now() + self.give_up;
        let mut left = Vec::new();
        for worker in std::mem::take(&mut self.workers) {
            let Worker { name, child, stdin, stdout, stderr, life, .. } = worker;
            drop(stdin);
            // One that never came so far as to work is not waited for.
            if life == Life::Starting {
                child.signal(Signal::KILL);
            }
            left.push((name, life, Program { child, stdin: None, stdout: Some(stdout), stderr }));
        }
        for (task, life, program) in left {
            let done = program.communicate(self.lesson, b"", deadline, |asked| self.lesson.refuse(asked, TOO_LATE))?;
            if life != Life::Starting {
                self.seen.left += 1;
                self.seen.ended += usize::from(done.status.is_success());
            }
            self.lesson.report(EventKind::TaskFinished { task, result: "ok".to_owned() });
        }
        Ok(())
    }
}

fn facts(right: &BTreeMap<usize, u64>, seen: &Seen) -> Facts {
    let results: BTreeMap<usize, u64> = seen.done.iter().map(|(task, (primes, _))| (*task, *primes)).collect();
    let mut facts = vec![
        equals("all-done", "every task was done, whoever did it: tasks", right.len(), results.len()),
        equals(
            "primes",
            "together they found as many primes as there are: primes",
            right.values().sum::<u64>(),
            results.values().sum::<u64>(),
        ),
        equals("ended", "whoever was left at the end left by itself, when its input ended: workers", seen.left, seen.ended),
    ];
    if !seen.lost.is_empty() {
        let tasks: Vec<usize> = seen.lost.iter().map(|(task, _)| *task).collect();
        let by_another = |(task, who): &&(usize, String)| seen.done.get(task).is_some_and(|(_, other)| other != who);
        let redone: Vec<usize> = seen.lost.iter().filter(by_another).map(|(task, _)| *task).collect();
        facts.push(equals("lost", "what a lost worker had in hand was done by another: numbers of tasks", tasks, redone));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Seen {
        Seen {
            done: [(1, (106, "worker-1".to_owned())), (2, (103, "worker-2".to_owned()))].into(),
            lost: vec![(2, "worker-1".to_owned())],
            worked: vec!["worker-1".to_owned()],
            left: 1,
            ended: 1,
        }
    }

    fn failed(seen: &Seen) -> Vec<String> {
        let right = [(1, 106), (2, 103)].into();
        facts(&right, seen).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(&good()), [""; 0]);
        assert_eq!(
            failed(&Seen { done: [(1, (106, String::new()))].into(), lost: Vec::new(), ..good() }),
            ["all-done", "primes"]
        );
        let mut wrong = good();
        wrong.done.insert(2, (104, "worker-2".to_owned()));
        assert_eq!(failed(&wrong), ["primes"]);
        assert_eq!(failed(&Seen { ended: 0, ..good() }), ["ended"]);
        assert_eq!(failed(&Seen { lost: vec![(2, "worker-2".to_owned())], ..good() }), ["lost"], "nobody else did it");
    }

    #[test]
    fn primes_are_counted_and_options_are_no_hosts() {
        assert_eq!((primes((10_001, 11_001)), primes((11_001, 12_001))), (106, 103));
        assert!(is_a_host("pi@kitchen.local") && is_a_host("pi@[::1]") && is_a_host("alias_2"));
        assert!(!is_a_host("-oProxyCommand=x") && !is_a_host("a;b") && !is_a_host("a\tb"));
    }
}
