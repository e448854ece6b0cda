//! Thread pools: more tasks than workers, and the tasks queue (concept 90). Threads and processes run the very same
//! worker function, since both talk over two pipes: one that all workers take tasks from, one for what they did.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::model::{ExitStatus, Level, TaskSort};
use crate::scenario::card::wiring::LED_BAR;
use crate::scenario::card::{Facts, Params, at_most, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::load::Load;
use crate::scenario::lesson::words::counted;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::{exit_now, own_pid, set_nonblocking};

/// Text to work on.
const TEXT: &str = include_str!("text.md");

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    main.running("measuring how much work a task is");
    let load = Load::lasting(params.text("work"), TEXT, params.seconds("each"));
    let (queue, submit) = io::pipe().map_err(LessonError::kernel("make the queue"))?;
    let (results, report) = io::pipe().map_err(LessonError::kernel("make the pipe for results"))?;

    let history = thread::scope(|scope| {
        let mut children = Vec::new();
        for number in 1..=params.count("workers") as u32 {
            let name = format!("worker-{number}");
            let failed = || LessonError::kernel(format!("start {name}"));
            let (queue, report) = (queue.try_clone().map_err(failed())?, report.try_clone().map_err(failed())?);
            let worker = Worker { lesson, number, load: &load, queue, report };
            if params.text("kind") == "process" {
                match lesson.fork(&name)? {
                    Fork::Child => {
                        drop(submit);
                        exit_now(worker.serve(&name, TaskSort::Process));
                    }
                    Fork::Parent(child) => children.push(child),
                }
            } else {
                let serve = {
                    let name = name.clone();
                    move || worker.serve(&name, TaskSort::Thread)
                };
                thread::Builder::new().name(name.clone()).spawn_scoped(scope, serve).map_err(failed())?;
            }
        }
        drop((queue, report));
        main.waiting("the pool", None);
        let submit = Some(submit);
        Pool { lesson, submit, results, children, history: History::new(params), backlog: VecDeque::new(), fed: 0 }.run()
    })?;

    main.running("comparing with the results of working alone");
    let alone = (0..history.submitted.min(CHECKED)).map(|task| (task, load.piece(task))).collect();
    main.finish("ok");
    let facts = facts(&history, &alone);
    let workers = history.notes.iter().map(|note| note.worker).collect::<BTreeSet<_>>().len();
    lesson.say(&format!(
        "{} done by {}",
        counted(history.done() as usize, "task", "tasks"),
        counted(workers, params.text("kind"), if history.processes { "processes" } else { "threads" }),
    ));
    Ok(facts)
}

/// How many results are held against those of working alone: enough to notice, cheap enough to wait for.
const CHECKED: u64 = 2;

/// One worker, whether thread or process.
struct Worker<'a> {
    lesson: &'a Lesson,
    number: u32,
    load: &'a Load,
    queue: PipeReader,
    report: PipeWriter,
}

impl Worker<'_> {
    /// Takes tasks until the queue is closed.
    fn serve(mut self, name: &str, sort: TaskSort) -> i32 {
        let lane = self.lesson.task(name, sort);
        let mut ticket = [0; 8];
        loop {
            lane.waiting("the queue", None);
            if self.queue.read_exact(&mut ticket).is_err() {
                break;
            }
            let task = u64::from_le_bytes(ticket);
            lane.running(&format!("task {task}"));
            self.light(Level::High);
            let pid = own_pid().number();
            let told = self.report.write_all(&Note { worker: self.number, pid, task, result: None }.to_bytes());
            let result = Some(self.load.piece(task));
            self.light(Level::Low);
            if told.and_then(|()| self.report.write_all(&Note { worker: self.number, pid, task, result }.to_bytes())).is_err() {
                break;
            }
        }
        lane.finish("ok");
        0
    }

    /// The first eight workers have an LED each, which is on while they are at work.
    fn light(&self, level: Level) {
        if let Some(line) = LED_BAR.get(self.number as usize - 1) {
            self.lesson.gpio(*line, level);
        }
    }
}

/// A worker has taken a task, or has done it: then there is a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    worker: u32,
    pid: i32,
    task: u64,
    result: Option<u64>,
}

impl Note {
    const SIZE: usize = 32;

    /// A record that is short enough for a pipe to keep it whole.
    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.worker.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.pid.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.task.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.result.unwrap_or_default().to_le_bytes());
        bytes[24] = u8::from(self.result.is_some());
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| bytes[at + n]));
        let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| bytes[at + n]));
        Self { worker: short(0), pid: short(4).cast_signed(), task: long(8), result: (bytes[24] == 1).then(|| long(16)) }
    }
}

/// What happened, in order.
#[derive(Debug)]
struct History {
    workers: u64,
    processes: bool,
    submitted: u64,
    cancelled: u64,
    notes: Vec<Note>,
}

impl History {
    fn new(params: &Params) -> Self {
        Self {
            workers: params.count("workers") as u64,
            processes: params.text("kind") == "process",
            submitted: params.count("tasks") as u64,
            cancelled: 0,
            notes: Vec::new(),
        }
    }

    fn done(&self) -> u64 {
        self.notes.iter().filter(|note| note.result.is_some()).count() as u64
    }
}

/// The pool as its owner sees it.
struct Pool<'s> {
    lesson: &'s Lesson,
    /// The queue's writing end; closed when nothing will come any more.
    submit: Option<PipeWriter>,
    results: PipeReader,
    children: Vec<Child<'s>>,
    history: History,
    /// Tasks that are not yet in the queue, so that they can be taken back.
    backlog: VecDeque<u64>,
    /// Tasks that were put into the queue.
    fed: u64,
}

impl Pool<'_> {
    /// Hands the tasks in, hears actions and collects results until the last worker has gone.
    fn run(mut self) -> Result<History, LessonError> {
        set_nonblocking(&self.results).map_err(LessonError::kernel("read results without waiting"))?;
        self.backlog.extend(0..self.history.submitted);
        let mut unread = Vec::new();
        loop {
            self.feed()?;
            let ready: Vec<BorrowedFd<'_>> =
                std::iter::once(self.results.as_fd()).chain(self.children.iter().map(AsFd::as_fd)).collect();
            if let Some(asked) = self.lesson.listen(&ready, Duration::from_secs(1))? {
                match asked.name.as_str() {
                    _ if self.submit.is_none() => self.lesson.refuse(&asked, "the pool is closed, and takes no more tasks"),
                    "submit" => {
                        self.backlog.push_back(self.history.submitted);
                        self.history.submitted += 1;
                    }
                    _ if self.backlog.is_empty() => self.lesson.refuse(&asked, "no task waits: the workers have taken them all"),
                    _ => self.cancel(),
                }
            }
            let ended = self.collect(&mut unread)?;
            self.reap_the_dead()?;
            if ended && self.children.is_empty() {
                break;
            }
        }
        if let (Ok(own), Ok(theirs)) = (getrusage(UsageWho::RUSAGE_SELF), getrusage(UsageWho::RUSAGE_CHILDREN)) {
            let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
            let used = seconds(own.user_time()) + seconds(theirs.user_time());
            self.lesson.value("CPU time (s)", (used * 100.0).round() / 100.0);
        }
        Ok(self.history)
    }

    /// Keeps a task ready for each worker in the queue, and closes the queue when everything is done.
    fn feed(&mut self) -> Result<(), LessonError> {
        let Some(submit) = &mut self.submit else { return Ok(()) };
        let taken = self.history.notes.iter().filter(|note| note.result.is_none()).count() as u64;
        while self.fed - taken < self.history.workers
            && let Some(task) = self.backlog.pop_front()
        {
            // EPIPE: no worker is left, which `reap_the_dead` will notice.
            match submit.write_all(&task.to_le_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(LessonError::kernel("hand a task in")(error));
                }
                _ => self.fed += 1,
            }
        }
        self.lesson.value("tasks that wait", self.backlog.len() + (self.fed - taken) as usize);
        if self.fed == self.history.done() {
            self.submit = None;
        }
        Ok(())
    }

    fn cancel(&mut self) {
        self.history.cancelled += self.backlog.len() as u64;
        self.backlog.clear();
    }

    /// Reads what workers report; `true` at end of file, when no worker is left.
    fn collect(&mut self, unread: &mut Vec<u8>) -> Result<bool, LessonError> {
        let mut bytes = [0; 64 * Note::SIZE];
        let ended = loop {
            match self.results.read(&mut bytes) {
                Ok(0) => break true,
                Ok(count) => unread.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LessonError::kernel("read results")(error)),
            }
        };
        let (records, rest) = unread.as_chunks();
        self.history.notes.extend(records.iter().map(Note::from_bytes));
        let done = self.history.done();
        if !records.is_empty() {
            self.lesson.value("tasks done", done);
        }
        *unread = rest.to_vec();
        Ok(ended)
    }

    /// Waits on workers that have ended. One that was killed breaks the pool, as in Python: the task that it had is
    /// lost, and no more are handed out.
    fn reap_the_dead(&mut self) -> Result<(), LessonError> {
        for mut child in std::mem::take(&mut self.children) {
            match child.peek()? {
                None => self.children.push(child),
                Some(status) => {
                    if status != ExitStatus::Exited(0) {
                        self.lesson.notice(format!("{} was {status}: the pool is broken, and takes no more tasks", child.name()));
                        self.backlog.clear();
                        self.submit = None;
                    }
                    child.reap()?;
                }
            }
        }
        Ok(())
    }
}

fn facts(history: &History, alone: &BTreeMap<u64, u64>) -> Facts {
    let mut at_work = BTreeSet::new();
    let mut most = 0;
    for note in &history.notes {
        if note.result.is_some() {
            at_work.remove(&note.task)
        } else {
            at_work.insert(note.task)
        };
        most = most.max(at_work.len() as u64);
    }
    let done: BTreeMap<u64, u64> = history.notes.iter().filter_map(|note| Some((note.task, note.result?))).collect();
    let workers: BTreeSet<u32> = history.notes.iter().map(|note| note.worker).collect();
    let processes: BTreeSet<i32> = history.notes.iter().map(|note| note.pid).collect();
    let wrong = alone.iter().filter(|(task, result)| done.get(task).is_some_and(|found| found != *result)).count();
    vec![
        equals("all-done", "every task that was not cancelled is done: tasks", history.submitted - history.cancelled, done.len()),
        at_most(
            "at-once",
            "never more tasks are at work than the pool has workers: at the same time, at most",
            history.workers,
            most,
        ),
        at_most(
            "workers",
            "a worker that is free takes the next task, so that few workers do many tasks: workers",
            history.workers,
            workers.len() as u64,
        ),
        equals(
            "processes",
            if history.processes {
                "each worker is a process of its own: processes"
            } else {
                "all workers are threads of one process: processes"
            },
            if history.processes { workers.len() } else { workers.len().min(1) },
            processes.len(),
        ),
        equals("same-results", "the pool changes no result: results that differ from those of working alone", 0, wrong),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(notes: &[(u32, i32, u64, Option<u64>)]) -> History {
        let notes = notes.iter().map(|&(worker, pid, task, result)| Note { worker, pid, task, result }).collect();
        History { workers: 2, processes: false, submitted: 2, cancelled: 0, notes }
    }

    fn failed(history: &History) -> Vec<String> {
        let alone = BTreeMap::from([(0, 10), (1, 11)]);
        facts(history, &alone).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        let good = [(1, 5, 0, None), (2, 5, 1, None), (1, 5, 0, Some(10)), (2, 5, 1, Some(11))];
        assert_eq!(failed(&history(&good)), [""; 0]);
        assert_eq!(failed(&history(&good[..3])), ["all-done"]);
        let crowded = History { workers: 1, ..history(&good) };
        assert_eq!(failed(&crowded), ["at-once", "workers"]);
        assert_eq!(failed(&History { processes: true, ..history(&good) }), ["processes"]);
        let wrong = [(1, 5, 0, None), (2, 6, 1, None), (1, 5, 0, Some(10)), (2, 6, 1, Some(12))];
        assert_eq!(failed(&history(&wrong)), ["processes", "same-results"]);
        let nothing = facts(&history(&[]), &BTreeMap::new());
        assert!(nothing.iter().any(|fact| !fact.holds), "a run in which nothing happened does not pass");
    }

    #[test]
    fn a_note_survives_the_pipe() {
        for result in [None, Some(0), Some(u64::MAX)] {
            let note = Note { worker: 7, pid: 4711, task: 9, result };
            assert_eq!(Note::from_bytes(&note.to_bytes()), note);
        }
    }
}
