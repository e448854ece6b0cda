//! A lane as the view gets it: shared until it changes. Pure; lives on the engine's thread.

use std::sync::Arc;

use super::{End, Track, says_why};
use crate::model::{Lane, LaneState};

impl Track {
    /// The lane for the view.
    pub(in crate::engine::fold::timeline) fn publish(&mut self) -> Arc<Lane> {
        if let Some(lane) = &self.published {
            return Arc::clone(lane);
        }
        let marks = self.shared_marks.get_or_insert_with(|| self.marks.as_slice().into());
        let mut lane = Lane {
            id: self.id,
            name: Arc::clone(&self.name),
            sort: self.sort,
            pid: self.pid,
            tid: self.tid,
            start_line: self.start_line,
            line: self.line,
            until: self.until.filter(|_| says_why(self.doing.state)),
            source: self.source,
            states: self.states.clone(),
            words: self.words.clone(),
            reasons: self.reasons.clone(),
            marks: Arc::clone(marks),
            end: None,
        };
        match &self.end {
            End::Open => {}
            End::Closed(_, end) => lane.end = Some(end.clone()),
            End::WithProcess(t, last, end) => {
                lane.states.push(*t, LaneState::Nothing, 0);
                lane.words.push(*t, last.state, &last.note, last.held_by.as_ref(), None);
                lane.end = Some(end.clone());
            }
        }
        let lane = Arc::new(lane);
        self.published = Some(Arc::clone(&lane));
        lane
    }
}
