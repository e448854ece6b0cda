//! The global interpreter lock, and what Rust does without it (concepts 6, 14, 41, 42 and 43). Processes are forked first,
//! while there is one thread. The threads that Python would hold back share a lock here that stands in for Python's.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::model::{ExitStatus, Fact, ProcessState, Signal, TaskSort, Tid};
use crate::scenario::card::{Facts, Params, at_most, equals, more_than};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::cost::{Cost, cost_of, load, process_cpu, quota, ready_at_a_time, stolen};
use crate::scenario::lesson::load::Load;
use crate::scenario::lesson::proc::own_thread_stat;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError};
use crate::scenario::threads::gil::alone as gil_alone;
use crate::sys::{exit_now, set_nonblocking};

/// Text to work on.
const TEXT: &str = include_str!("text.md");

/// Rounds of threads that one run does, so that it ends.
const MOST_ROUNDS: usize = 5;
/// Cores that others must leave the processes, before it says something how many of them they use: the load of a machine is
/// counted in ticks of 10 ms.
const ENOUGH_LEFT: f64 = 0.75;
/// Updates by each of the threads that share a counter.
const UPDATES: u64 = 50;
/// How often they try again if one was done before the next one had begun, so that nothing could be lost.
const MOST_TRIES: usize = 20;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let cores = choose_cores(params.count("affinity")).map_err(LessonError::kernel("choose the cores"))?;
    lesson.value("cores", cores.count());
    if params.text("kind") != "all" {
        return gil_alone::run(lesson, main, params);
    }
    let (workers, span) = (params.count("workers"), params.seconds("span"));
    let processes = Processes::start(lesson, workers, span)?;
    let mut history = History { workers, span, ..History::default() };

    let one_lock = |interval: u64| -> Result<Round, LessonError> {
        main.waiting(&format!("threads, switch interval {interval} ms"), None);
        let lock = OneLock::new(workers, Duration::from_millis(interval));
        let (found, cores) = in_threads(lesson, "spin", workers, |me| lock.spin(me, span))?;
        Ok(Round { interval, found, cores })
    };
    history.rounds.push(one_lock(params.count("interval") as u64)?);

    main.waiting("processes", None);
    let mut asked = Vec::new();
    (history.processes, history.process_cores, history.cores_left) = processes.finish(&cores, &mut asked)?;
    main.waiting("threads that hash", None);
    let buffer = Load::new("hash", TEXT, 4);
    (history.hashing, _) = in_threads(lesson, "hash", workers, |me| hash(&buffer, me, span))?;
    main.waiting("threads that wait for input", None);
    history.asleep = wait_for_input(lesson, workers)?;
    main.waiting("threads that add", None);
    history.lost = lose_updates(lesson, workers.max(2))?;

    asked.reverse();
    while let Some(action) = asked.pop().map_or_else(|| lesson.next_action(Duration::ZERO), |action| Ok(Some(action)))? {
        match action.target.trim().parse() {
            Ok(1..=50) if history.rounds.len() >= MOST_ROUNDS => lesson.refuse(&action, "five rounds are enough for one run"),
            Ok(interval @ 1..=50) => history.rounds.push(one_lock(interval)?),
            _ => lesson.refuse(&action, "the switch interval is a whole number of ms, from 1 to 50"),
        }
    }
    main.finish("ok");
    history.show_turns(lesson);
    Ok(facts(&history))
}

/// The cores that this process may run on; at most `most` of them from now on, if that is not 0.
fn choose_cores(most: usize) -> io::Result<CpuSet> {
    let allowed = sched_getaffinity(None)?;
    if most == 0 {
        return Ok(allowed);
    }
    let mut chosen = CpuSet::new();
    (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).take(most).for_each(|core| chosen.set(core));
    sched_setaffinity(None, &chosen)?;
    Ok(chosen)
}

/// What one worker did, and what that cost.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measured {
    cost: Cost,
    steps: u64,
    turns: u64,
}

/// Threads that shared the one lock: the switch interval in ms, what each measured, and the cores that they used.
#[derive(Debug, Clone, PartialEq)]
struct Round {
    interval: u64,
    found: Vec<Measured>,
    cores: f64,
}

#[derive(Debug, Clone, Default)]
struct History {
    workers: usize,
    span: Duration,
    rounds: Vec<Round>,
    processes: Vec<Measured>,
    process_cores: f64,
    /// Cores that others left the processes, at most one for each.
    cores_left: f64,
    hashing: Vec<Measured>,
    asleep: usize,
    lost: u64,
}

/// Stands in for Python's lock: whoever has its turn computes, and passes it on after the switch interval.
struct OneLock {
    turn: Mutex<usize>,
    passed: Condvar,
    workers: usize,
    interval: Duration,
    /// The same for all: whoever left earlier than the others would take the turn along.
    until: OnceLock<Instant>,
}

impl OneLock {
    fn new(workers: usize, interval: Duration) -> Self {
        Self { turn: Mutex::new(0), passed: Condvar::new(), workers, interval, until: OnceLock::new() }
    }

    fn spin(&self, me: usize, span: Duration) -> (u64, u64) {
        let until = *self.until.get_or_init(|| Instant::now() + span);
        let (mut steps, mut turns) = (0, 0);
        loop {
            let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let mut turn = self.passed.wait_while(turn, |turn| *turn != me).unwrap_or_else(PoisonError::into_inner);
            turns += 1;
            steps += spin(until.min(Instant::now() + self.interval));
            *turn = (me + 1) % self.workers;
            self.passed.notify_all();
            if Instant::now() >= until {
                return (steps, turns);
            }
        }
    }
}

/// Counts, and needs nobody.
fn spin(until: Instant) -> u64 {
    let mut steps = 0;
    while Instant::now() < until {
        steps += 1;
    }
    steps
}

/// Hashes large buffers, and needs nobody.
fn hash(buffer: &Load, me: usize, span: Duration) -> (u64, u64) {
    let until = Instant::now() + span;
    let mut steps = 0;
    while Instant::now() < until {
        std::hint::black_box(buffer.piece(me as u64));
        steps += 1;
    }
    (steps, 0)
}

/// Has all workers do this at the same time, as threads. Gives what each measured, and the cores that they used.
fn in_threads(
    lesson: &Lesson,
    kind: &str,
    workers: usize,
    work: impl Fn(usize) -> (u64, u64) + Sync,
) -> Result<(Vec<Measured>, f64), LessonError> {
    // Whoever wants to start waits for this lock, which main holds until all are there, or until one could not be started.
    let start = Mutex::new(());
    let worker = |me: usize| {
        let lane = lesson.task(format!("{kind}-{}", me + 1), TaskSort::Thread);
        lane.waiting("the start", Some("main"));
        drop(start.lock().unwrap_or_else(PoisonError::into_inner));
        lane.running(kind);
        let ((steps, turns), cost) = cost_of(|| work(me));
        lane.finish("ok");
        Measured { cost, steps, turns }
    };
    let all_cores = sched_getaffinity(None).map_err(LessonError::kernel("ask for the cores"))?;
    let (mut found, cores, taken) = thread::scope(|scope| {
        let closed = start.lock().unwrap_or_else(PoisonError::into_inner);
        let mut threads = Vec::new();
        for me in 0..workers {
            let (worker, name) = (&worker, format!("{kind}-{}", me + 1));
            let failed = LessonError::kernel(format!("start {name}"));
            threads.push(thread::Builder::new().name(name).spawn_scoped(scope, move || worker(me)).map_err(failed)?);
        }
        let (began, cpu, taken) = (Instant::now(), process_cpu(), stolen(&all_cores));
        drop(closed);
        let found: Vec<Measured> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        let elapsed = began.elapsed().as_secs_f64();
        Ok::<_, LessonError>((found, (process_cpu() - cpu) / elapsed, (stolen(&all_cores) - taken) / elapsed))
    })?;
    give_back(&mut found, taken);
    show(lesson, &format!("{kind} threads"), &found, cores);
    Ok((found, cores))
}

/// Adds the cores that a virtual machine's host took away: whoever had them would have run.
fn give_back(found: &mut [Measured], taken: f64) {
    let each = taken / found.len().max(1) as f64;
    found.iter_mut().filter_map(|one| one.cost.ready.as_mut()).for_each(|ready| *ready += each);
}

fn show(lesson: &Lesson, what: &str, found: &[Measured], cores: f64) {
    lesson.value(format!("{what}: cores used"), rounded(cores));
    let ready = ready_at_a_time(found.iter().map(|one| &one.cost)).map_or("?".to_owned(), |ready| format!("{ready:.1}"));
    lesson.say(&format!("{} {what}: {cores:.2} cores used, {ready} running or ready at a time", found.len()));
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Processes that wait for the gate to open, then compute, and tell what that cost.
struct Processes<'s> {
    lesson: &'s Lesson,
    children: Vec<Child<'s>>,
    opener: PipeWriter,
    hear: PipeReader,
    span: Duration,
}

impl<'s> Processes<'s> {
    fn start(lesson: &'s Lesson, workers: usize, span: Duration) -> Result<Self, LessonError> {
        let (mut gate, opener) = io::pipe().map_err(LessonError::kernel("make the gate"))?;
        let (hear, mut tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        set_nonblocking(&hear).map_err(LessonError::kernel("read without waiting"))?;
        let mut children = Vec::new();
        for number in 1..=workers {
            let name = format!("process-{number}");
            match lesson.fork(&name)? {
                Fork::Child => {
                    // Whoever holds a writing end keeps the end of the file away, also from itself.
                    drop((opener, hear));
                    let lane = lesson.task(name, TaskSort::Process);
                    lane.waiting("the start", Some("main"));
                    let opened = gate.read_to_end(&mut Vec::new());
                    lane.running("spin");
                    let (steps, cost) = cost_of(|| spin(Instant::now() + span));
                    let told = tell.write_all(&Measured { cost, steps, turns: 0 }.to_bytes());
                    lane.finish("ok");
                    exit_now(i32::from(opened.and(told).is_err()));
                }
                Fork::Parent(child) => children.push(child),
            }
        }
        Ok(Self { lesson, children, opener, hear, span })
    }

    /// Opens the gate, and waits until all have told what they measured, or have ended, at most five seconds longer. Gives
    /// that, the cores that they used, and those that others left them.
    fn finish(mut self, cores: &CpuSet, asked: &mut Vec<LessonAction>) -> Result<(Vec<Measured>, f64, f64), LessonError> {
        let (began, before, taken) = (Instant::now(), load(cores), stolen(cores));
        let deadline = began + self.span + Duration::from_secs(5);
        drop(self.opener);
        let mut told = Vec::new();
        while told.len() < self.children.len() * Measured::SIZE && Instant::now() < deadline {
            let mut bytes = [0; 1024];
            match self.hear.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => told.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let alive = self.children.iter().filter(|child| !child.has_ended());
                    let ready: Vec<BorrowedFd<'_>> = std::iter::once(self.hear.as_fd()).chain(alive.map(AsFd::as_fd)).collect();
                    if ready.len() == 1 {
                        break;
                    }
                    asked.extend(self.lesson.listen(&ready, deadline.saturating_duration_since(Instant::now()))?);
                    for child in &mut self.children {
                        child.peek()?;
                    }
                }
                Err(error) => return Err(LessonError::kernel("hear what the processes measured")(error)),
            }
        }
        let elapsed = began.elapsed().as_secs_f64();
        let (whole_load, taken) = (load(cores) - before, (stolen(cores) - taken) / elapsed);
        let all_told = told.len() == self.children.len() * Measured::SIZE;
        for child in self.children {
            if !all_told {
                child.signal(Signal::KILL);
            }
            let name = child.name().to_owned();
            if child.reap()?.status != ExitStatus::Exited(0) {
                self.lesson.notice(format!("{name} was killed before it had told what it measured"));
            }
        }
        let (records, _) = told.as_chunks();
        let mut found: Vec<Measured> = records.iter().map(Measured::from_bytes).collect();
        give_back(&mut found, taken);
        let cpu: f64 = found.iter().map(|one| one.cost.cpu).sum();
        show(self.lesson, "processes", &found, cpu / elapsed);
        let left = f64::from(cores.count()).min(quota()) - (whole_load - cpu).max(0.0) / elapsed;
        Ok((found, cpu / elapsed, left))
    }
}

impl Measured {
    const SIZE: usize = 24;

    /// A record that is short enough for a pipe to keep it whole.
    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.cost.cpu.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.cost.ready.unwrap_or(-1.0).to_le_bytes());
        bytes[16..].copy_from_slice(&self.steps.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| std::array::from_fn(|n| bytes[at + n]);
        let ready = Some(f64::from_le_bytes(word(8))).filter(|ready| *ready >= 0.0);
        Self { cost: Cost { cpu: f64::from_le_bytes(word(0)), ready }, steps: u64::from_le_bytes(word(16)), turns: 0 }
    }
}

/// Has all workers wait for input at the same time. Gives how many of them /proc shows asleep then.
fn wait_for_input(lesson: &Lesson, workers: usize) -> Result<usize, LessonError> {
    let (source, sink) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let tids = Mutex::new(Vec::new());
    let reader = |number: usize, mut source: &PipeReader| {
        let lane = lesson.task(format!("reader-{number}"), TaskSort::Thread);
        lane.waiting("input", Some("main"));
        tids.lock().unwrap_or_else(PoisonError::into_inner).push(rustix::thread::gettid());
        let _ = source.read(&mut [0]);
        lane.finish("ok");
    };
    let asleep = thread::scope(|scope| {
        // Dropped when this scope is left, in whatever way: then the readers find the end of the file.
        let sink = sink;
        for number in 1..=workers {
            let (name, reader, source) = (format!("reader-{number}"), &reader, &source);
            let failed = LessonError::kernel(format!("start {name}"));
            thread::Builder::new().name(name).spawn_scoped(scope, move || reader(number, source)).map_err(failed)?;
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut asleep = 0;
        while asleep < workers && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
            let sleeps = |tid: &rustix::thread::Pid| {
                own_thread_stat(Tid::new(tid.as_raw_nonzero().get())).is_some_and(|stat| stat.state == ProcessState::Sleeping)
            };
            let tids = tids.lock().unwrap_or_else(PoisonError::into_inner);
            asleep = tids.iter().filter(|tid| sleeps(tid)).count();
        }
        drop(sink);
        Ok::<_, LessonError>(asleep)
    })?;
    lesson.say(&format!("{asleep} threads waited for input at the same time"));
    Ok(asleep)
}

/// Threads add to one counter without a lock around reading and writing, and leave a gap between. Gives what was lost.
fn lose_updates(lesson: &Lesson, workers: usize) -> Result<u64, LessonError> {
    let counter = AtomicU64::new(0);
    let add = || {
        for _ in 0..UPDATES {
            let seen = counter.load(Ordering::Relaxed);
            thread::sleep(Duration::from_micros(100));
            counter.store(seen + 1, Ordering::Relaxed);
        }
    };
    let (mut all, mut lost, mut tries) = (0, 0, 0);
    while lost == 0 && tries < MOST_TRIES {
        thread::scope(|scope| {
            for _ in 0..workers {
                let failed = LessonError::kernel("start an adder");
                thread::Builder::new().name("adder".to_owned()).spawn_scoped(scope, add).map_err(failed)?;
            }
            Ok::<_, LessonError>(())
        })?;
        all += UPDATES * workers as u64;
        lost = all - counter.load(Ordering::Relaxed).min(all);
        tries += 1;
    }
    lesson.value("lost updates", lost);
    lesson.say(&format!("{lost} of {all} updates were lost"));
    Ok(lost)
}

impl Round {
    fn turns(&self) -> u64 {
        self.found.iter().map(|one| one.turns).sum()
    }

    fn steps_in_a_turn(&self) -> u64 {
        self.found.iter().map(|one| one.steps).sum::<u64>() / self.turns().max(1)
    }
}

impl History {
    /// How many turns there may be: time divided by the switch interval, with a margin for how both are measured.
    fn most_turns(&self, round: &Round) -> u64 {
        (1.5 * self.span.as_secs_f64() * 1e3 / round.interval as f64) as u64 + 2 * self.workers as u64
    }

    /// The round that comes nearest to too many turns, or has them.
    fn busiest(&self) -> Option<&Round> {
        self.rounds.iter().max_by_key(|round| round.turns().cast_signed() - self.most_turns(round).cast_signed())
    }

    fn show_turns(&self, lesson: &Lesson) {
        for round in &self.rounds {
            lesson.value(format!("turns with a switch interval of {} ms", round.interval), round.turns());
        }
        if let Some(round) = self.busiest() {
            let turn = self.span.as_secs_f64() * 1e3 / round.turns().max(1) as f64;
            lesson.value("length of a turn (ms)", (turn * 10.0).round() / 10.0);
        }
    }
}

fn at_least(id: &str, claim: &str, least: f64, observed: f64) -> Fact {
    let (least, observed) = (rounded(least), rounded(observed));
    let (id, claim, expected) = (id.to_owned(), claim.to_owned(), format!(">= {least:.2}").into());
    Fact { id, claim, expected, observed: observed.into(), holds: observed >= least }
}

fn facts(history: &History) -> Facts {
    let workers = history.workers as f64;
    let cores = rounded(history.rounds.iter().map(|round| round.cores).fold(0.0, f64::max));
    let mut facts = vec![Fact {
        id: "threads-cores".to_owned(),
        claim: "threads that need the one lock to compute use about one core, all together".to_owned(),
        expected: "<= 1.5".into(),
        observed: cores.into(),
        holds: cores > 0.0 && cores <= 1.5,
    }];
    if let Some(ready) = ready_at_a_time(history.processes.iter().map(|one| &one.cost)) {
        let claim = "processes do not wait for each other: so many run or are ready at a time";
        facts.push(at_least("processes-ready", claim, 0.8 * workers, ready));
    }
    let left = workers.min(history.cores_left);
    if left >= ENOUGH_LEFT {
        let claim = "processes use the cores that are free: cores";
        facts.push(at_least("processes-cores", claim, 0.6 * left, history.process_cores));
    }
    if let Some(ready) = ready_at_a_time(history.hashing.iter().map(|one| &one.cost)) {
        let claim = "threads that compute without holding the lock do not wait either: so many run or are ready at a time";
        facts.push(at_least("hash-ready", claim, 0.6 * workers, ready));
    }
    facts.push(equals(
        "io-overlap",
        "threads that wait for input all wait at the same time: threads",
        history.workers,
        history.asleep,
    ));
    let (most, turns, steps) =
        history.busiest().map_or((0, 1, 0), |round| (history.most_turns(round), round.turns(), round.steps_in_a_turn()));
    facts.push(at_most("turns", "the lock changes hands at most once in a switch interval: turns", most, turns));
    facts.push(more_than("steps-in-a-turn", "a turn is much longer than 100 steps: steps in a turn", 100, steps));
    let claim = "such a lock does not keep your counter right: updates that are lost between read and write";
    facts.push(more_than("still-lost", claim, 0, history.lost));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(ready: f64, steps: u64, turns: u64) -> Measured {
        Measured { cost: Cost { cpu: 0.1, ready: Some(ready) }, steps, turns }
    }

    fn failed(change: impl FnOnce(&mut History)) -> Vec<String> {
        let mut history = History {
            workers: 2,
            span: Duration::from_millis(400),
            rounds: vec![Round { interval: 5, found: vec![measured(0.5, 9_000, 40); 2], cores: 1.02 }],
            processes: vec![measured(0.99, 9_000, 0); 2],
            process_cores: 1.9,
            cores_left: 2.0,
            hashing: vec![measured(0.97, 100, 0); 2],
            asleep: 2,
            lost: 40,
        };
        change(&mut history);
        facts(&history).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|history| history.rounds[0].cores = 1.8), ["threads-cores"], "they ran side by side");
        assert_eq!(failed(|history| history.processes[0].cost.ready = Some(0.4)), ["processes-ready"]);
        assert_eq!(failed(|history| history.process_cores = 1.0), ["processes-cores"], "a core stayed free");
        assert_eq!(failed(|history| history.hashing[1].cost.ready = Some(0.1)), ["hash-ready"], "they took turns");
        assert_eq!(failed(|history| history.asleep = 1), ["io-overlap"]);
        assert_eq!(failed(|history| history.rounds[0].found[0].turns = 100), ["turns"]);
        assert_eq!(failed(|history| history.rounds[0].found.iter_mut().for_each(|one| one.steps = 900)), ["steps-in-a-turn"]);
        assert_eq!(failed(|history| history.lost = 0), ["still-lost"]);
        let killed = failed(|history| history.processes.truncate(1));
        assert_eq!(killed, ["processes-ready"], "a process was killed");
        let nothing = failed(|history| history.rounds.clear());
        assert_eq!(nothing, ["threads-cores", "turns", "steps-in-a-turn"], "a run in which nothing happened does not pass");
    }

    #[test]
    fn a_busy_machine_and_a_kernel_that_does_not_count_claim_less() {
        let busy = |left, used| failed(|history| (history.cores_left, history.process_cores) = (left, used));
        assert_eq!(busy(1.0, 0.9), [""; 0], "the processes took what others left them");
        assert_eq!(busy(1.0, 0.5), ["processes-cores"]);
        assert_eq!(busy(0.1, 0.0), [""; 0], "too little was left to say anything");
        let uncounted = |history: &mut History| history.processes[0].cost.ready = None;
        assert_eq!(failed(uncounted), [""; 0]);
    }

    #[test]
    fn the_one_lock_passes_from_thread_to_thread() {
        let lock = OneLock::new(3, Duration::from_millis(1));
        let lock = &lock;
        let turns: Vec<u64> = thread::scope(|scope| {
            let spin = |me| {
                scope.spawn(move || {
                    // Who starts late ends with the others all the same.
                    thread::sleep(Duration::from_millis(10 * me as u64));
                    lock.spin(me, Duration::from_millis(60)).1
                })
            };
            [0, 1, 2].map(spin).into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(turns.iter().max().expect("three") - turns.iter().min().expect("three") <= 1, "{turns:?}");
    }

    #[test]
    fn a_record_survives_the_pipe() {
        for ready in [None, Some(0.0), Some(0.98)] {
            let one = Measured { cost: Cost { cpu: 0.25, ready }, steps: u64::MAX, turns: 0 };
            assert_eq!(Measured::from_bytes(&one.to_bytes()), one);
        }
    }
}
