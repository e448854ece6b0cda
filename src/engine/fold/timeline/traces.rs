//! The levels of a run's GPIO lines over time, for the view, in bounded memory. Pure; lives on the engine's thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Level, LevelSpan, Line, LineTrace, Monotonic};

/// Spans of one line beyond which the older half is merged, two into one.
const MAX_SPANS: usize = 4_000;

/// The lines that have changed their level.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    lines: BTreeMap<Line, Trace>,
}

#[derive(Debug, Default)]
struct Trace {
    edges: u64,
    past: Vec<LevelSpan>,
    published: Option<Arc<[LevelSpan]>>,
}

impl Traces {
    /// A line has changed its level. Before its first edge it had the other one.
    pub(crate) fn edge(&mut self, t: Monotonic, line: Line, level: Level) {
        let trace = self.lines.entry(line).or_default();
        trace.edges += 1;
        trace.published = None;
        if trace.past.is_empty() {
            trace.past.push(LevelSpan { from: Monotonic::ZERO, level: Some(!level) });
        }
        let last = trace.past.last().map_or(Monotonic::ZERO, |span| span.from);
        trace.past.push(LevelSpan { from: t.max(last), level: Some(level) });
        if trace.past.len() > MAX_SPANS {
            let recent = trace.past.split_off(MAX_SPANS / 2);
            let merged = trace.past.chunks(2).map(|two| LevelSpan { from: two[0].from, level: None });
            trace.past = merged.chain(recent).collect();
        }
    }

    /// The lines for the view. A past that did not change since the last call is shared, not copied.
    pub(crate) fn publish(&mut self) -> Vec<LineTrace> {
        let lines = self.lines.iter_mut().map(|(&line, trace)| {
            let past = trace.published.get_or_insert_with(|| trace.past.as_slice().into());
            LineTrace { line, edges: trace.edges, past: Arc::clone(past) }
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Monotonic {
        Monotonic::from_nanos(nanos)
    }

    #[test]
    fn a_line_has_the_other_level_before_its_first_edge() {
        let mut traces = Traces::default();
        traces.edge(at(5), Line::gpio(17), Level::High);
        traces.edge(at(3), Line::gpio(17), Level::Low);
        let lines = traces.publish();
        let past: Vec<_> = lines[0].past.iter().map(|span| (span.from.nanos(), span.level)).collect();
        assert_eq!(
            past,
            [(0, Some(Level::Low)), (5, Some(Level::High)), (5, Some(Level::Low))],
            "in order, whatever the times say"
        );
        assert!(Arc::ptr_eq(&lines[0].past, &traces.publish()[0].past), "nothing new, nothing copied");
    }

    #[test]
    fn what_is_long_ago_is_coarse_and_what_is_new_is_exact() {
        let mut traces = Traces::default();
        for t in 1..=100_000 {
            traces.edge(at(t), Line::gpio(17), Level::high_if(t % 2 == 1));
        }
        let trace = traces.publish().remove(0);
        assert_eq!(trace.edges, 100_000);
        assert!(trace.past.len() <= MAX_SPANS && trace.past.is_sorted_by_key(|span| span.from));
        assert_eq!((trace.past[0].from, trace.past[0].level), (Monotonic::ZERO, None));
        let newest = &trace.past[trace.past.len() - 1000..];
        assert!(newest.windows(2).all(|two| two[1].from.nanos() - two[0].from.nanos() == 1 && two[0].level != two[1].level));
    }
}
