//! The append-only list of a run's events, in bounded memory. Lives on the engine's thread; it judges nothing and does no I/O.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::gpio::Waveform;
use crate::model::{Action, Event, EventKind, Monotonic, ProcessRow};

/// The newest events of a run that fit into a budget of bytes, and the first one. The others are counted.
#[derive(Debug)]
pub struct Recording {
    first: Option<Arc<Event>>,
    rest: VecDeque<Arc<Event>>,
    budget: usize,
    bytes: usize,
    total: u64,
}

impl Recording {
    /// An empty recording that keeps about `budget` bytes of events.
    pub const fn new(budget: usize) -> Self {
        Self { first: None, rest: VecDeque::new(), budget, bytes: 0, total: 0 }
    }

    /// Appends an event. The oldest ones after the first go where the budget is spent.
    pub fn push(&mut self, event: Arc<Event>) {
        self.total += 1;
        if self.first.is_none() {
            self.first = Some(event);
            return;
        }
        self.bytes += weight(&event);
        self.rest.push_back(event);
        while self.bytes > self.budget
            && let Some(oldest) = self.rest.pop_front()
        {
            self.bytes -= weight(&oldest);
        }
    }

    /// The events that are here: the first one of the run, then the newest ones, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.first.iter().chain(&self.rest)
    }

    /// How many events are here.
    pub fn len(&self) -> usize {
        self.rest.len() + usize::from(self.first.is_some())
    }

    /// Whether nothing has been recorded yet.
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many events were recorded, those that are here and those that had to go.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many had to go. They stood between the first event and the second one that is here.
    pub fn dropped(&self) -> u64 {
        self.total - self.len() as u64
    }
}

/// About how many bytes an event takes: itself and what it owns.
fn weight(event: &Event) -> usize {
    let owned = match &event.kind {
        EventKind::RunStarted { scenario, params, .. } => scenario.len() + params.len() * 64,
        EventKind::ProcessStarted { name, argv, .. } => {
            name.len() + argv.iter().map(|argument| size_of::<String>() + argument.len()).sum::<usize>()
        }
        EventKind::ProcessSampled(sample) => {
            size_of_val(&**sample)
                + sample.name.len()
                + sample
                    .threads
                    .iter()
                    .map(|thread| size_of_val(thread) + thread.name.len() + thread.waits_for.len())
                    .sum::<usize>()
        }
        EventKind::Output { bytes, .. } => bytes.capacity(),
        EventKind::TaskStarted { task, .. } | EventKind::TaskCounts { task, .. } => task.len(),
        EventKind::TaskCpu(cpu) => size_of_val(&**cpu) + cpu.name.len() + size_of_val(cpu.cores.as_slice()),
        EventKind::TaskChanged { task, on, held_by, woken_by, .. } => {
            task.len() + [on, held_by, woken_by].into_iter().flatten().map(String::len).sum::<usize>()
        }
        EventKind::TaskFinished { task, result } => task.len() + result.len(),
        EventKind::Thing { on, .. } => on.len(),
        EventKind::Operation { task, action, on, result, .. } => {
            task.len() + action.len() + on.as_ref().map_or(0, String::len) + result.as_ref().map_or(0, value_weight)
        }
        EventKind::Value { name, value } => name.len() + value_weight(value),
        EventKind::Fact(fact) => fact.id.len() + fact.claim.len() + value_weight(&fact.expected) + value_weight(&fact.observed),
        EventKind::Action { action, .. } => action_weight(action),
        EventKind::ActionRefused { action, why, .. } => action_weight(action) + size_of_val(&**why) + why.to_string().len(),
        EventKind::Finding(finding) => finding.text.len() + finding.tasks.iter().map(String::len).sum::<usize>(),
        EventKind::Machine(sample) => size_of_val(&**sample) + sample.percent.len() * size_of::<f32>(),
        EventKind::Waited { done, pending, .. } => size_of_val(done.as_slice()) + size_of_val(pending.as_slice()),
        EventKind::Notice { text } => text.len(),
        EventKind::ProcessState { .. }
        | EventKind::ProcessOrphaned { .. }
        | EventKind::ProcessExited { .. }
        | EventKind::ProcessUsed { .. }
        | EventKind::ProcessReaped { .. }
        | EventKind::PipeFilled { .. }
        | EventKind::OutputDropped { .. }
        | EventKind::OutputClosed { .. }
        | EventKind::Gpio { .. }
        | EventKind::Watched { .. }
        | EventKind::RunFinished { .. } => 0,
    };
    size_of::<Event>() + size_of::<Arc<Event>>() + owned
}

/// Bytes of the texts in an action.
fn action_weight(action: &Action) -> usize {
    action.word().len() + action.target().len()
}

/// About how many bytes a value owns. A body may send whole arrays.
fn value_weight(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size_of_val(item) + value_weight(item)).sum(),
        // Even a small one has room for eleven entries.
        Value::Object(map) => {
            let room = map.len().div_ceil(11) * 11 * (size_of::<String>() + size_of::<Value>());
            room + map.iter().map(|(key, item)| key.len() + value_weight(item)).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// A part of a run that is to be saved.
#[derive(Debug)]
pub(crate) struct Saving {
    /// The name of the files, before the number.
    pub(crate) name: String,
    pub(crate) contents: Contents,
}

/// The contents of the files.
#[derive(Debug)]
pub(crate) enum Contents {
    /// The events and processes.
    Run {
        events: Vec<Arc<Event>>,
        /// Events that were not kept in memory.
        dropped: u64,
        processes: Vec<ProcessRow>,
    },
    /// The edges of its GPIO lines, up to a time of the run.
    Edges { waveform: Waveform, until: Monotonic },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Monotonic;

    fn notice(number: u64, length: usize) -> Arc<Event> {
        Arc::new(Event { t: Monotonic::from_nanos(number), kind: EventKind::Notice { text: "x".repeat(length) } })
    }

    #[test]
    fn the_first_and_the_newest_events_stay_and_the_rest_is_counted() {
        let mut recording = Recording::new(10 * weight(&notice(0, 1000)));
        assert!(recording.is_empty());
        for number in 0..100 {
            recording.push(notice(number, 1000));
        }
        let times: Vec<u64> = recording.iter().map(|event| event.t.nanos()).collect();
        assert_eq!(times, [0, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
        assert_eq!((recording.len(), recording.dropped(), recording.total()), (11, 89, 100));
    }

    #[test]
    fn an_event_larger_than_the_budget_is_counted_and_goes() {
        let mut recording = Recording::new(1000);
        for number in 0..3 {
            recording.push(notice(number, 5000));
        }
        assert_eq!((recording.len(), recording.total()), (1, 3));
        assert_eq!(recording.bytes, 0);
    }
}
