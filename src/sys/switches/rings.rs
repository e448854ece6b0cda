//! The rings of all cores: opened on one process, which covers all that it starts later; read in the order of time.

use std::fs;
use std::io;
use std::time::Duration;

use super::event::open_event;
use super::records::parse_record;
use super::refused::{Step, SwitchesRefused};
use super::ring::Ring;
use crate::model::{Monotonic, Pid, Scheduled, SchedulerRecord, Tid};
use crate::sys::clock::monotonic_now;
use crate::sys::proc::core_times;
use crate::sys::process::own_pid;

/// The data of one ring in bytes: with the kernel's own page what each user may lock on each core (`kernel.perf_event_mlock_kb`, 516 by
/// default); 16,384 switches. Where less is left, the ring is smaller.
const RING: usize = 512 * 1024;
/// A core that is switched off gets so small a part of that: its ring is seldom needed.
const PART: usize = 8;
/// The time between two looks for cores that have been added.
const LOOK: Duration = Duration::from_secs(1);

/// A core that is just about to write a record has taken its time a moment ago: so late a record may come. One that is later still gets
/// the time up to which its forerunners were complete.
const MARGIN: Duration = Duration::from_millis(1);

/// The switch records of everything that one process starts from now on. Dropping it closes them.
#[derive(Debug)]
pub struct SwitchRings {
    root: Pid,
    pages: usize,
    rings: Vec<Ring>,
    /// Records that are later than the time up to which all cores are complete.
    held: Vec<SchedulerRecord>,
    /// The time up to which records were given out.
    until: Monotonic,
    /// When it was last seen which cores there are.
    looked: Monotonic,
}

impl SwitchRings {
    /// Opens an event for each core on `root`, which must be ours and should have one thread. Of the process itself only the births of
    /// its children are recorded, and of what it has started before, nothing. `pages` is the size of the ring of a core that is
    /// switched on.
    pub fn open(root: Pid, pages: usize) -> Result<Self, SwitchesRefused> {
        let until = monotonic_now();
        let mut rings =
            Self { root, pages: pages.max(1).next_power_of_two(), rings: Vec::new(), held: Vec::new(), until, looked: until };
        rings.cover_cores()?;
        Ok(rings)
    }

    /// The usual size of a ring, in pages of this machine.
    pub fn usual_pages() -> usize {
        (RING / rustix::param::page_size()).max(1)
    }

    /// The process whose descendants are recorded.
    pub const fn root(&self) -> Pid {
        self.root
    }

    /// The cores that have a ring.
    pub fn cores(&self) -> impl Iterator<Item = u16> {
        self.rings.iter().map(|ring| ring.core)
    }

    /// Opens rings for the cores that have been added since, as a virtual machine can get some. Of them, only what the process starts from
    /// now on is recorded: what ran there until now is lost.
    pub fn cover_new_cores(&mut self) {
        let (before, now) = (self.rings.len(), monotonic_now());
        // What is refused now was allowed before: the other cores have their rings.
        let _ = self.cover_cores();
        let since = std::mem::replace(&mut self.looked, now);
        self.held.extend(self.rings[before..].iter().map(|ring| lost(ring.core, since, now.max(self.until))));
    }

    /// Opens rings for the cores that have none, switched on or not: the kernel takes the event of a process for any core, and uses it
    /// whenever that core is switched on. Threads that were made before that have it, too.
    fn cover_cores(&mut self) -> Result<(), SwitchesRefused> {
        let on = online_cores().map_err(|error| SwitchesRefused::new(Step::Cores, &error))?;
        let mut cores = on.clone();
        cores.extend(cores_of("present").into_iter().filter(|core| !on.contains(core)));
        for core in cores {
            if self.cores().any(|covered| covered == core) {
                continue;
            }
            let is_on = on.contains(&core);
            let pages = if is_on { self.pages } else { (self.pages / PART).max(1) };
            let event = open_event(self.root, core).map_err(|error| SwitchesRefused::new(Step::Open, &error));
            let ring = event.and_then(|event| {
                Ring::map(event, core, pages, monotonic_now()).map_err(|error| SwitchesRefused::new(Step::Map, &error))
            });
            match ring {
                Ok(ring) => self.rings.push(ring),
                // Nobody can run there now.
                Err(_) if !is_on => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(())
    }

    /// Appends the records that are there to `out`, in the order of time, also from one call to the next. Returns the time up to which
    /// the records of all cores are complete; later ones come in the next call.
    pub fn read(&mut self, out: &mut Vec<SchedulerRecord>) -> Monotonic {
        if monotonic_now() >= self.looked + LOOK {
            self.cover_new_cores();
        }
        let before = monotonic_now().nanos();
        let complete = self.drain(Monotonic::from_nanos(before.saturating_sub(MARGIN.as_nanos() as u64)));
        self.give(out, complete)
    }

    /// The same for the end: later records come, too, since those who could have written earlier ones have ended.
    pub fn read_all(&mut self, out: &mut Vec<SchedulerRecord>) -> Monotonic {
        let now = monotonic_now();
        self.drain(now);
        let latest = self.held.iter().map(|record| record.t).max();
        self.give(out, latest.map_or(now, |latest| latest.max(now)))
    }

    /// Takes all records out of the rings. Returns up to when they are complete, if they are complete up to `when` where none is lost.
    fn drain(&mut self, when: Monotonic) -> Monotonic {
        let Self { root, rings, held, until, .. } = self;
        let mut complete = when;
        for ring in rings {
            let mut is_told = ring.is_gap_told;
            let is_full = ring.drain(|bytes, latest| {
                let Some(mut record) = parse_record(bytes, *latest) else { return };
                // The clock that the kernel reads here may go back by a few nanoseconds when it is adjusted.
                *latest = record.t.max(*latest);
                record.t = (*latest).max(*until);
                if std::mem::take(&mut is_told)
                    && let Scheduled::Lost { since, .. } = &mut record.what
                {
                    *since = record.t;
                }
                // The birth of its child is a record of the child's.
                if record.pid != *root {
                    held.push(record);
                }
            });
            ring.is_gap_told = is_told || is_full;
            if is_full {
                complete = complete.min(ring.latest);
                // What other cores tell of this time comes between the two.
                let since = ring.latest.max(*until);
                held.extend([since, monotonic_now().max(since)].map(|t| lost(ring.core, since, t)));
            }
        }
        complete
    }

    fn give(&mut self, out: &mut Vec<SchedulerRecord>, complete: Monotonic) -> Monotonic {
        self.until = self.until.max(complete);
        // Stable, so that the records of a core stay in their order; and quick, since each core's are in order already.
        self.held.sort_by_key(|record| record.t);
        let count = self.held.partition_point(|record| record.t <= self.until);
        out.extend(self.held.drain(..count));
        self.until
    }
}

/// Records of this core are missing up to `t`; nobody knows yet how many.
fn lost(core: u16, since: Monotonic, t: Monotonic) -> SchedulerRecord {
    SchedulerRecord { t, pid: Pid::new(0), tid: Tid::new(0), core, what: Scheduled::Lost { since, count: 0 } }
}

/// Tries whether there are switch records here, on this process, and leaves nothing open.
pub fn try_switches() -> Result<(), SwitchesRefused> {
    SwitchRings::open(own_pid(), 1).map(drop)
}

/// The numbers of the cores that are switched on, ascending: all of them, not only those that this process may use.
fn online_cores() -> io::Result<Vec<u16>> {
    let cores = cores_of("online");
    if !cores.is_empty() {
        return Ok(cores);
    }
    // Where sysfs is not mounted.
    let times = core_times(&fs::read("/proc/stat")?);
    let cores: Vec<u16> = times.iter().filter_map(|core| u16::try_from(core.number).ok()).collect();
    if cores.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(cores) }
}

/// The cores of a list in sysfs: `online` or `present`. None where it is not mounted.
fn cores_of(list: &str) -> Vec<u16> {
    fs::read_to_string(format!("/sys/devices/system/cpu/{list}")).map_or_else(|_| Vec::new(), |text| cores_in(&text))
}

/// A list of cores as sysfs writes it: `0-3,6`.
fn cores_in(text: &str) -> Vec<u16> {
    let mut cores = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) {
            cores.extend(first..=last);
        }
    }
    cores
}

#[cfg(test)]
mod tests;
