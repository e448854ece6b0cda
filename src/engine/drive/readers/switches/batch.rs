//! Switch records of a short time.

use crate::model::{Monotonic, SchedulerRecord};

/// Records in the order of time, also from one batch to the next.
#[derive(Debug, Default)]
pub(crate) struct SwitchBatch {
    pub(crate) records: Vec<SchedulerRecord>,
    /// The time up to which there are no others, on any core.
    pub(crate) until: Monotonic,
}
