//! The cost of switch records: what a switch takes longer while they are open, and what reading them takes. Two forked processes hand a
//! byte to and fro on one core. Forks this process, so it must have one thread.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use super::measure::{Amount, Figures, c, missing, rust};
use super::processes::Children;
use crate::model::{Scheduled, SchedulerRecord};
use crate::sys::{Forked, SharedNumber, SwitchRings, exit_now, own_pid, plain_round_trips};

/// The switches of a byte to the other process and back.
const EACH: u64 = 2;
/// So many switches leave a ring half empty: each is one thread out and one in.
const MOST_AT_ONCE: u64 = 2_000;
/// A difference that is less than this is none.
const LEAST_MICROS: f64 = 0.01;
/// Records a second at 50,000 switches a second.
const RECORDS: f64 = 100_000.0;

/// Notes the rate with and without records, the difference for each switch, and the share of a core that reading takes.
pub(super) fn switches(figures: &mut Figures, name: &str) {
    if let Err(refused) = crate::sys::try_switches() {
        return missing(name, &refused);
    }
    let core = match OneCore::new() {
        Ok(core) => core,
        Err(error) => return missing(name, &error),
    };
    let (read, records) = (Cell::new(Duration::ZERO), Cell::new(0));
    let recorded = |count| {
        let mut rings = SwitchRings::open(own_pid(), SwitchRings::usual_pages())?;
        let mut found: Vec<SchedulerRecord> = Vec::new();
        hand_over(count, || {
            found.clear();
            let before = own_time();
            rings.read_all(&mut found);
            read.set(read.get() + own_time().saturating_sub(before));
            records.set(records.get() + found.len() as u64);
            ensure!(!found.iter().any(|record| matches!(record.what, Scheduled::Lost { .. })), "records were lost");
            Ok(())
        })
    };
    let plain = |count| hand_over(count, || Ok(())).map_err(std::io::Error::other);
    figures.rates(name, Amount::Filling(MOST_AT_ONCE), vec![rust(recorded), c(plain)]);
    drop(core);
    let rate = |key: &str| figures.list.iter().find(|figure| figure.key == key).map(|figure| figure.value);
    if let (Some(recorded), Some(plain)) = (rate(name), rate(&format!("c_{name}"))) {
        figures.note("switch_records_us", (1e6 / recorded - 1e6 / plain).max(LEAST_MICROS));
        figures.note("switch_reading_percent", read.get().as_secs_f64() / records.get() as f64 * RECORDS * 100.0);
    }
}

/// So many switches, in parts, after each of which `look` is called. Returns how long they took.
fn hand_over(count: u64, mut look: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let took = SharedNumber::new()?;
    let mut left = count;
    while left > 0 {
        let part = left.min(MOST_AT_ONCE);
        left -= part;
        let before = took.load(Ordering::Relaxed);
        let mut children = Children::default();
        if children.fork()? == Forked::Child {
            let times = plain_round_trips(part / EACH).unwrap_or_default();
            let sum: Duration = times.iter().sum();
            took.fetch_add(sum.as_nanos() as u64, Ordering::Relaxed);
            exit_now(0);
        }
        // Waits for it.
        drop(children);
        ensure!(took.load(Ordering::Relaxed) > before, "the two processes could not hand over a byte");
        look()?;
    }
    Ok(Duration::from_nanos(took.load(Ordering::Relaxed)))
}

/// CPU time of this thread.
pub(super) fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// This thread, and what it forks, on one of its cores; until this is dropped.
struct OneCore(CpuSet);

impl OneCore {
    fn new() -> anyhow::Result<Self> {
        let before = sched_getaffinity(None)?;
        let core = (0..CpuSet::MAX_CPU).find(|core| before.is_set(*core)).context("no core")?;
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one)?;
        Ok(Self(before))
    }
}

impl Drop for OneCore {
    fn drop(&mut self) {
        // It was allowed before.
        let _ = sched_setaffinity(None, &self.0);
    }
}
