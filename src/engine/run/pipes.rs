//! How full the pipes between processes of a run are. Changes become events. Pure.

use std::collections::HashMap;

use crate::engine::fold::state::RunFold;
use crate::model::{EventKind, Pid, PipeFill};

/// Beginnings of the names of values that tell the fill of the pipes between stages.
pub(crate) const PIPE_VALUES: [&str; 2] = ["bytes in pipe ", "room in pipe "];

/// A pipe, by its writer and its reader.
pub(crate) type Pipe = (Pid, Pid);

/// The last fill of each pipe; `None`: its reader is gone.
#[derive(Debug, Default)]
pub(crate) struct PipeFills(HashMap<Pipe, Option<PipeFill>>);

impl PipeFills {
    /// Takes in a sample and returns the events. `stages` are the pipes between the stages, first to last: their fill also becomes a
    /// value.
    pub(crate) fn look(&mut self, stages: &[Pipe], seen: &[(Pid, Pid, Option<PipeFill>)], fold: &RunFold) -> Vec<EventKind> {
        let is_living = |pid: Pid| fold.process(pid).is_some_and(|row| !row.is_reaped());
        let others = seen.iter().map(|(writer, reader, _)| (*writer, *reader)).chain(self.0.keys().copied());
        let mut others: Vec<Pipe> =
            others.filter(|pipe| !stages.contains(pipe) && (is_living(pipe.0) || self.0.contains_key(pipe))).collect();
        others.sort_unstable();
        others.dedup();
        let mut events = Vec::new();
        for (index, pipe) in stages.iter().copied().chain(others).enumerate() {
            let fill = seen.iter().find(|(writer, reader, _)| (*writer, *reader) == pipe).and_then(|(.., fill)| *fill);
            // A pipe that was never seen has no fill yet; a pipe without a reader is empty.
            if (fill.is_none() && !self.0.contains_key(&pipe)) || self.0.get(&pipe) == Some(&fill) {
                continue;
            }
            let is_of_stages = index < stages.len();
            let shown = fill.unwrap_or(PipeFill { bytes: 0, capacity: 0 });
            events.push(EventKind::PipeFilled { pid: pipe.0, to: pipe.1, fill: shown });
            if fill.is_none() && !is_of_stages {
                self.0.remove(&pipe);
                continue;
            }
            self.0.insert(pipe, fill);
            if is_of_stages {
                events.extend(values(index + 1, pipe, shown, fold));
            }
        }
        events
    }
}

/// The fill of a pipe as values: its capacity once, and the bytes in it.
fn values(number: usize, (writer, reader): Pipe, fill: PipeFill, fold: &RunFold) -> Vec<EventKind> {
    let name = |pid: Pid| fold.process(pid).map_or_else(|| pid.to_string(), |row| row.name.clone());
    let [bytes, room] = PIPE_VALUES;
    let name = format!("{bytes}{number} ({} → {})", name(writer), name(reader));
    let mut values = Vec::new();
    if fill.capacity > 0 && !fold.results.values().contains_key(&name) {
        values.push(EventKind::Value { name: format!("{room}{number}"), value: fill.capacity.into() });
    }
    values.push(EventKind::Value { name, value: fill.bytes.into() });
    values
}
