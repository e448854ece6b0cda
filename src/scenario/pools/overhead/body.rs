//! What a task costs: the same tasks one after the other, in a thread each, and in a process each (concept 13). Whoever
//! forks here is alone again: the threads of the round before have ended.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::model::{Fact, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, Reply, equals};
use crate::scenario::lesson::children::Fork;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::sys::{exit_now, has_one_thread, is_readable};

/// The largest task, in microseconds.
const LARGEST: u64 = 20_000;
/// Sizes that one run measures, those that a person asks for included.
const MOST_SIZES: usize = 10;
/// How often the smallest and the largest size are measured again, where what others do on this machine has blurred the result.
const MOST_AGAIN: usize = 8;
/// How long a process may take for its result, so that a stopped one does not hold the run for ever.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let tries = (0..20).map(|_| timed(|| task(5_000)).0.elapsed);
    let loops_a_microsecond = 5_000.0 / tries.fold(f64::INFINITY, f64::min) / 1e3;
    let factor = params.count("factor") as u64;
    let ladder = (0..params.count("steps") as u32).map(|step| params.count("smallest") as u64 * factor.pow(step));
    let mut sizes: VecDeque<u64> = ladder.map(|size| size.min(LARGEST)).collect();
    let mut bench = Bench { lesson, tasks: params.count("tasks"), asked: Vec::new(), rows: BTreeMap::new(), wrong: 0 };
    let mut again = 0..MOST_AGAIN;

    let mut is_finished = false;
    while let Some(size) = bench.next_size(&main, &mut sizes, &mut is_finished, params.seconds("patience"))? {
        let loops = ((size as f64 * loops_a_microsecond) as u64).max(1);
        let expected = serial(bench.tasks, loops);
        for _ in 0..params.count("repeats") * if size <= 1_000 { 3 } else { 1 } {
            for way in [Way::Serial, Way::Threads, Way::Processes] {
                main.running(&format!("{}, {size} µs each", way.name()));
                bench.measure(way, size, loops, &expected)?;
            }
        }
        bench.show(size);
        // The least of more tries is nearer to what a busy machine hides.
        if sizes.is_empty() && facts(&bench.rows, 0).iter().any(|fact| !fact.holds) && again.next().is_some() {
            sizes.extend([bench.rows.keys().min(), bench.rows.keys().max()].into_iter().flatten());
        }
    }
    main.finish("ok");
    let crossover = bench.crossover().map_or("no size that was tried".to_owned(), |size| format!("{size} µs"));
    lesson.say(&format!("processes are faster from: {crossover}"));
    lesson.value("processes are faster from", crossover);
    Ok(facts(&bench.rows, bench.wrong))
}

/// The work: counts words, so often.
fn task(loops: u64) -> u64 {
    let words = |text: &str| text.split_ascii_whitespace().count() as u64;
    (0..loops).map(|_| words(std::hint::black_box("a few words to count in a task"))).sum()
}

fn serial(tasks: usize, loops: u64) -> Vec<u64> {
    (0..tasks).map(|_| task(loops)).collect()
}

fn in_threads(tasks: usize, loops: u64) -> Result<Vec<u64>, LessonError> {
    thread::scope(|scope| {
        let start = |_| {
            let builder = thread::Builder::new().name("task".to_owned());
            builder.spawn_scoped(scope, move || task(loops)).map_err(LessonError::kernel("start a thread"))
        };
        let threads = (0..tasks).map(start).collect::<Result<Vec<_>, _>>()?;
        Ok(threads.into_iter().filter_map(|thread| thread.join().ok()).collect())
    })
}

/// Results of those that were not killed.
fn in_processes(lesson: &Lesson, tasks: usize, loops: u64, asked: &mut Vec<LessonAction>) -> Result<Vec<u64>, LessonError> {
    let mut children = Vec::new();
    for number in 1..=tasks {
        let (hear, mut tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        match lesson.fork(&format!("task-{number}"))? {
            Fork::Child => exit_now(i32::from(tell.write_all(&task(loops).to_le_bytes()).is_err())),
            Fork::Parent(child) => children.push((child, hear)),
        }
    }
    let mut results = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    for (child, mut hear) in children {
        // A child that was killed closes its end, too.
        while !is_readable(&hear, Duration::ZERO) && Instant::now() < deadline {
            asked.extend(lesson.listen(&[hear.as_fd()], PATIENCE)?);
        }
        let mut bytes = [0; 8];
        if is_readable(&hear, Duration::ZERO) && hear.read_exact(&mut bytes).is_ok() {
            results.push(u64::from_le_bytes(bytes));
        } else {
            child.signal(Signal::KILL);
        }
        child.reap()?;
    }
    Ok(results)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Serial,
    Threads,
    Processes,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Threads => "threads",
            Self::Processes => "processes",
        }
    }
}

/// Milliseconds on the clock, and of CPU time, that of children included.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Took {
    elapsed: f64,
    cpu: f64,
}

fn timed<T>(work: impl FnOnce() -> T) -> (Took, T) {
    let cpu = || -> f64 {
        let used = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN].map(|who| {
            let usage = getrusage(who).ok()?;
            let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3;
            Some(seconds(usage.user_time()) + seconds(usage.system_time()))
        });
        used.into_iter().flatten().sum()
    };
    let (before, began) = (cpu(), Instant::now());
    let made = work();
    (Took { elapsed: began.elapsed().as_secs_f64() * 1e3, cpu: cpu() - before }, made)
}

/// The least that each way took, by size.
type Rows = BTreeMap<u64, BTreeMap<Way, Took>>;

struct Bench<'s> {
    lesson: &'s Lesson,
    tasks: usize,
    /// Heard meanwhile.
    asked: Vec<LessonAction>,
    rows: Rows,
    /// How often results were not the same.
    wrong: usize,
}

impl Bench<'_> {
    /// What is to be measured next; when nothing is left, waits for you. `None` at the end.
    fn next_size(
        &mut self,
        main: &Task<'_>,
        sizes: &mut VecDeque<u64>,
        is_finished: &mut bool,
        patience: Duration,
    ) -> Result<Option<u64>, LessonError> {
        let deadline = Instant::now() + patience;
        self.asked.extend(self.lesson.next_action(Duration::ZERO)?);
        loop {
            for asked in std::mem::take(&mut self.asked) {
                let reply = self.obey(&asked, sizes, is_finished);
                self.lesson.answer(&asked, &reply);
            }
            if !sizes.is_empty() || *is_finished || Instant::now() >= deadline {
                return Ok(sizes.pop_front());
            }
            main.waiting("you: one more size, or the end", None);
            self.asked.extend(self.lesson.next_action(deadline.saturating_duration_since(Instant::now()))?);
        }
    }

    fn obey(&self, asked: &LessonAction, sizes: &mut VecDeque<u64>, is_finished: &mut bool) -> Reply {
        if asked.name == "finish" {
            *is_finished = true;
            return Ok(());
        }
        match asked.target.trim().parse() {
            Ok(1..=LARGEST) if self.rows.len() + sizes.len() >= MOST_SIZES => {
                Err(format!("{MOST_SIZES} sizes are enough for one run"))
            }
            Ok(size @ 1..=LARGEST) => {
                sizes.push_back(size);
                Ok(())
            }
            _ => Err(format!("the size is a whole number of µs, from 1 to {LARGEST}")),
        }
    }

    fn measure(&mut self, way: Way, size: u64, loops: u64, expected: &[u64]) -> Result<(), LessonError> {
        let Self { lesson, tasks, .. } = *self;
        if way == Way::Processes {
            wait_until_alone()?;
        }
        let (took, results) = match way {
            Way::Serial => timed(|| Ok(serial(tasks, loops))),
            Way::Threads => timed(|| in_threads(tasks, loops)),
            Way::Processes => timed(|| in_processes(lesson, tasks, loops, &mut self.asked)),
        };
        self.wrong += usize::from(results? != expected);
        let best = self.rows.entry(size).or_default().entry(way).or_insert(took);
        *best = Took { elapsed: best.elapsed.min(took.elapsed), cpu: best.cpu.min(took.cpu) };
        Ok(())
    }

    fn show(&self, size: u64) {
        let told = self.rows[&size].iter().map(|(way, took)| {
            self.lesson.value(format!("{}, {size} µs each (ms)", way.name()), rounded(took.elapsed));
            format!("{} {:.2} ms", way.name(), took.elapsed)
        });
        let told: Vec<String> = told.collect();
        self.lesson.say(&format!("{} tasks of {size} µs: {}", self.tasks, told.join(", ")));
    }

    /// The smallest size at which processes were faster than one after the other.
    fn crossover(&self) -> Option<u64> {
        let faster = |row: &BTreeMap<Way, Took>| row[&Way::Processes].elapsed < row[&Way::Serial].elapsed;
        // The smallest size from which no larger one was slower again.
        self.rows.iter().rev().take_while(|(_, row)| faster(row)).last().map(|(size, _)| *size)
    }
}

/// A thread that was joined is in /proc for a moment more, and only a process with one thread may fork.
fn wait_until_alone() -> Result<(), LessonError> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !has_one_thread().map_err(LessonError::kernel("count threads"))? && Instant::now() < deadline {
        thread::yield_now();
    }
    Ok(())
}

fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

fn compared(id: &str, claim: &str, sign: &str, than: f64, observed: f64) -> Fact {
    let (than, observed) = (rounded(than), rounded(observed));
    let holds = if sign == ">" { observed > than } else { observed < than };
    let (id, claim) = (id.to_owned(), claim.to_owned());
    Fact { id, claim, expected: format!("{sign} {than}").into(), observed: observed.into(), holds }
}

fn facts(rows: &Rows, wrong: usize) -> Facts {
    let (Some((_, smallest)), Some((_, largest))) = (rows.first_key_value(), rows.last_key_value()) else { return Vec::new() };
    let elapsed = |row: &BTreeMap<Way, Took>, way| row[&way].elapsed;
    // How many times as long the processes took as the tasks one after the other.
    let times = |row| elapsed(row, Way::Processes) / elapsed(row, Way::Serial);
    // The part of the processes' CPU time that was not the tasks themselves, in percent.
    let overhead = |row: &BTreeMap<Way, Took>| 100.0 * (1.0 - row[&Way::Serial].cpu / row[&Way::Processes].cpu).max(0.0);
    vec![
        compared(
            "trivial",
            "for the smallest tasks, a process each takes longer than one after the other (ms)",
            ">",
            elapsed(smallest, Way::Serial),
            elapsed(smallest, Way::Processes),
        ),
        compared(
            "threads-cheaper",
            "for the smallest tasks, a process each takes longer than a thread each (ms)",
            ">",
            elapsed(smallest, Way::Threads),
            elapsed(smallest, Way::Processes),
        ),
        compared(
            "catches-up",
            "the larger the tasks, the better processes do: they take so many times as long as one after the other",
            "<",
            times(smallest),
            times(largest),
        ),
        compared(
            "overhead-shrinks",
            "the larger the tasks, the smaller the part of the CPU time that processes cost (%)",
            "<",
            overhead(smallest),
            overhead(largest),
        ),
        equals("same-results", "the results are the same, whichever way: rounds in which they were not", 0, wrong),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of serial, threads and processes; the processes' CPU time.
    fn row([serial, threads, processes, cpu]: [f64; 4]) -> BTreeMap<Way, Took> {
        [(Way::Serial, serial, serial), (Way::Threads, threads, serial), (Way::Processes, processes, cpu)]
            .map(|(way, elapsed, cpu)| (way, Took { elapsed, cpu }))
            .into()
    }

    fn failed(smallest: [f64; 4], largest: [f64; 4], wrong: usize) -> Vec<String> {
        let rows = Rows::from([(10, row(smallest)), (10_000, row(largest))]);
        facts(&rows, wrong).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        let (small, large) = ([0.04, 0.2, 1.0, 1.1], [40.0, 40.0, 22.0, 41.0]);
        assert_eq!(failed(small, large, 0), [""; 0]);
        assert_eq!(failed([1.5, 0.2, 1.0, 3.0], large, 0), ["trivial"]);
        assert_eq!(failed([0.04, 1.2, 1.0, 1.1], large, 0), ["threads-cheaper"]);
        assert_eq!(failed(small, [40.0, 40.0, 1_200.0, 41.0], 0), ["catches-up"]);
        assert_eq!(failed(small, [40.0, 40.0, 22.0, 40_000.0], 0), ["overhead-shrinks"]);
        assert_eq!(failed(small, large, 1), ["same-results"]);
    }

    #[test]
    fn all_ways_give_the_same() {
        assert_eq!(serial(3, 10), [80; 3]);
        assert_eq!(in_threads(3, 10).expect("threads"), [80; 3]);
    }
}
