//! The judge of a run at work: it sees each event, and its claims are what the lesson says of the run. Pure; on the engine's thread, and
//! wherever a recording is read again.

use crate::model::{Event, EventKind, Fact};
use crate::scenario::{Judge, Params};

/// A judge, the parameters of the run, and whether it saw all.
#[derive(Debug)]
pub(crate) struct Judging {
    judge: Box<dyn Judge>,
    params: Params,
    has_gaps: bool,
}

impl Judging {
    pub(crate) fn new(judge: Box<dyn Judge>, params: Params) -> Self {
        Self { judge, params, has_gaps: false }
    }

    /// Takes in the next event.
    pub(crate) fn see(&mut self, event: &Event) {
        match event.kind {
            EventKind::Fact(_) => return,
            EventKind::TaskCounts { .. } | EventKind::OutputDropped { .. } => self.has_gaps |= self.judge.needs_each_operation(),
            _ => {}
        }
        self.judge.see(event);
    }

    /// Its claims on what it has seen; none where it did not see all that it needs.
    pub(crate) fn claims(&self) -> Vec<Fact> {
        if self.has_gaps { Vec::new() } else { self.judge.claims(&self.params) }
    }

    /// Whether a claim that could be made is not, since events are missing.
    pub(crate) const fn has_gaps(&self) -> bool {
        self.has_gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Monotonic;
    use crate::scenario::{Facts, equals};

    /// Counts notices.
    #[derive(Debug, Default)]
    struct Notices(u64, bool);

    impl Judge for Notices {
        fn see(&mut self, event: &Event) {
            self.0 += u64::from(matches!(event.kind, EventKind::Notice { .. }));
        }

        fn claims(&self, _: &Params) -> Facts {
            vec![equals("notices", "notices that came", 1, self.0)]
        }

        fn needs_each_operation(&self) -> bool {
            self.1
        }
    }

    #[test]
    fn nothing_is_claimed_of_what_was_not_seen_unless_the_judge_can_do_without() {
        for (needs, claims) in [(true, 0), (false, 1)] {
            let mut judging = Judging::new(Box::new(Notices(0, needs)), Params::defaults(&[]));
            let mut see = |kind| judging.see(&Event { t: Monotonic::ZERO, kind });
            see(EventKind::Notice { text: String::new() });
            see(EventKind::TaskCounts { task: "a".to_owned(), acquired: 1, waited: Some(0) });
            assert_eq!((judging.claims().len(), judging.has_gaps()), (claims, needs));
            assert!(judging.claims().iter().all(|fact| fact.holds));
        }
    }
}
