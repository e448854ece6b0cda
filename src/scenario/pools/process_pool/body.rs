//! Process pools: a list of tasks, spread over worker processes in chunks (concepts 48, 56, 57 and 58). The body has one
//! thread, or it could not fork; its workers take chunks from one pipe and tell what they did through another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::model::{Monotonic, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, Reply, at_most, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::load::Load;
use crate::scenario::lesson::proc::stat_of;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::sys::{exit_now, own_pid, set_nonblocking};

/// Text to work on.
const TEXT: &str = include_str!("text.md");

/// Maps that somebody can ask for in one run, so that it ends.
const MOST_WANTED: usize = 4;
/// How many times as much work a slow task is.
const SLOW: u64 = 4;
/// The pool is given up after this, so that a stopped worker does not hold it for ever.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let cores = available_parallelism().map_err(LessonError::kernel("count the cores"))?.get();
    lesson.value("cores", cores);
    let load = Load::new("hash", TEXT, params.count("size"));
    let tasks = params.count("tasks") as u32;
    let mut history = History { workers: params.count("workers"), tasks, cores, size_by_default: 0, rounds: Vec::new() };

    let (gate, opener) = io::pipe().map_err(LessonError::kernel("make the gate"))?;
    let mut gate = Gate { gate, opener: Some(opener) };
    let pool = Pool::start(lesson, cores, "pool()", &load, &history, &mut gate)?;
    history.size_by_default = pool.workers.iter().filter(|worker| stat_of(worker.pid()).is_some()).count();
    pool.close()?;
    lesson.say(&format!("a pool of the default size has {} workers", history.size_by_default));

    let mut pool = Pool::start(lesson, history.workers, "worker", &load, &history, &mut gate)?;
    main.waiting("map()", None);
    let chunksize = params.count("chunksize") as u32;
    history.rounds.push(pool.map(tasks, chunksize)?);

    if !pool.is_broken {
        let mut round = pool.map_async(tasks, chunksize, true)?;
        main.running("what main has to do");
        lesson.say("map_async has returned: main goes on, and opens the gate");
        gate.opener = None;
        main.waiting("wait()", None);
        pool.wait(&mut round)?;
        history.rounds.push(round);
    }

    let mut deadline = Instant::now() + params.seconds("patience");
    while !pool.is_broken && (!pool.wanted.is_empty() || !(pool.is_finished || Instant::now() >= deadline)) {
        if let Some(chunksize) = pool.wanted.pop_front() {
            main.waiting(&format!("map(), chunksize {chunksize}"), None);
            history.rounds.push(pool.map(tasks, chunksize)?);
            deadline = Instant::now() + params.seconds("patience");
        } else {
            main.waiting("you: one more map, or the end", None);
            pool.hear(deadline)?;
        }
    }
    pool.close()?;
    main.finish("ok");
    Ok(facts(&history))
}

/// Closed until main drops the opener: then reading finds the end of the file.
struct Gate {
    gate: PipeReader,
    opener: Option<PipeWriter>,
}

/// What a worker takes: some tasks of a map, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chunk {
    first: u32,
    count: u32,
    /// Whether main has to give its go first.
    gated: bool,
}

/// What a worker tells of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done {
    task: u32,
    pid: i32,
    at: Monotonic,
}

/// One map: what was asked for, what came back, and when.
#[derive(Debug, Clone, Default)]
struct Round {
    chunksize: u32,
    tasks: u32,
    is_async: bool,
    /// When `map` or `map_async` returned.
    returned: Monotonic,
    /// By the place in the list.
    results: BTreeMap<u32, Done>,
}

#[derive(Debug, Clone)]
struct History {
    workers: usize,
    tasks: u32,
    cores: usize,
    size_by_default: usize,
    rounds: Vec<Round>,
}

impl History {
    /// So many tasks at the head of the list are slow.
    fn slow(&self) -> u32 {
        (self.tasks / 4).max(1)
    }
}

/// The pool as its owner has it.
struct Pool<'s> {
    lesson: &'s Lesson,
    chunks: PipeWriter,
    results: PipeReader,
    unread: Vec<u8>,
    workers: Vec<Child<'s>>,
    slow: u32,
    /// Chunk sizes that somebody asked for.
    wanted: VecDeque<u32>,
    asked: usize,
    /// Whether somebody has said that there will be no more maps.
    is_finished: bool,
    deadline: Instant,
    is_broken: bool,
}

impl<'s> Pool<'s> {
    fn start(
        lesson: &'s Lesson,
        size: usize,
        names: &str,
        load: &Load,
        history: &History,
        gate: &mut Gate,
    ) -> Result<Self, LessonError> {
        let slow = history.slow();
        let (mut queue, chunks) = io::pipe().map_err(LessonError::kernel("make the queue"))?;
        let (results, mut report) = io::pipe().map_err(LessonError::kernel("make the pipe for results"))?;
        set_nonblocking(&results).map_err(LessonError::kernel("read results without waiting"))?;
        let mut workers = Vec::new();
        for number in 1..=size {
            let name = format!("{names}-{number}");
            match lesson.fork(&name)? {
                Fork::Child => {
                    // Whoever holds a writing end keeps the end of the file away, also from itself.
                    drop((chunks, results));
                    gate.opener = None;
                    let served = serve(lesson, &name, load, slow, &mut queue, &mut gate.gate, &mut report);
                    exit_now(i32::from(served.is_err()));
                }
                Fork::Parent(child) => workers.push(child),
            }
        }
        let deadline = Instant::now() + PATIENCE;
        let (unread, wanted) = (Vec::new(), VecDeque::new());
        Ok(Self {
            lesson,
            chunks,
            results,
            unread,
            workers,
            slow,
            wanted,
            asked: 0,
            is_finished: false,
            deadline,
            is_broken: false,
        })
    }

    /// Hands the list out in chunks, and returns when all results are there.
    fn map(&mut self, tasks: u32, chunksize: u32) -> Result<Round, LessonError> {
        let mut round = self.map_async(tasks, chunksize, false)?;
        self.wait(&mut round)?;
        round.returned = self.lesson.now();
        Ok(round)
    }

    /// Hands the list out in chunks, and returns.
    fn map_async(&mut self, tasks: u32, chunksize: u32, gated: bool) -> Result<Round, LessonError> {
        self.deadline = Instant::now() + PATIENCE;
        let firsts = (0..tasks).step_by(chunksize as usize);
        let chunks = firsts.map(|first| Chunk { first, count: chunksize.min(tasks - first), gated });
        let bytes: Vec<u8> = chunks.flat_map(Chunk::to_bytes).collect();
        match self.chunks.write_all(&bytes) {
            // EPIPE: no worker is left, which `wait` notices.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(LessonError::kernel("hand the tasks out")(error));
            }
            _ => {}
        }
        Ok(Round { chunksize, tasks, is_async: gated, returned: self.lesson.now(), results: BTreeMap::new() })
    }

    /// Waits until all results are there, or the pool breaks.
    fn wait(&mut self, round: &mut Round) -> Result<(), LessonError> {
        while !self.is_broken && round.results.len() < round.tasks as usize {
            self.hear(Instant::now() + Duration::from_secs(1))?;
            self.collect(round)?;
            if Instant::now() >= self.deadline && !self.is_broken {
                self.lesson.notice(format!("the pool is given up after {} s", PATIENCE.as_secs()));
                self.is_broken = true;
            }
        }
        self.show(round);
        Ok(())
    }

    /// Hears one action until then, and looks after the workers.
    fn hear(&mut self, until: Instant) -> Result<(), LessonError> {
        let ready: Vec<BorrowedFd<'_>> =
            std::iter::once(self.results.as_fd()).chain(self.workers.iter().map(AsFd::as_fd)).collect();
        if let Some(asked) = self.lesson.listen(&ready, until.saturating_duration_since(Instant::now()))? {
            let reply = self.obey(&asked);
            self.lesson.answer(&asked, &reply);
        }
        for worker in &mut self.workers {
            if let Some(status) = worker.peek()? {
                self.lesson.notice(format!(
                    "{} was {status}: the task that it had is lost, so the pool is broken, and given up",
                    worker.name()
                ));
                self.is_broken = true;
            }
        }
        Ok(())
    }

    fn obey(&mut self, asked: &LessonAction) -> Reply {
        if asked.name == "finish" {
            self.is_finished = true;
            return Ok(());
        }
        match asked.target.trim().parse() {
            Ok(1..=32) if self.asked >= MOST_WANTED => Err("four more maps are enough for one run".to_owned()),
            Ok(size @ 1..=32) => {
                self.asked += 1;
                self.wanted.push_back(size);
                Ok(())
            }
            _ => Err("the chunk size is a whole number of tasks, from 1 to 32".to_owned()),
        }
    }

    /// Reads what the workers have told.
    fn collect(&mut self, round: &mut Round) -> Result<(), LessonError> {
        let mut bytes = [0; 4096];
        loop {
            match self.results.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LessonError::kernel("read results")(error)),
            }
        }
        let (records, rest) = self.unread.as_chunks();
        round.results.extend(records.iter().map(Done::from_bytes).map(|done| (done.task, done)));
        self.unread = rest.to_vec();
        Ok(())
    }

    /// How the work was shared out: the busiest worker's part of it.
    fn show(&self, round: &Round) {
        let mut work: BTreeMap<i32, u64> = BTreeMap::new();
        for done in round.results.values() {
            *work.entry(done.pid).or_default() += if done.task < self.slow { SLOW } else { 1 };
        }
        let percent = work.values().max().map_or(0, |most| 100 * most / work.values().sum::<u64>());
        self.lesson.value(format!("busiest worker's part with chunksize {} (%)", round.chunksize), percent);
        self.lesson.say(&format!(
            "chunksize {}: {} workers, the busiest one did {percent} % of the work",
            round.chunksize,
            work.len()
        ));
    }

    /// Takes no more tasks, and waits on the workers; those of a broken pool, and who does not end, are killed.
    fn close(self) -> Result<(), LessonError> {
        drop(self.chunks);
        let deadline = Instant::now() + Duration::from_secs(if self.is_broken { 0 } else { 2 });
        for mut worker in self.workers {
            while worker.peek()?.is_none() && Instant::now() < deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if let Some(asked) = self.lesson.listen(&[worker.as_fd()], left)? {
                    self.lesson.refuse(&asked, TOO_LATE);
                }
            }
            if !worker.has_ended() {
                worker.signal(Signal::KILL);
            }
            worker.reap()?;
        }
        Ok(())
    }
}

/// A worker's life: takes chunks until the queue is closed, and does their tasks.
fn serve(
    lesson: &Lesson,
    name: &str,
    load: &Load,
    slow: u32,
    queue: &mut PipeReader,
    gate: &mut PipeReader,
    report: &mut PipeWriter,
) -> io::Result<()> {
    let lane: Task<'_> = lesson.task(name, TaskSort::Process);
    let mut bytes = [0; Chunk::SIZE];
    loop {
        lane.waiting("the queue", None);
        if queue.read_exact(&mut bytes).is_err() {
            lane.finish("ok");
            return Ok(());
        }
        let chunk = Chunk::from_bytes(&bytes);
        if chunk.gated {
            lane.waiting("the gate", Some("main"));
            gate.read_to_end(&mut Vec::new())?;
        }
        for task in chunk.first..chunk.first + chunk.count {
            lane.running(&format!("task {task}"));
            for piece in 0..if task < slow { SLOW } else { 1 } {
                load.piece(piece);
            }
            report.write_all(&Done { task, pid: own_pid().number(), at: lesson.now() }.to_bytes())?;
        }
    }
}

impl Chunk {
    const SIZE: usize = 12;

    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.first.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.count.to_le_bytes());
        bytes[8] = u8::from(self.gated);
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| bytes[at + n]));
        Self { first: number(0), count: number(4), gated: bytes[8] == 1 }
    }
}

impl Done {
    const SIZE: usize = 16;

    /// A record that is short enough for a pipe to keep it whole.
    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.task.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.pid.to_le_bytes());
        bytes[8..].copy_from_slice(&self.at.nanos().to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| bytes[at + n]));
        let at = u64::from_le_bytes(std::array::from_fn(|n| bytes[8 + n]));
        Self { task: number(0), pid: number(4).cast_signed(), at: Monotonic::from_nanos(at) }
    }
}

fn facts(history: &History) -> Facts {
    let History { tasks, .. } = *history;
    let in_order: Vec<u32> = (0..tasks).collect();
    // As the caller finds them: the list has the results that came, each at its place.
    let orders: Vec<Vec<u32>> =
        history.rounds.iter().map(|round| round.results.values().map(|done| done.task).collect()).collect();
    let order = orders.iter().find(|order| **order != in_order).or(orders.last()).cloned().unwrap_or_default();
    let left = |round: &Round| {
        let done_before = round.results.values().filter(|done| done.at <= round.returned).count();
        tasks as usize - done_before.min(tasks as usize)
    };
    let pids = |results: &mut dyn Iterator<Item = &Done>| results.map(|done| done.pid).collect::<BTreeSet<i32>>();
    let split = history.rounds.iter().flat_map(|round| {
        (0..tasks).step_by(round.chunksize as usize).filter(|first| {
            let of_the_chunk = *first..first + round.chunksize;
            pids(&mut round.results.values().filter(|done| of_the_chunk.contains(&done.task))).len() > 1
        })
    });
    let slow = history.rounds.iter().map(|round| {
        let shared = pids(&mut round.results.values().filter(|done| done.task < history.slow())).len() as u64;
        (u64::from(history.slow().div_ceil(round.chunksize)), shared)
    });
    let slow: Vec<_> = slow.collect();
    let (slow_chunks, shared) =
        slow.iter().find(|(chunks, shared)| shared > chunks).or(slow.first()).copied().unwrap_or_default();
    let processes = pids(&mut history.rounds.iter().flat_map(|round| round.results.values()));
    let by_main = usize::from(processes.contains(&own_pid().number()));
    vec![
        equals(
            "default-size",
            "a pool that is not told its size has one worker for each core: workers",
            history.cores,
            history.size_by_default,
        ),
        equals("order-kept", "the results come in the order of the list, whichever task was done first", in_order, order),
        equals(
            "map-waits",
            "when map returned, all was done: tasks that were left",
            0,
            history.rounds.iter().filter(|round| !round.is_async).map(left).max(),
        ),
        equals(
            "async-returns",
            "when map_async returned, nothing was done yet: tasks that were left",
            tasks,
            history.rounds.iter().find(|round| round.is_async).map(left),
        ),
        equals("chunks", "the tasks of a chunk are all done by one worker: chunks that several had", 0, split.count()),
        at_most("slow-tasks", "no more workers share the slow tasks than there are chunks of them: workers", slow_chunks, shared),
        at_most(
            "workers",
            "however many tasks there are, the same few workers do them: workers",
            history.workers as u64,
            processes.len() as u64,
        ),
        equals("elsewhere", "the tasks are done in other processes: tasks that main did itself", 0, by_main),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (task, PID, when it was done); `map` returned at 100, `map_async` at 0.
    fn round(is_async: bool, results: &[(u32, i32, u64)]) -> Round {
        let done = |&(task, pid, at): &(u32, i32, u64)| (task, Done { task, pid, at: Monotonic::from_nanos(at) });
        let returned = Monotonic::from_nanos(if is_async { 0 } else { 100 });
        Round { chunksize: 2, tasks: 4, is_async, returned, results: results.iter().map(done).collect() }
    }

    const GOOD: [(u32, i32, u64); 4] = [(0, -7, 50), (1, -7, 60), (2, -8, 20), (3, -8, 30)];

    fn failed(map: &[(u32, i32, u64)], change: impl FnOnce(&mut History)) -> Vec<String> {
        let rounds = vec![round(false, map), round(true, &GOOD)];
        let mut history = History { workers: 2, tasks: 4, cores: 2, size_by_default: 2, rounds };
        change(&mut history);
        facts(&history).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(&GOOD, |_| ()), [""; 0]);
        assert_eq!(failed(&GOOD, |history| history.size_by_default = 3), ["default-size"]);
        assert_eq!(failed(&GOOD[..3], |_| ()), ["order-kept", "map-waits"], "a task was lost");
        assert_eq!(failed(&[GOOD[0], GOOD[1], GOOD[2], (3, -8, 101)], |_| ()), ["map-waits"]);
        assert_eq!(failed(&GOOD, |history| history.rounds[1].returned = Monotonic::from_nanos(25)), ["async-returns"]);
        assert_eq!(failed(&[GOOD[0], (1, -8, 60), GOOD[2], GOOD[3]], |_| ()), ["chunks"]);
        assert_eq!(failed(&GOOD, |history| history.workers = 1), ["workers"]);
        let own = own_pid().number();
        assert_eq!(failed(&[GOOD[0], GOOD[1], (2, own, 20), (3, own, 30)], |_| ()), ["workers", "elsewhere"]);
        let nothing = failed(&GOOD, |history| history.rounds.clear());
        assert_eq!(nothing, ["order-kept", "map-waits", "async-returns"], "a run in which nothing was mapped does not pass");
    }

    #[test]
    fn the_slow_tasks_in_one_chunk_are_not_shared() {
        let spread: Vec<_> = (0..8).map(|task| (task, if task == 1 { -8 } else { -7 }, 50)).collect();
        let eight = |history: &mut History| {
            history.tasks = 8;
            history.rounds.truncate(1);
            history.rounds[0].tasks = 8;
        };
        assert!(failed(&spread, eight).contains(&"slow-tasks".to_owned()));
    }

    #[test]
    fn records_survive_the_pipes() {
        let chunk = Chunk { first: 7, count: 32, gated: true };
        assert_eq!(Chunk::from_bytes(&chunk.to_bytes()), chunk);
        let done = Done { task: 9, pid: 4711, at: Monotonic::from_nanos(u64::MAX) };
        assert_eq!(Done::from_bytes(&done.to_bytes()), done);
    }
}
