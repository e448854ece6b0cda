//! The descendants of one process and their threads, sampled from /proc. Runs on the engine's monitor thread; never waits, never
//! signals.
//!
//! The tree is made from the parent in each /proc/PID/stat: `/proc/PID/task/TID/children` is reliable only for frozen processes
//! (`proc_tid_children(5)`). A sample is cheap for two reasons. A stranger never becomes a descendant, since an orphan goes to an ancestor
//! (`PR_SET_CHILD_SUBREAPER(2const)`), so each stranger is read once. It is known again by the inode of its directory, which changes
//! when another process gets its number. (All are read afresh now and then, in case a kernel keeps inodes.) And the files of
//! descendants stay open, as far as the limit of descriptors allows.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::Path;
use std::time::Duration;

use super::proc::{Files, MonitorError, ProcDir, ProcessDir};
use crate::model::{ExitStatus, Monotonic, Pid, ProcessSample, ProcessState, ThreadSample, Tid};
use crate::sys::{Stat, below};

/// Samples after which strangers are read afresh.
const TRUST_STRANGERS: u32 = 32;

/// The shortest span that a CPU percentage is computed over. Ticks are 10 ms long, so this is exact to 2.5 %.
const SHORTEST_SPAN: Duration = Duration::from_millis(400);

/// The tree below one process, between two samples.
#[derive(Debug)]
pub struct Processes {
    proc: ProcDir,
    root: Option<Pid>,
    round: u32,
    strangers: HashMap<Pid, Stranger>,
    meters: HashMap<Pid, Meter>,
    open_dirs: HashMap<Pid, ProcessDir>,
    max_open_dirs: usize,
    thread_meters: HashMap<Tid, Meter>,
    tids: Vec<Tid>,
    ended: HashMap<Pid, ExitStatus>,
}

/// A process that is no descendant.
#[derive(Debug, Clone, Copy)]
struct Stranger {
    inode: u64,
    round: u32,
}

/// The reading of one process in one sample.
struct Reading {
    ppid: Pid,
    start_ticks: u64,
    /// Only for those that were descendants in the sample before; others are read once it is known that they are.
    sample: Option<ProcessSample>,
}

impl Processes {
    /// Opens /proc.
    pub fn new() -> Result<Self, MonitorError> {
        Self::over(Path::new("/proc"))
    }

    fn over(proc: &Path) -> Result<Self, MonitorError> {
        Ok(Self {
            proc: ProcDir::open(proc)?,
            root: None,
            round: 0,
            strangers: HashMap::new(),
            meters: HashMap::new(),
            open_dirs: HashMap::new(),
            max_open_dirs: max_open_dirs(),
            thread_meters: HashMap::new(),
            tids: Vec::new(),
            ended: HashMap::new(),
        })
    }

    /// All descendants of `root`, without `root`: parents before children, siblings by age. CPU percentages are 0 until a process
    /// has been seen for 0.4 s.
    pub fn sample(&mut self, root: Pid, now: Monotonic) -> Vec<ProcessSample> {
        self.round = self.round.wrapping_add(1);
        self.ended.clear();
        if self.root != Some(root) || self.round.is_multiple_of(TRUST_STRANGERS) {
            self.root = Some(root);
            self.strangers.clear();
        }

        let mut listed = Vec::with_capacity(self.strangers.len() + self.meters.len() + 16);
        self.proc.list(|pid, inode| listed.push((pid, inode)));
        let mut readings = HashMap::with_capacity(self.meters.len() + 16);
        for &(pid, inode) in &listed {
            if let Some(stranger) = self.strangers.get_mut(&pid).filter(|stranger| stranger.inode == inode) {
                stranger.round = self.round;
            } else if pid != root
                && let Some(reading) = self.read(pid, now)
            {
                readings.insert(pid, reading);
            }
        }

        let processes = readings.iter().map(|(pid, read)| (*pid, read.ppid, read.start_ticks));
        let order = below(root, processes, |process| *process);
        let mut samples = Vec::with_capacity(order.len());
        for (pid, ..) in order {
            let Some(reading) = readings.remove(&pid) else { continue };
            let sample = reading.sample.or_else(|| self.read_fully(pid, now));
            // The number may have passed to another process since its parent was read.
            samples.extend(sample.filter(|sample| sample.start_ticks == reading.start_ticks));
        }
        let round = self.round;
        self.strangers.retain(|_, stranger| stranger.round == round);
        self.remember_strangers(&listed, readings);
        self.meters.retain(|_, meter| meter.round == round);
        self.open_dirs.retain(|pid, _| self.meters.contains_key(pid));
        self.thread_meters.retain(|_, meter| meter.round == round);
        samples
    }

    /// How those zombies of the last sample ended that may be seen.
    pub fn take_ended(&mut self) -> HashMap<Pid, ExitStatus> {
        std::mem::take(&mut self.ended)
    }

    /// Remembers those of the rest whose line of ancestors is known up to the top. One whose parent vanished while /proc was read may yet
    /// turn out to be a descendant.
    fn remember_strangers(&mut self, listed: &[(Pid, u64)], mut rest: HashMap<Pid, Reading>) {
        let inodes: HashMap<Pid, u64> = if rest.is_empty() { HashMap::new() } else { listed.iter().copied().collect() };
        loop {
            let before = rest.len();
            rest.retain(|pid, reading| {
                let is_stranger = reading.ppid.number() == 0 || self.strangers.contains_key(&reading.ppid);
                if let Some(&inode) = inodes.get(pid).filter(|_| is_stranger) {
                    self.strangers.insert(*pid, Stranger { inode, round: self.round });
                }
                !is_stranger
            });
            if rest.len() == before {
                return;
            }
        }
    }

    fn read(&mut self, pid: Pid, now: Monotonic) -> Option<Reading> {
        if self.meters.contains_key(&pid) {
            let sample = self.read_fully(pid, now)?;
            return Some(Reading { ppid: sample.ppid, start_ticks: sample.start_ticks, sample: Some(sample) });
        }
        self.proc.stat(pid).map(|stat| Reading { ppid: stat.ppid, start_ticks: stat.start_ticks, sample: None })
    }

    /// Everything about one process.
    fn read_fully(&mut self, pid: Pid, now: Monotonic) -> Option<ProcessSample> {
        // A folder that was kept gives nothing any more once the number has passed to another process.
        if let Some(kept) = self.open_dirs.remove(&pid)
            && let Some(sample) = self.read_through(kept, pid, now)
        {
            return Some(sample);
        }
        let process = self.proc.process(pid)?;
        self.read_through(process, pid, now)
    }

    /// All of it is read through one handle, so it is all of the same process.
    fn read_through(&mut self, mut process: ProcessDir, pid: Pid, now: Monotonic) -> Option<ProcessSample> {
        let stat = self.proc.stat_of(&mut process).filter(|stat| stat.id == pid.number())?;
        let max = 100.0 * f64::from(stat.threads.max(1));
        let cpu = Meter::measure(&mut self.meters, pid, &stat, now, self.round, max);
        let thread_count = stat.threads;
        self.ended.extend(process.status(&stat).map(|status| (pid, status)));
        let mut sample = ProcessSample {
            pid,
            ppid: stat.ppid,
            pgid: stat.pgid,
            sid: stat.sid,
            name: stat.name(),
            state: stat.state,
            cpu,
            rss: stat.rss,
            core: stat.core,
            start_ticks: stat.start_ticks,
            threads: Vec::new(),
        };
        if thread_count <= 1 {
            // A single thread is the process: the same numbers, without reading them twice.
            let waits_for = self.proc.waits_for(&mut process, Files::OfProcess, sample.state);
            sample.threads.push(ThreadSample {
                tid: Tid::new(pid.number()),
                name: sample.name.clone(),
                state: sample.state,
                cpu: cpu.min(100.0),
                core: sample.core,
                waits_for,
            });
        } else {
            self.read_threads(&mut process, &mut sample, now);
        }
        if self.open_dirs.len() < self.max_open_dirs {
            self.open_dirs.insert(pid, process);
        }
        Some(sample)
    }

    fn read_threads(&mut self, process: &mut ProcessDir, sample: &mut ProcessSample, now: Monotonic) {
        let mut tids = std::mem::take(&mut self.tids);
        self.proc.threads_of(process, &mut tids);
        sample.threads.reserve(tids.len());
        for &tid in &tids {
            let Some(stat) = self.proc.thread_stat(process, tid) else { continue };
            let cpu = Meter::measure(&mut self.thread_meters, tid, &stat, now, self.round, 100.0);
            let (name, state, core) = (stat.name(), stat.state, stat.core);
            let waits_for = self.proc.waits_for(process, Files::OfThread(tid), state);
            sample.threads.push(ThreadSample { tid, name, state, cpu, core, waits_for });
        }
        self.tids = tids;
        // A first thread that has ended while others live is a zombie to the kernel, but the process is alive.
        if sample.state == ProcessState::Zombie {
            let alive = sample.threads.iter().map(|thread| thread.state).filter(|state| !has_ended(*state));
            if let Some(state) = alive.min_by_key(|state| *state != ProcessState::Running) {
                sample.state = state;
            }
        }
    }
}

/// How many processes' files may stay open: those of a quarter of the descriptors that this process may have.
fn max_open_dirs() -> usize {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / 4 / ProcessDir::DESCRIPTORS).unwrap_or(usize::MAX)
}

/// Whether nothing of it can run any more.
const fn has_ended(state: ProcessState) -> bool {
    matches!(state, ProcessState::Zombie | ProcessState::Dead)
}

/// CPU time of one process or thread, from which percentages are computed.
#[derive(Debug)]
struct Meter {
    start_ticks: u64,
    since: Monotonic,
    ticks: u64,
    percent: f32,
    round: u32,
}

impl Meter {
    /// The percentage of one core since a while ago, at most `max`; 0 for what is new under its number. A counter that went back tells
    /// nothing: it is measured afresh, and the last percentage stands until then.
    fn measure<Id: Eq + Hash>(meters: &mut HashMap<Id, Self>, id: Id, stat: &Stat, now: Monotonic, round: u32, max: f64) -> f32 {
        let fresh = |percent| Self { start_ticks: stat.start_ticks, since: now, ticks: stat.cpu_ticks, percent, round };
        let meter = meters.entry(id).or_insert_with(|| fresh(0.0));
        if meter.start_ticks != stat.start_ticks {
            *meter = fresh(0.0);
        }
        meter.round = round;
        let span = now.since(meter.since);
        match stat.cpu_ticks.checked_sub(meter.ticks) {
            None => *meter = fresh(meter.percent),
            Some(ticks) if span >= SHORTEST_SPAN => *meter = fresh(percent(ticks, span).min(max) as f32),
            Some(_) => {}
        }
        meter.percent
    }
}

/// Clock ticks over a span, in percent of one core.
pub(super) fn percent(ticks: u64, span: Duration) -> f64 {
    let seconds = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    if span.is_zero() { 0.0 } else { 100.0 * seconds / span.as_secs_f64() }
}

#[cfg(test)]
mod tests;
