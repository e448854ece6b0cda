//! `tasklab bench`: measures what starting, switching and talking costs on this machine, for Task Lab, plain C and Python in turns, and what
//! observing a Python costs. Runs on the main thread, while that is the only one, since it forks.

mod engine;
mod lanes;
mod launcher;
mod machine;
mod measure;
mod observed;
mod processes;
mod python;
mod switches;
mod table;
mod threads;
mod tracked;
mod work;

use std::ffi::{CStr, CString};
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::out::print;
use crate::scenario::Lesson;
use crate::sys;
use engine::Runs;
use measure::{Amount, Contender, Effort, Figure, Figures, beside, c, median, missing, percentile, rust};
use table::{in_order, table};

pub use engine::Ingest;
pub use launcher::Launcher;
pub use processes::Sleepers;
pub use python::Python;

const TRUE: &CStr = c"/bin/true";
/// Programs that are launched at once.
const AT_ONCE: u64 = 100;
/// Toggles in one turn.
const TOGGLES: u64 = 2_000;
/// Events that are scheduled in one turn.
const EVENTS: u64 = 200;
/// Records of 50,000 switches: those of a busy second.
const RECORDS: u64 = 100_000;
/// Changes on all lanes after which publishing is measured.
const CHANGES: usize = 1_000_000;

/// Measures what starting, switching and talking costs on this machine, for Task Lab, plain C and Python, and what observing a Python costs.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON object of rates a second, for programs.
    #[arg(long)]
    json: bool,
    /// Measures less exactly, in some seconds instead of a minute or two.
    #[arg(long)]
    quick: bool,
    /// Measures only these, by their keys without `python_` or `c_`.
    #[arg(value_name = "KEY", value_parser = table::names())]
    only: Vec<String>,
}

/// Measures everything and prints it.
pub(super) fn bench(arguments: &Arguments) -> Result<u8, CliError> {
    let effort = if arguments.quick {
        Effort { turns: 3, turn: Duration::from_millis(20), capture_mib: 128, lines: 3_000 }
    } else {
        Effort { turns: 7, turn: Duration::from_millis(300), capture_mib: 1024, lines: 60_000 }
    };
    let figures = measure_all(Path::new("/proc/self/exe"), effort, &arguments.only)
        .map_err(|error| CliError::Missing(format!("{error:#}")))?;
    let figures = in_order(figures);
    let text = if arguments.json { object(&figures) } else { table(&figures) };
    print(&text).map_err(|error| CliError::output(&error))?;
    Ok(0)
}

/// One JSON object in the order of the table.
fn object(figures: &[Figure]) -> String {
    let pairs = figures.iter().map(|figure| format!("\"{}\":{}", figure.key, serde_json::Value::from(figure.value)));
    format!("{{{}}}\n", pairs.collect::<Vec<_>>().join(","))
}

/// The figures so far, and the Python that takes turns with us, if there is one.
struct Benchmark<'a> {
    figures: Figures,
    /// The keys to measure; all of them if this is empty.
    only: &'a [String],
    python: Option<Python>,
}

impl Benchmark<'_> {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }

    /// Measures these and Python in turns.
    fn compare<'a>(&'a mut self, name: &'a str, amount: Amount, mut sides: Vec<Contender<'a>>) {
        if !self.wants(name) {
            return;
        }
        if let Some(python) = &mut self.python {
            sides.push(measure::python(|count| python.measure(name, count)));
        }
        self.figures.rates(name, amount, sides);
    }
}

fn measure_all(program: &Path, effort: Effort, only: &[String]) -> anyhow::Result<Vec<Figure>> {
    let python = Python::start(program).map_err(|error| missing("Python's side", &error)).ok();
    let mut benchmark = Benchmark { figures: Figures::new(effort), only, python };

    // The launcher is borrowed by one contender at a time.
    let mut launcher = Launcher::start(program)?;
    let contenders = vec![rust(|count| launcher.one_after_the_other(count)), c(|count| sys::plain_launches(TRUE, count))];
    benchmark.compare("launch_wait", Amount::Filling(10), contenders);
    let contenders = vec![rust(|count| launcher.at_once(count)), c(|count| sys::plain_launches_at_once(TRUE, count))];
    benchmark.compare("launch_many", Amount::Exactly(AT_ONCE), contenders);
    if benchmark.wants("gpio_toggle_p50_us") || benchmark.wants("gpio_toggle_p99_us") {
        toggles(&mut benchmark, &mut launcher)?;
    }
    drop(launcher);

    benchmark.compare("fork_wait", Amount::Filling(1), vec![rust(processes::fork_wait), c(sys::plain_forks)]);
    benchmark.compare("thread_start_join", Amount::Filling(10), vec![rust(threads::start_join), c(sys::plain_threads)]);
    benchmark.compare("thread_pool_tasks", Amount::Filling(100), vec![rust(threads::pool_tasks)]);
    benchmark.compare("process_pool_tasks", Amount::Filling(100), vec![rust(processes::pool_tasks)]);
    benchmark.compare("thread_queue_items", Amount::Filling(100), vec![rust(threads::queue_items)]);
    benchmark.compare("process_queue_items", Amount::Filling(100), vec![rust(processes::queue_items)]);
    benchmark.compare("lock_ops", Amount::Filling(1000), vec![rust(|count| Ok(threads::lock_ops(count))), c(sys::plain_locks)]);
    tracked(&mut benchmark);
    if benchmark.wants("pipe_switches") {
        switches::switches(&mut benchmark.figures, "pipe_switches");
    }

    for (key, count) in [("sample_300_ms", 300), ("sample_3000_ms", 3000)] {
        if !benchmark.wants(key) {
            continue;
        }
        match machine::sample_millis(count, 3 * effort.turns) {
            Ok(millis) => benchmark.figures.note(key, millis),
            Err(error) => missing(key, &error),
        }
    }
    if benchmark.wants("schedule_late_p50_us") || benchmark.wants("schedule_late_p99_us") {
        schedule(&mut benchmark);
    }
    if benchmark.wants("events") {
        let ingest = Ingest::new(effort.lines);
        benchmark.figures.rates("events", Amount::Exactly(ingest.lines()), vec![rust(|_| ingest.read_all())]);
    }
    if benchmark.wants("records_folded") {
        lanes(&mut benchmark.figures, "records_folded");
    }
    // Last, since the engine has threads, and everything above needs a process with one thread.
    if ["observed_lock_ops", "observed_contended_rounds", "observed_start_ms", "capture_mib"]
        .iter()
        .any(|key| benchmark.wants(key))
    {
        let runs = Runs::start(program)?;
        if benchmark.python.is_some() {
            observed::observed(&mut benchmark.figures, &runs, |key| only.is_empty() || only.iter().any(|wanted| wanted == key));
        }
        if benchmark.wants("capture_mib") {
            capture(&mut benchmark, &runs);
        }
    }
    Ok(benchmark.figures.list)
}

/// The lessons' lock and queue beside Rust's own, and the lessons' time as a multiple of that.
fn tracked(benchmark: &mut Benchmark) {
    let lesson = Lesson::from_environment();
    let locks = vec![rust(|count| tracked::lock_ops(&lesson, count)), beside("std_", |count| Ok(tracked::mutex_ops(count)))];
    let queues = vec![
        rust(|count| tracked::queue_items(&lesson, count)),
        beside("std_", tracked::plain_items),
        beside("channel_", tracked::channel_items),
    ];
    for (name, sides) in [("tracked_lock_ops", locks), ("tracked_queue_items", queues)] {
        if benchmark.wants(name) {
            benchmark.figures.rates(name, Amount::Filling(1000), sides);
        }
    }
    for (key, name, prefix) in [
        ("tracked_lock_times", "tracked_lock_ops", "std_"),
        ("tracked_queue_times", "tracked_queue_items", "std_"),
        ("tracked_queue_channel_times", "tracked_queue_items", "channel_"),
    ] {
        let rate = |key: &str| benchmark.figures.list.iter().find(|figure| figure.key == key).map(|figure| figure.value);
        if let (Some(ours), Some(plain)) = (rate(name), rate(&format!("{prefix}{name}"))) {
            benchmark.figures.note(key, plain / ours);
        }
    }
}

/// What switch records cost in the fold, with a view 30 times a second, and what a view costs once lanes have a long past.
fn lanes(figures: &mut Figures, name: &str) {
    let mut folding = lanes::Folding::new();
    figures.rates(name, Amount::Exactly(RECORDS), vec![rust(|count| Ok(folding.take_in(count)))]);
    if let Some(rate) = figures.list.iter().find(|figure| figure.key == name).map(|figure| figure.value) {
        figures.note("folding_percent", RECORDS as f64 / rate * 100.0);
    }
    while folding.changes() < CHANGES {
        folding.take_in(RECORDS);
    }
    let millis = (0..figures.effort.turns).map(|_| folding.publish().as_secs_f64() * 1e3).collect();
    figures.note("lanes_published_ms", median(millis));
}

/// The time of a toggle through the supervisor, beside that of a byte to another process and back, which is the kernel's part of it.
fn toggles(benchmark: &mut Benchmark, launcher: &mut Launcher) -> anyhow::Result<()> {
    let mut took: [Vec<Vec<f64>>; 2] = Default::default();
    for _ in 0..benchmark.figures.effort.turns {
        took[0].push(launcher.toggles(TOGGLES)?);
        took[1].push(sys::plain_round_trips(TOGGLES)?.iter().map(Duration::as_secs_f64).collect());
    }
    for (prefix, turns) in ["", "c_"].into_iter().zip(took) {
        note_micros(benchmark, &format!("{prefix}gpio_toggle"), &turns);
    }
    Ok(())
}

/// How late scheduled events run.
fn schedule(benchmark: &mut Benchmark) {
    let mut late: [Vec<Vec<f64>>; 2] = Default::default();
    for _ in 0..benchmark.figures.effort.turns {
        late[0].push(machine::lateness(EVENTS));
        let Some(python) = &mut benchmark.python else { continue };
        match python.measure_each("schedule_late", EVENTS) {
            Ok(seconds) => late[1].push(seconds),
            Err(error) => missing("python_schedule_late", &error),
        }
    }
    for (prefix, turns) in ["", "python_"].into_iter().zip(late).filter(|(_, turns)| !turns.is_empty()) {
        note_micros(benchmark, &format!("{prefix}schedule_late"), &turns);
    }
}

/// Notes the 50th and the 99th percentile of each turn's times, as the median over the turns.
fn note_micros(benchmark: &mut Benchmark, name: &str, turns: &[Vec<f64>]) {
    for (word, share) in [("p50", 0.5), ("p99", 0.99)] {
        let micros = turns.iter().map(|turn| percentile(turn.clone(), share) * 1e6).collect();
        benchmark.figures.note(&format!("{name}_{word}_us"), median(micros));
    }
}

/// Captured output is kept whole, so its size is at most a quarter of the memory that is available.
fn capture(benchmark: &mut Benchmark, runs: &Runs) {
    let available = sys::available_memory().unwrap_or(u64::MAX);
    let mib = benchmark.figures.effort.capture_mib.min((available / 4) >> 20).max(1);
    let plain = |mib: u64| {
        let argv = engine::head(mib).map(CString::new).into_iter().collect::<Result<Vec<_>, _>>()?;
        let argv: Vec<&CStr> = argv.iter().map(CString::as_c_str).collect();
        Ok(sys::plain_capture(&argv)?.0)
    };
    benchmark.compare("capture_mib", Amount::Exactly(mib), vec![rust(|mib| runs.capture(mib)), c(plain)]);
}
