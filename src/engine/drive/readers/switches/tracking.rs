//! The engine's part of the switch records: opened before the first launch of a run, closed when no run goes on. On the engine's thread.

use std::sync::Arc;

use super::batch::SwitchBatch;
use super::reader::SwitchReader;
use super::router::Router;
use crate::engine::drive::bell::Bell;
use crate::model::{Monotonic, Pid, RunId, SchedulerRecord};

#[derive(Debug)]
pub(crate) struct Switches {
    reader: SwitchReader,
    router: Router,
    /// The time up to which all records were handed out; `None` where there are none.
    known_until: Option<Monotonic>,
}

impl Switches {
    pub(crate) fn new(bell: Bell) -> Self {
        Self { reader: SwitchReader::new(bell), router: Router::new(Pid::new(0)), known_until: None }
    }

    /// A run is about to be launched. Whether there are switch records of what the supervisor starts from now on.
    pub(crate) fn open(&mut self, supervisor: Pid) -> bool {
        if self.reader.open(supervisor) {
            self.router = Router::new(supervisor);
        }
        let is_open = self.reader.is_open();
        self.known_until = is_open.then(|| self.known_until.unwrap_or(Monotonic::ZERO));
        is_open
    }

    /// The descriptors are needed for something else.
    pub(crate) fn give_up(&mut self, why: &str) {
        self.close();
        self.reader.refuse(format!("there is no room for the kernel's switch records: {why}"));
    }

    /// No run goes on.
    pub(crate) fn close(&mut self) {
        self.reader.close();
        self.known_until = None;
        self.router = Router::new(Pid::new(0));
    }

    /// Why there were none when they were last asked for, and what would change it.
    pub(crate) fn why_not(&self) -> Option<Arc<str>> {
        self.reader.why_not()
    }

    /// The next batch that was read.
    pub(crate) fn next(&self) -> Option<SwitchBatch> {
        self.reader.next()
    }

    /// All that there is now, for a run that ends.
    pub(crate) fn read_all(&mut self) -> Vec<SwitchBatch> {
        self.reader.read_all()
    }

    /// The supervisor has reported that it started these processes for a run.
    pub(crate) fn launched(&mut self, run: RunId, pids: impl IntoIterator<Item = Pid>, at: Monotonic) {
        self.router.launched(run, pids, at);
    }

    /// The time up to which all is known that the scheduler did, as far as it was routed; `None` where there are no records.
    pub(crate) const fn known_until(&self) -> Option<Monotonic> {
        self.known_until
    }

    /// The records of each run that has begun. `find` gives the run of a process as far as the supervisor and samples have told of it.
    pub(crate) fn route(
        &mut self,
        batch: SwitchBatch,
        begun: &[RunId],
        find: impl Fn(Pid) -> Option<RunId>,
    ) -> Vec<(RunId, Vec<SchedulerRecord>)> {
        self.known_until = Some(batch.until);
        self.router.route(batch, begun, find)
    }
}
