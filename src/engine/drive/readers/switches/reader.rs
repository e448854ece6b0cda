//! The thread that reads the switch records, 30 times a second while a run goes on. While none does, nothing is open and the thread
//! waits.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::batch::SwitchBatch;
use super::wakes::Wakes;
use crate::engine::drive::bell::Bell;
use crate::model::{Monotonic, Pid, Scheduled, SchedulerRecord, Tid};
use crate::sys::{SwitchRings, SwitchesRefused, counts_turns, monotonic_now, rename_thread, start_thread};

/// The time between two reads: a ring has room for a fifth of a second of the most switches that a core can do usefully.
const PAUSE: Duration = Duration::from_millis(33);
/// The time after which the records of a moment are complete; a little more than the rings wait for them.
const COMPLETE: Duration = Duration::from_micros(1_200);
/// A batch without a record is sent as seldom as this: it says only that nothing has happened.
const QUIET: Duration = Duration::from_millis(100);
/// Batches that may wait for the engine.
const BATCHES: usize = 4;
/// Records that are kept for an engine that takes none: some 12 MiB.
const MOST_UNSENT: usize = 262_144;

/// The engine's end of the thread. Dropping it ends the thread and closes the rings.
#[derive(Debug)]
pub(crate) struct SwitchReader {
    link: Arc<Link>,
    batches: Receiver<SwitchBatch>,
    sender: Sender<SwitchBatch>,
    bell: Bell,
    /// It is started when it is needed for the first time.
    has_thread: bool,
    why_not: Option<Arc<str>>,
}

/// What the two threads share. The reader waits for its time without the lock.
#[derive(Debug, Default)]
struct Link {
    shared: Mutex<Shared>,
    wake: Condvar,
}

/// The rings, and what was read from them and not sent.
#[derive(Debug, Default)]
struct Shared {
    /// Whether the engine's end is gone.
    is_over: bool,
    rings: Option<SwitchRings>,
    /// `None` where the kernel does not count how long threads were ready.
    wakes: Option<Wakes>,
    unsent: SwitchBatch,
    /// The time up to which batches were sent.
    sent: Monotonic,
}

impl SwitchReader {
    pub(crate) fn new(bell: Bell) -> Self {
        let (sender, batches) = bounded(BATCHES);
        Self { link: Arc::default(), batches, sender, bell, has_thread: false, why_not: None }
    }

    /// Opens the rings on a supervisor, unless they are open: then they cover the cores that have been switched on since. Only what
    /// it starts later is recorded. Returns whether they were opened anew.
    pub(crate) fn open(&mut self, supervisor: Pid) -> bool {
        {
            let mut shared = self.link.lock();
            if let Some(rings) = shared.rings.as_mut().filter(|rings| rings.root() == supervisor) {
                rings.cover_new_cores();
                return false;
            }
        }
        self.close();
        let opened = SwitchRings::open(supervisor, SwitchRings::usual_pages()).map_err(|refused| why_not(&refused));
        let started = opened.and_then(|rings| {
            let wakes = counts_turns().then(Wakes::default);
            *self.link.lock() = Shared { rings: Some(rings), wakes, sent: monotonic_now(), ..Shared::default() };
            self.wake_thread().map_err(|error| format!("the kernel's switch records cannot be read: {error}").into())
        });
        if started.is_err() {
            self.close();
        }
        self.why_not = started.err();
        self.is_open()
    }

    /// Notes why there are no records.
    pub(crate) fn refuse(&mut self, why: String) {
        self.why_not = Some(why.into());
    }

    /// Whether there are records.
    pub(crate) fn is_open(&self) -> bool {
        self.link.lock().rings.is_some()
    }

    /// Why there were none when they were last asked for, and what would change it.
    pub(crate) fn why_not(&self) -> Option<Arc<str>> {
        self.why_not.clone()
    }

    /// The next batch that the thread has sent.
    pub(crate) fn next(&self) -> Option<SwitchBatch> {
        self.batches.try_recv().ok()
    }

    /// Reads what there is now, for a run that ends: all batches that were not handled yet.
    pub(crate) fn read_all(&mut self) -> Vec<SwitchBatch> {
        let mut shared = self.link.lock();
        // In this order, while the thread cannot send another one.
        let mut batches: Vec<SwitchBatch> = self.batches.try_iter().collect();
        if shared.rings.is_some() {
            shared.read(SwitchRings::read_all);
            let batch = std::mem::take(&mut shared.unsent);
            shared.sent = batch.until;
            batches.push(batch);
        }
        batches
    }

    /// Closes the rings: no run goes on. What was read and not handled is nobody's.
    pub(crate) fn close(&mut self) {
        let mut shared = self.link.lock();
        *shared = Shared::default();
        while self.batches.try_recv().is_ok() {}
    }

    fn wake_thread(&mut self) -> io::Result<()> {
        if !self.has_thread {
            let (link, sender, bell) = (Arc::clone(&self.link), self.sender.clone(), self.bell.clone());
            start_thread("switches", move || {
                let _ = rename_thread("switches");
                link.run(&sender, &bell);
            })?;
            self.has_thread = true;
        }
        self.link.wake.notify_one();
        Ok(())
    }
}

impl Drop for SwitchReader {
    fn drop(&mut self) {
        self.close();
        self.link.lock().is_over = true;
        self.link.wake.notify_one();
    }
}

fn why_not(refused: &SwitchesRefused) -> Arc<str> {
    let instead = if counts_turns() { "schedstat gives shares of time instead" } else { "and it keeps no schedstat either" };
    format!("the kernel gives no switch records: {refused}; {instead}; what would change it: {}", refused.remedy()).into()
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, shared: MutexGuard<'a, Shared>, time: Duration) -> MutexGuard<'a, Shared> {
        self.wake.wait_timeout(shared, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn run(&self, sender: &Sender<SwitchBatch>, bell: &Bell) {
        let mut shared = self.lock();
        while !shared.is_over {
            if shared.rings.is_none() {
                shared = self.wake.wait(shared).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            shared.read(SwitchRings::read);
            if shared.ask() {
                // What the threads that were woken have done until they were asked about is complete then.
                shared = self.wait(shared, COMPLETE);
                shared.read(SwitchRings::read);
            }
            if shared.send(sender) {
                drop(shared);
                bell.ring();
                shared = self.lock();
            }
            shared = self.wait(shared, PAUSE);
        }
    }
}

impl Shared {
    /// Takes what there is in the rings.
    fn read(&mut self, read: impl FnOnce(&mut SwitchRings, &mut Vec<SchedulerRecord>) -> Monotonic) {
        let Self { rings: Some(rings), wakes, unsent, sent, .. } = self else { return };
        let known = unsent.records.len();
        unsent.until = read(rings, &mut unsent.records);
        if let Some(wakes) = wakes {
            wakes.see(&unsent.records[known..]);
            wakes.give(unsent);
        }
        if unsent.records.len() > MOST_UNSENT {
            unsent.records = lost(&unsent.records, *sent, unsent.until);
        }
    }

    /// Reads how long the threads that went on after a wait were ready. Whether there were any.
    fn ask(&mut self) -> bool {
        self.wakes.as_mut().is_some_and(Wakes::ask)
    }

    /// Sends what was read. Whether there was something, and it was sent.
    fn send(&mut self, sender: &Sender<SwitchBatch>) -> bool {
        let until = self.unsent.until;
        if self.rings.is_none() || self.unsent.records.is_empty() && until < self.sent + QUIET {
            return false;
        }
        match sender.try_send(std::mem::take(&mut self.unsent)) {
            Ok(()) => {
                self.sent = until;
                true
            }
            Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
                self.unsent = batch;
                false
            }
        }
    }
}

/// One record for each core in the place of too many.
fn lost(records: &[SchedulerRecord], since: Monotonic, until: Monotonic) -> Vec<SchedulerRecord> {
    let mut counts: BTreeMap<u16, u64> = BTreeMap::new();
    for record in records {
        *counts.entry(record.core).or_default() += if let Scheduled::Lost { count, .. } = record.what { count } else { 1 };
    }
    let of_core = |(core, count)| {
        let what = Scheduled::Lost { since, count };
        SchedulerRecord { t: until, pid: Pid::new(0), tid: Tid::new(0), core, what }
    };
    counts.into_iter().map(of_core).collect()
}

#[cfg(test)]
mod tests;
