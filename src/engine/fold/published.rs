//! The last view of a run, and which parts have changed since. On the engine's thread.

use std::sync::Arc;

use crate::model::RunView;

/// The last view, and which parts have changed since.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(super) view: Option<Arc<RunView>>,
    /// Events that the last view had seen.
    pub(super) events: u64,
    pub(super) has_new_processes: bool,
    pub(super) has_new_rest: bool,
}

impl Published {
    /// A process row has changed.
    pub(crate) const fn touch_processes(&mut self) {
        self.has_new_processes = true;
    }

    /// Facts, values or the run's own state have changed.
    pub(crate) const fn touch_rest(&mut self) {
        self.has_new_rest = true;
    }
}
