//! What a run of this lesson shows: who passed the barrier, who got the error, and whose time was up.

use std::collections::BTreeSet;

use crate::model::{Event, EventKind};
use crate::scenario::card::{Facts, Judge, OpenWaits, Params, equals, more_than};

const GATE: &str = "barrier gate";

#[derive(Debug, Default)]
pub(super) struct Gate {
    waits: OpenWaits,
    /// The tasks that came.
    came: BTreeSet<String>,
    /// The numbers that `wait()` gave.
    numbers: Vec<u64>,
    broken: u64,
    /// Seconds of each wait that ended with the error.
    waited: Vec<f64>,
    /// Whether somebody has broken or reset the barrier by hand.
    is_touched: bool,
}

impl Judge for Gate {
    fn see(&mut self, event: &Event) {
        if let Some(over) = self.waits.see(event).filter(|over| over.on == GATE) {
            self.came.insert(over.task);
            self.waited.push(over.lasted.as_secs_f64());
        }
        if let Some(wait) = event.operation("wait", GATE) {
            self.came.insert(wait.task.to_owned());
            match wait.number() {
                // The last one to come passes without a wait, and all others after one.
                Some(number) => self.numbers.push(number),
                None => self.broken += 1,
            }
        }
        if let EventKind::Action { action, .. } = &event.kind
            && action.target() == GATE
        {
            self.is_touched = true;
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let (parties, passed) = (params.count("parties"), self.numbers.len());
        let in_groups = passed / parties * parties;
        let mut facts = vec![equals(
            "broken",
            "threads that came and found no whole group got BrokenBarrierError",
            self.came.len() - in_groups,
            self.broken,
        )];
        if self.broken >= 2 && !self.is_touched {
            let limit = params.seconds("timeout").as_secs_f64();
            let early = self.broken - self.waited.iter().filter(|waited| **waited >= limit).count() as u64;
            facts.push(more_than("early", "threads got the error before their own time limit was over", 0, early));
        }
        if passed > 0 {
            let mut numbers = self.numbers.clone();
            numbers.sort_unstable();
            let each_once: Vec<usize> = (0..parties).flat_map(|number| vec![number; passed.div_ceil(parties)]).collect();
            facts.push(equals("numbers", "wait() gave each thread of a group a number of its own", each_once, numbers));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const FOUR_OF_FIVE: &str = r#"
        {"t":1000000000,"kind":"task.state","task":"worker-1","state":"waiting","on":"barrier gate"}
        {"t":2000000000,"kind":"task.state","task":"worker-2","state":"waiting","on":"barrier gate"}
        {"t":4000000000,"kind":"task.state","task":"worker-1","state":"running"}
        {"t":4000000000,"kind":"op","task":"worker-1","do":"wait","on":"barrier gate","result":"BrokenBarrierError"}
        {"t":4000000001,"kind":"task.state","task":"worker-2","state":"running","woken_by":"worker-1"}
        {"t":4000000001,"kind":"op","task":"worker-2","do":"wait","on":"barrier gate","result":"BrokenBarrierError"}"#;
    const PAIR: &str = r#"
        {"t":1000000000,"kind":"task.state","task":"worker-1","state":"waiting","on":"barrier gate"}
        {"t":2000000000,"kind":"op","task":"worker-2","do":"wait","on":"barrier gate","result":1}
        {"t":2000000001,"kind":"task.state","task":"worker-1","state":"running","woken_by":"worker-2"}
        {"t":2000000002,"kind":"op","task":"worker-1","do":"wait","on":"barrier gate","result":0}"#;

    fn with_parties(parties: &str) -> Params {
        let mut params = Params::defaults(super::super::card::BARRIER.params);
        params.set(super::super::card::BARRIER.params, "parties", parties).expect("in range");
        params
    }

    #[test]
    fn each_claim_can_fail() {
        let (pair, five) = (with_parties("2"), with_parties("5"));
        let failed = |params, lines: &str| failed(Gate::default(), params, lines);
        assert_eq!(failed(&five, FOUR_OF_FIVE), [""; 0]);
        assert_eq!(failed(&pair, PAIR), [""; 0]);
        let passed_alone = FOUR_OF_FIVE.replacen("\"BrokenBarrierError\"", "0", 1);
        assert_eq!(failed(&five, &passed_alone), ["broken", "numbers"]);
        let each_waited = FOUR_OF_FIVE.replace("400000000", "900000000");
        assert_eq!(failed(&five, &each_waited), ["early"]);
        assert_eq!(failed(&pair, &PAIR.replace("\"result\":1", "\"result\":0")), ["numbers"]);
    }
}
