//! Pools of forked processes, with the semantics of Python's `multiprocessing.Pool` and `ProcessPoolExecutor`: tasks wait in a pipe, and
//! each worker that is free takes the next chunk of them. Used from a process with one thread, which waits for results and for workers that
//! end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{EventKind, Signal, TaskSort, TaskState};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::scenario::lesson::tracking::lane::{own_lane, write_stamped};
use crate::sys::{exit_now, is_readable};

/// The wait of a worker that is free.
const QUEUE: &str = "the pool's queue";
/// Bytes of a chunk on its way: the number of its first task, and how many there are; none, if it is one that has a lane.
const CHUNK: usize = 16;

/// A worker has ended, and the tasks that were not done will never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("BrokenProcessPool: a worker has ended")]
pub struct BrokenPool;

/// A pool of processes. See [`Lesson::process_pool`].
pub struct ProcessPool<'s> {
    lesson: &'s Lesson,
    task: Box<dyn Fn(usize) -> Value + 's>,
    /// The beginning of the workers' names.
    prefix: String,
    started: usize,
    workers: Vec<Child<'s>>,
    /// Tasks wait here; a worker keeps no end to write to, so that it finds the end of the file.
    queue: PipeReader,
    submit: Option<PipeWriter>,
    results: PipeReader,
    report: PipeWriter,
    unread: Vec<u8>,
    /// Tasks that have a lane, and are not done.
    futures: BTreeSet<usize>,
    /// Tasks of the list that is mapped.
    mapped: usize,
}

/// What the first thread has waited for.
enum News {
    Result(usize, Value),
    /// The worker at this place has ended.
    Ended(usize),
}

impl Lesson {
    /// A pool of processes `prefix-1` to `prefix-count`, each of which does tasks by their numbers. A task is called `task-1` where it has a
    /// lane.
    ///
    /// ```ignore
    /// let mut pool = lesson.process_pool("worker", 4, |number| (number * number).into())?;
    /// let squares = pool.map(12, 3)?;                     // of 1 to 12, in chunks of 3; a worker that is killed is replaced
    /// pool.submit(1)?;
    /// let (number, square) = pool.next_done()?.expect("a worker was killed");
    /// pool.close()?;
    /// ```
    pub fn process_pool<'s>(
        &'s self,
        prefix: &str,
        count: usize,
        task: impl Fn(usize) -> Value + 's,
    ) -> Result<ProcessPool<'s>, LessonError> {
        let (queue, submit) = io::pipe().map_err(LessonError::kernel("make the queue of a pool"))?;
        let (results, report) = io::pipe().map_err(LessonError::kernel("make the pipe for results"))?;
        let mut pool = ProcessPool {
            lesson: self,
            task: Box::new(task),
            prefix: prefix.to_owned(),
            started: 0,
            workers: Vec::new(),
            queue,
            submit: Some(submit),
            results,
            report,
            unread: Vec::new(),
            futures: BTreeSet::new(),
            mapped: 0,
        };
        for _ in 0..count {
            pool.start()?;
        }
        Ok(pool)
    }
}

impl ProcessPool<'_> {
    /// Does the tasks 1 to `count`, in chunks of this size, and gives the results in the order of the list.
    #[track_caller]
    pub fn map(&mut self, count: usize, chunksize: usize) -> Result<Vec<Value>, LessonError> {
        self.map_async(count, chunksize)?;
        self.mapped()
    }

    /// Hands in the tasks 1 to `count`, in chunks of this size.
    pub fn map_async(&mut self, count: usize, chunksize: usize) -> Result<(), LessonError> {
        self.mapped = count;
        (1..=count).step_by(chunksize).try_for_each(|first| self.hand_in(first, chunksize.min(count + 1 - first)))
    }

    /// Waits for the results of the list that was handed in. The task of a worker that was killed is lost: then it waits for ever.
    #[track_caller]
    pub fn mapped(&mut self) -> Result<Vec<Value>, LessonError> {
        let mut results = BTreeMap::new();
        while results.len() < self.mapped {
            match self.news("the pool's result")? {
                News::Result(number, result) => _ = results.insert(number, result),
                News::Ended(place) => {
                    self.workers.remove(place).reap()?;
                    self.start()?;
                }
            }
        }
        Ok(results.into_values().collect())
    }

    /// Hands in one task, which gets a lane of its own.
    #[track_caller]
    pub fn submit(&mut self, number: usize) -> Result<(), LessonError> {
        self.lesson.created(&name(number), TaskSort::Future, self.lesson.tracker().line(Location::caller()));
        self.lesson.changed(&name(number), TaskState::Waiting, Some(QUEUE));
        self.futures.insert(number);
        self.hand_in(number, 0)
    }

    /// Waits for the next task that is done, and gives its number and result. Where a worker has ended, all that is left fails.
    #[track_caller]
    pub fn next_done(&mut self) -> Result<Result<(usize, Value), BrokenPool>, LessonError> {
        match self.news("futures")? {
            News::Result(number, result) => {
                self.futures.remove(&number);
                Ok(Ok((number, result)))
            }
            News::Ended(_) => {
                for number in std::mem::take(&mut self.futures) {
                    self.lesson.report(EventKind::TaskFinished { task: name(number), result: BrokenPool.to_string() });
                }
                self.workers.iter().for_each(|worker| _ = worker.signal(Signal::TERM));
                Ok(Err(BrokenPool))
            }
        }
    }

    /// Takes no more tasks, and waits until the workers have ended.
    pub fn close(mut self) -> Result<(), LessonError> {
        self.submit = None;
        self.workers.drain(..).try_for_each(|worker| worker.reap().map(drop))
    }

    fn start(&mut self) -> Result<(), LessonError> {
        self.started += 1;
        let name = format!("{}-{}", self.prefix, self.started);
        match self.lesson.fork(&name)? {
            Fork::Parent(child) => self.workers.push(child),
            Fork::Child => {
                self.submit = None;
                self.serve(&name);
                exit_now(0)
            }
        }
        Ok(())
    }

    /// In a worker: takes chunks until the queue is closed.
    fn serve(&self, worker: &str) {
        if own_lane().is_none() {
            let _lane = self.lesson.task(worker, TaskSort::Process);
        }
        let mut chunk = [0; CHUNK];
        loop {
            self.lesson.changed(worker, TaskState::Waiting, Some(QUEUE));
            if (&self.queue).read_exact(&mut chunk).is_err() {
                break;
            }
            self.lesson.changed(worker, TaskState::Running, None);
            let [first, count] = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|n| chunk[at + n])) as usize);
            let done = |number| format!("{}\n", json!([number, (self.task)(number)]));
            let done = if count == 0 {
                let task = name(first);
                self.lesson.changed(&task, TaskState::Running, Some(worker));
                self.lesson.changed(worker, TaskState::Running, Some(&task));
                let done = done(first);
                self.lesson.report(EventKind::TaskFinished { task, result: "ok".to_owned() });
                done
            } else {
                (first..first + count).map(done).collect()
            };
            if (&self.report).write_all(done.as_bytes()).is_err() {
                break;
            }
        }
        self.lesson.report(EventKind::TaskFinished { task: worker.to_owned(), result: "ok".to_owned() });
    }

    fn hand_in(&self, first: usize, count: usize) -> Result<(), LessonError> {
        let chunk = [(first as u64).to_le_bytes(), (count as u64).to_le_bytes()].concat();
        let written = self.submit.as_ref().map_or(Ok(()), |mut submit| submit.write_all(&chunk));
        written.map_err(LessonError::kernel("hand in a task"))
    }

    /// Waits for a result, or for the end of a worker. Results that are there come first.
    #[track_caller]
    fn news(&mut self, on: &str) -> Result<News, LessonError> {
        let line = self.lesson.tracker().line(Location::caller());
        let mut lane = own_lane().filter(|_| self.lesson.tracker().has_listener());
        let mut waits = None;
        let news = loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let text: Vec<u8> = self.unread.drain(..=end).collect();
                let (number, result) = serde_json::from_slice(&text)?;
                break News::Result(number, result);
            }
            if is_readable(&self.results, Duration::ZERO) {
                let mut bytes = [0; 4096];
                let count = self.results.read(&mut bytes).map_err(LessonError::kernel("read a result"))?;
                self.unread.extend_from_slice(&bytes[..count]);
                continue;
            }
            let ended = self.workers.iter_mut().enumerate().find_map(|(place, worker)| match worker.peek() {
                Ok(status) => status.map(|_| Ok(place)),
                Err(error) => Some(Err(error)),
            });
            if let Some(place) = ended {
                break News::Ended(place?);
            }
            if let Some(lane) = lane.take() {
                lane.stamp_wait(self.lesson.reporter(), on, None, line);
                write_stamped(self.lesson.reporter());
                waits = Some(lane);
            }
            let wakes: Vec<BorrowedFd<'_>> =
                std::iter::once(self.results.as_fd()).chain(self.workers.iter().map(AsFd::as_fd)).collect();
            if let Some(asked) = self.lesson.listen(&wakes, Duration::from_mins(1))? {
                self.lesson.refuse(&asked, "main does not sleep");
            }
        };
        if let Some(lane) = waits {
            lane.stamp_run(self.lesson.reporter(), None, line);
            lane.write(self.lesson.reporter());
        }
        Ok(news)
    }
}

fn name(number: usize) -> String {
    format!("task-{number}")
}
