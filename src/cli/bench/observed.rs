//! What Python's observer costs: the same program observed and plain, in turns, each under the engine as `exec` runs it, so that somebody
//! reads the lines that the observed one writes.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::engine::{Finished, Runs};
use super::measure::{Amount, Effort, Figures, beside, median, missing, rust};
use crate::model::{ChildSpec, Input, OutputTo};

const SCRIPT: &str = include_str!("observed.py");
/// The smallest program whose locks and threads are observed.
const SMALLEST: [&str; 3] = ["python3", "-c", "import threading"];
/// Of a second an observed task tells a part in lines of its own, and then counts. A turn that is long has both.
const LEAST_TURN: Duration = Duration::from_millis(300);
/// The same for tasks that want one lock. What they tell at once, 200 operations each, is done once, however long the program runs.
const CONTENDED_TURN: Duration = Duration::from_secs(3);
/// The work with the lock, and without it.
const WORK: Duration = Duration::from_micros(10);
/// Steps of work that are timed to find out how many make [`WORK`].
const TRIED: u64 = 1_000_000;
/// A difference that is less than this is none.
const LEAST: f64 = 0.01;

/// Notes both sides of each figure, and what the observer adds. `names` are the keys of a free lock, a contended one and a start.
pub(super) fn observed(figures: &mut Figures, runs: &Runs, wants: impl Fn(&str) -> bool) {
    let [lock, contended, start] = ["observed_lock_ops", "observed_contended_rounds", "observed_start_ms"];
    let usual = figures.effort;
    figures.effort = Effort { turn: usual.turn.max(LEAST_TURN), ..usual };
    if wants(lock) {
        let measure = |observe| move |count: u64| measured(runs, observe, &["locks".to_owned(), count.to_string()]);
        figures.rates(lock, Amount::Filling(10_000), vec![rust(measure(true)), beside("plain_", measure(false))]);
        if let [Some(observed), Some(plain)] = both(figures, lock) {
            figures.note("observed_lock_more_ns", (1e9 / observed - 1e9 / plain).max(LEAST));
        }
    }
    if wants(contended) {
        figures.effort.turn = usual.turn.max(CONTENDED_TURN);
        match steps(runs) {
            Ok(steps) => contend(figures, runs, contended, steps),
            Err(error) => missing(contended, &error),
        }
    }
    figures.effort = usual;
    if wants(start)
        && let Err(error) = starts(figures, runs, start)
    {
        missing(start, &error);
    }
}

fn contend(figures: &mut Figures, runs: &Runs, name: &str, steps: u64) {
    let measure =
        |observe| move |count: u64| measured(runs, observe, &["contended".to_owned(), count.to_string(), steps.to_string()]);
    figures.rates(name, Amount::Filling(1_000), vec![rust(measure(true)), beside("plain_", measure(false))]);
    if let [Some(observed), Some(plain)] = both(figures, name) {
        figures.note("observed_contended_times", plain / observed);
    }
}

/// The start and the end of the smallest program, from the request to the end of its run.
fn starts(figures: &mut Figures, runs: &Runs, name: &str) -> anyhow::Result<()> {
    let mut millis: [Vec<f64>; 2] = Default::default();
    // The first ones, after which Python has all files compiled, do not count.
    for turn in 0..=3 * figures.effort.turns {
        for (observe, millis) in [true, false].into_iter().zip(&mut millis) {
            let took = run(runs, observe, SMALLEST.map(str::to_owned).to_vec())?.took;
            if turn > 0 {
                millis.push(took.as_secs_f64() * 1e3);
            }
        }
    }
    let [observed, plain] = millis.map(median);
    figures.note(name, observed);
    figures.note(&format!("plain_{name}"), plain);
    figures.note("observed_start_more_ms", (observed - plain).max(LEAST));
    Ok(())
}

/// How many steps make [`WORK`] on this machine: the same for both sides.
fn steps(runs: &Runs) -> anyhow::Result<u64> {
    let took = (0..3).map(|_| measured(runs, false, &["work".to_owned(), TRIED.to_string()])).collect::<Result<Vec<_>, _>>()?;
    let least = took.into_iter().min().unwrap_or_default();
    Ok((TRIED as f64 * WORK.as_secs_f64() / least.as_secs_f64().max(1e-9)) as u64)
}

/// The time that the script says.
fn measured(runs: &Runs, observe: bool, arguments: &[String]) -> anyhow::Result<Duration> {
    let argv = ["python3", "-c", SCRIPT].map(str::to_owned).into_iter().chain(arguments.iter().cloned());
    let finished = run(runs, observe, argv.collect())?;
    let text = String::from_utf8_lossy(&finished.output).trim().to_owned();
    let seconds: f64 = text.parse().with_context(|| format!("python3 said {text:?}"))?;
    Ok(Duration::try_from_secs_f64(seconds)?)
}

fn run(runs: &Runs, observe: bool, argv: Vec<String>) -> anyhow::Result<Finished> {
    // The user's settings for Python are not measured.
    let env = std::env::vars_os().filter(|(name, _)| !name.as_encoded_bytes().starts_with(b"PYTHON")).collect();
    let spec = ChildSpec { stdin: Input::Null, stderr: OutputTo::Inherit, observe, clear_env: true, env, ..ChildSpec::new(argv) };
    let finished = runs.run(spec)?;
    ensure!((finished.told > 0) == observe, "{} event lines came", finished.told);
    Ok(finished)
}

/// The rate of the observed side, and of the plain one.
fn both(figures: &Figures, name: &str) -> [Option<f64>; 2] {
    [name.to_owned(), format!("plain_{name}")]
        .map(|key| figures.list.iter().find(|figure| figure.key == key).map(|figure| figure.value))
}
