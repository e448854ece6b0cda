//! The machine, for the views: its newest sample, and the load of its cores before.

use crate::model::{LoadSample, MachineSample, SystemView};
use crate::monitor::LoadHistory;

/// What was sampled of the machine.
#[derive(Debug, Default)]
pub(crate) struct MachineLog {
    load: LoadHistory,
    view: SystemView,
}

impl MachineLog {
    /// Once a second.
    pub(crate) fn push(&mut self, sample: MachineSample, own_cpu: f32) {
        (self.view.latest, self.view.own_cpu) = (sample, own_cpu);
    }

    /// More often while a run goes on.
    pub(crate) fn push_load(&mut self, sample: LoadSample) {
        self.load.push(sample);
        self.view.load = self.load.samples();
    }

    pub(crate) fn view(&self) -> SystemView {
        self.view.clone()
    }
}
