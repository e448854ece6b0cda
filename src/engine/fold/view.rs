//! A run as the views get it. Called on the engine's thread, at most 30 times a second; parts that did not change since the last call
//! are shared, not made again.

use std::sync::Arc;

use crate::engine::fold::published::Published;
use crate::engine::fold::state::{Phase, RunFold};
use crate::model::{Monotonic, ProcessRow, RunState, RunView};

impl RunFold {
    /// Whether anything but the time has passed since the last view.
    pub const fn has_news(&self) -> bool {
        self.published.view.is_none() || self.published.events != self.events || self.published.has_new_rest
    }

    /// The run as it is at `now`, with `kill_at` if it was asked to end: when SIGKILL follows. Both are times of the run. The same view
    /// again where nothing has changed.
    pub fn view(&mut self, now: Monotonic, kill_at: Option<Monotonic>) -> Arc<RunView> {
        if !matches!(self.phase, Phase::Finished(_)) {
            self.log_due(now);
            self.lanes.settle_late(now);
        }
        let state = match (&self.phase, kill_at) {
            (Phase::Finished(finished), _) => RunState::Finished(finished.clone()),
            (_, Some(kill_at)) => RunState::Stopping { grace_left: kill_at.since(now).as_secs_f64() },
            (Phase::Starting, None) => RunState::Starting,
            (Phase::Running, None) => RunState::Running,
        };
        let elapsed = self.finished().map_or(now, |finished| Monotonic::from_secs(finished.elapsed_s));
        if let Some(view) = &self.published.view
            && !self.has_news()
            && view.elapsed == elapsed
            && view.state == state
        {
            return Arc::clone(view);
        }
        let view = Arc::new(RunView {
            id: self.id,
            scenario: self.scenario.clone(),
            title: self.title.clone(),
            language: self.language,
            params: self.params.clone(),
            source: self.source.clone(),
            state,
            began: self.began,
            elapsed,
            processes: self.process_rows(),
            lanes: self.lanes.publish(),
            cores: self.lanes.publish_cores(),
            lines: self.traces.publish(),
            outputs: self.outputs.publish(),
            facts: self.results.facts().to_vec(),
            so_far: if self.finished().is_some() { Vec::new() } else { self.claims() },
            values: self.results.values().clone(),
            things: self.things.clone(),
            findings: self.findings.clone(),
            cost: self.usage.cost(),
            log: self.log.publish(),
            events: self.events,
        });
        self.published =
            Published { view: Some(Arc::clone(&view)), events: self.events, has_new_processes: false, has_new_rest: false };
        view
    }

    fn process_rows(&self) -> Vec<ProcessRow> {
        match &self.published.view {
            Some(view) if !self.published.has_new_processes => view.processes.clone(),
            _ => self.processes.preorder(),
        }
    }
}
