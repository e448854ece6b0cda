//! Snapshots: when the next one is due, and its notices and the machine. On the engine's thread.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::drive::handle::EngineHandle;
use crate::engine::drive::machine::MachineLog;
use crate::model::{BoardView, Comparison, Monotonic, RunView, Snapshot, SystemView};

/// At most 30 snapshots a second.
const FRAME: Duration = Duration::from_millis(33);
/// Without news, a run that goes on still has its time updated on the screen: ten snapshots a second.
const LIVE: Duration = Duration::from_millis(100);
/// Notices that stay in the snapshot.
const MOST_NOTICES: usize = 20;

#[derive(Debug)]
pub(super) struct Publication {
    publisher: EngineHandle,
    pub(super) machine: MachineLog,
    /// Why there are no switch records, if they were asked for and refused.
    pub(super) scheduler: Option<Arc<str>>,
    notices: Vec<(u64, Arc<str>)>,
    noticed: u64,
    sequence: u64,
    published_at: Monotonic,
    has_news: bool,
}

impl Publication {
    pub(super) fn new(publisher: EngineHandle) -> Self {
        Self {
            publisher,
            machine: MachineLog::default(),
            scheduler: None,
            notices: Vec::new(),
            noticed: 0,
            sequence: 0,
            published_at: Monotonic::ZERO,
            has_news: true,
        }
    }

    /// Something has changed since the last snapshot.
    pub(super) const fn touch(&mut self) {
        self.has_news = true;
    }

    /// Shows the user a sentence that belongs to no run.
    pub(super) fn notice(&mut self, sentence: String) {
        self.noticed += 1;
        self.notices.push((self.noticed, sentence.into()));
        let excess = self.notices.len().saturating_sub(MOST_NOTICES);
        self.notices.drain(..excess);
        self.has_news = true;
    }

    /// When the next snapshot is due.
    pub(super) fn next_at(&self, is_any_active: bool) -> Option<Monotonic> {
        match (self.has_news, is_any_active) {
            (true, _) => Some(self.published_at + FRAME),
            (false, true) => Some(self.published_at + LIVE),
            (false, false) => None,
        }
    }

    pub(super) fn publish(
        &mut self,
        now: Monotonic,
        runs: Vec<Arc<RunView>>,
        board: Arc<BoardView>,
        comparison: Option<Arc<Comparison>>,
        trouble: Option<String>,
    ) {
        self.has_news = false;
        self.published_at = now;
        self.sequence += 1;
        self.publisher.publish(Snapshot {
            sequence: self.sequence,
            system: SystemView { scheduler: self.scheduler.clone(), ..self.machine.view() },
            runs,
            board,
            notices: self.notices.clone(),
            comparison,
            trouble,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn snapshots_come_when_there_is_news_and_while_a_run_goes_on() {
        let (commands, _received) = crossbeam_channel::bounded(1);
        let latest = Arc::new(Mutex::new(Arc::default()));
        let mut publication = Publication::new(EngineHandle::new(commands, Arc::clone(&latest)));
        let now = Monotonic::from_secs(1.0);
        let publish = |publication: &mut Publication| publication.publish(now, Vec::new(), Arc::default(), None, None);
        assert_eq!(publication.next_at(false), Some(Monotonic::ZERO + FRAME), "the first one is news");
        publish(&mut publication);
        assert_eq!((publication.next_at(false), publication.next_at(true)), (None, Some(now + LIVE)));
        for number in 1..=30 {
            publication.notice(number.to_string());
        }
        assert_eq!(publication.next_at(false), Some(now + FRAME));
        publication.scheduler = Some("refused".into());
        publish(&mut publication);
        let snapshot: Arc<Snapshot> = Arc::clone(&latest.lock().expect("no panic"));
        let kept = [snapshot.notices.first(), snapshot.notices.last()].map(|notice| notice.map(|notice| notice.0));
        assert_eq!(snapshot.system.scheduler.as_deref(), Some("refused"));
        assert_eq!((snapshot.sequence, snapshot.notices.len(), kept), (2, MOST_NOTICES, [Some(11), Some(30)]));
    }
}
