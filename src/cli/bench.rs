//! `tasklab bench`: what starting, switching and talking costs on this machine, Task Lab's ways beside plain C's and
//! Python's, measured in turns. Runs on the main thread; must be called while that is the only one, since it forks.

mod engine;
mod launcher;
mod machine;
mod measure;
mod processes;
mod python;
mod table;
mod threads;
mod tracked;

use std::ffi::{CStr, CString};
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::CliError;
use super::out::print;
use crate::scenario::Lesson;
use crate::sys;
use engine::Capture;
use measure::{Amount, Contender, Effort, Figure, Figures, beside, c, median, missing, percentile, rust};
use table::{in_order, table};

pub use engine::Ingest;
pub use launcher::Launcher;
pub use processes::Sleepers;
pub use python::Python;

const TRUE: &CStr = c"/bin/true";
/// Workers of a pool.
const WORKERS: usize = 4;
/// Items that a queue holds.
const ROOM: usize = 1024;
/// Programs that are launched at once.
const AT_ONCE: u64 = 100;
/// Toggles in one turn.
const TOGGLES: u64 = 2_000;
/// Events that are scheduled in one turn.
const EVENTS: u64 = 200;

/// A task for a worker of a pool: as good as nothing, so that what is measured is the way to the worker and back.
const fn square(number: u64) -> u64 {
    number.wrapping_mul(number)
}

/// Says what starting, switching and talking costs on this machine, Task Lab beside plain C and Python.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON object of rates a second, for programs.
    #[arg(long)]
    json: bool,
    /// Measures less, and less exactly, in some seconds instead of a minute or two.
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

/// What is measured, and the Python that takes turns with us, if there is one.
struct Session<'a> {
    figures: Figures,
    /// What is wanted; everything if nothing is named.
    only: &'a [String],
    python: Option<Python>,
}

impl Session<'_> {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }

    /// Lets these and Python do it in turns.
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
    let mut session = Session { figures: Figures::new(effort), only, python };

    // The launcher is borrowed by one contender at a time.
    let mut launcher = Launcher::start(program)?;
    let contenders = vec![rust(|count| launcher.one_after_the_other(count)), c(|count| sys::plain_launches(TRUE, count))];
    session.compare("launch_wait", Amount::Filling(10), contenders);
    let contenders = vec![rust(|count| launcher.at_once(count)), c(|count| sys::plain_launches_at_once(TRUE, count))];
    session.compare("launch_many", Amount::Exactly(AT_ONCE), contenders);
    if session.wants("gpio_toggle_p50_us") || session.wants("gpio_toggle_p99_us") {
        toggles(&mut session, &mut launcher)?;
    }
    drop(launcher);

    session.compare("fork_wait", Amount::Filling(1), vec![rust(processes::fork_wait), c(sys::plain_forks)]);
    session.compare("thread_start_join", Amount::Filling(10), vec![rust(threads::start_join), c(sys::plain_threads)]);
    session.compare("thread_pool_tasks", Amount::Filling(100), vec![rust(threads::pool_tasks)]);
    session.compare("process_pool_tasks", Amount::Filling(100), vec![rust(processes::pool_tasks)]);
    session.compare("thread_queue_items", Amount::Filling(100), vec![rust(threads::queue_items)]);
    session.compare("process_queue_items", Amount::Filling(100), vec![rust(processes::queue_items)]);
    session.compare("lock_ops", Amount::Filling(1000), vec![rust(|count| Ok(threads::lock_ops(count))), c(sys::plain_locks)]);
    tracked(&mut session);

    for (key, count) in [("sample_300_ms", 300), ("sample_3000_ms", 3000)] {
        if !session.wants(key) {
            continue;
        }
        match machine::sample_millis(count, 3 * effort.turns) {
            Ok(millis) => session.figures.note(key, millis),
            Err(error) => missing(key, &error),
        }
    }
    if session.wants("schedule_late_p50_us") || session.wants("schedule_late_p99_us") {
        schedule(&mut session);
    }
    if session.wants("events") {
        let ingest = Ingest::new(effort.lines);
        session.figures.rates("events", Amount::Exactly(ingest.lines()), vec![rust(|_| ingest.read_all())]);
    }
    // Last, since the engine has threads, and none of the above may.
    if session.wants("capture_mib") {
        capture(&mut session, program)?;
    }
    Ok(session.figures.list)
}

/// The lessons' lock and queue beside Rust's own, and how many times as long theirs takes.
fn tracked(session: &mut Session) {
    let lesson = Lesson::from_environment();
    let locks = vec![rust(|count| tracked::lock_ops(&lesson, count)), beside("std_", |count| Ok(tracked::mutex_ops(count)))];
    let queues = vec![
        rust(|count| tracked::queue_items(&lesson, count)),
        beside("std_", tracked::plain_items),
        beside("channel_", tracked::channel_items),
    ];
    for (name, sides) in [("tracked_lock_ops", locks), ("tracked_queue_items", queues)] {
        if session.wants(name) {
            session.figures.rates(name, Amount::Filling(1000), sides);
        }
    }
    for (key, name, prefix) in [
        ("tracked_lock_times", "tracked_lock_ops", "std_"),
        ("tracked_queue_times", "tracked_queue_items", "std_"),
        ("tracked_queue_channel_times", "tracked_queue_items", "channel_"),
    ] {
        let rate = |key: &str| session.figures.list.iter().find(|figure| figure.key == key).map(|figure| figure.value);
        if let (Some(ours), Some(plain)) = (rate(name), rate(&format!("{prefix}{name}"))) {
            session.figures.note(key, plain / ours);
        }
    }
}

/// What a toggle takes through the supervisor, beside bytes that go to another process and back: what the kernel needs for that.
fn toggles(session: &mut Session, launcher: &mut Launcher) -> anyhow::Result<()> {
    let mut took: [Vec<Vec<f64>>; 2] = Default::default();
    for _ in 0..session.figures.effort.turns {
        took[0].push(launcher.toggles(TOGGLES)?);
        took[1].push(sys::plain_round_trips(TOGGLES)?.iter().map(Duration::as_secs_f64).collect());
    }
    for (prefix, turns) in ["", "c_"].into_iter().zip(took) {
        note_micros(session, &format!("{prefix}gpio_toggle"), &turns);
    }
    Ok(())
}

/// How late events run: the median over the turns of what half of them, and 99 of 100, do not exceed.
fn schedule(session: &mut Session) {
    let mut late: [Vec<Vec<f64>>; 2] = Default::default();
    for _ in 0..session.figures.effort.turns {
        late[0].push(machine::lateness(EVENTS));
        let Some(python) = &mut session.python else { continue };
        match python.measure_each("schedule_late", EVENTS) {
            Ok(seconds) => late[1].push(seconds),
            Err(error) => missing("python_schedule_late", &error),
        }
    }
    for (prefix, turns) in ["", "python_"].into_iter().zip(late).filter(|(_, turns)| !turns.is_empty()) {
        note_micros(session, &format!("{prefix}schedule_late"), &turns);
    }
}

/// The median over the turns of what half of the times, and 99 of 100, do not exceed.
fn note_micros(session: &mut Session, name: &str, turns: &[Vec<f64>]) {
    for (word, share) in [("p50", 0.5), ("p99", 0.99)] {
        let micros = turns.iter().map(|turn| percentile(turn.clone(), share) * 1e6).collect();
        session.figures.note(&format!("{name}_{word}_us"), median(micros));
    }
}

/// Captured output is kept whole, so no more is asked for than fits into this machine's memory well.
fn capture(session: &mut Session, program: &Path) -> anyhow::Result<()> {
    let available = sys::available_memory().unwrap_or(u64::MAX);
    let mib = session.figures.effort.capture_mib.min((available / 4) >> 20).max(1);
    let engine = Capture::start(program)?;
    let plain = |mib: u64| {
        let argv = engine::head(mib).map(CString::new).into_iter().collect::<Result<Vec<_>, _>>()?;
        let argv: Vec<&CStr> = argv.iter().map(CString::as_c_str).collect();
        Ok(sys::plain_capture(&argv)?.0)
    };
    session.compare("capture_mib", Amount::Exactly(mib), vec![rust(|mib| engine.capture(mib)), c(plain)]);
    Ok(())
}
