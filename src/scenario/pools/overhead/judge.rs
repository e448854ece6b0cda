//! What a run of this lesson shows: how much longer processes take than the tasks one by one, for small tasks and for large ones.

use crate::model::{Action, Event, EventKind, Fact};
use crate::scenario::card::{Facts, Judge, Params, Printed, more_than};

/// A time of less is shown as nothing, in milliseconds.
const LEAST: f64 = 0.005;
/// So many times as long is far longer, whatever else the machine does.
const FAR: f64 = 4.0;

#[derive(Debug, Default)]
pub(super) struct Costs {
    printed: Printed,
    /// Whether somebody has sent a signal.
    is_touched: bool,
}

impl Judge for Costs {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        self.is_touched |= matches!(event.kind, EventKind::Action { action: Action::Send(..), .. });
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        if self.is_touched {
            return facts;
        }
        let times = |way: &str| -> Vec<f64> {
            let time = |text: &str| text.strip_suffix(" ms").and_then(|number| number.parse().ok()).map(|ms: f64| ms.max(LEAST));
            self.printed.after(way).filter_map(time).collect()
        };
        let (alone, processes) = (times("  one by one: "), times("  in processes: "));
        let ratios: Vec<f64> = processes.iter().zip(&alone).map(|(processes, alone)| processes / alone).collect();
        let [smallest, .., largest] = ratios[..] else { return facts };
        facts.push(more_than(
            "trivial",
            "for the smallest tasks, processes took so many times as long as one loop",
            1,
            smallest as u64,
        ));
        let growth = params.count("factor").pow(params.count("steps") as u32 - 1);
        if ratios.len() == params.count("steps") && growth >= 100 && smallest >= FAR {
            facts.push(Fact {
                id: "catches-up".to_owned(),
                claim: "for the largest tasks, processes took so many times as long as one loop".to_owned(),
                expected: format!("< {:.0}", smallest / 2.0).into(),
                observed: ((largest * 10.0).round() / 10.0).into(),
                holds: largest < smallest / 2.0,
            });
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"{"t":1,"kind":"output","pid":7,"stream":"stdout","text":"4 tasks count to 50\n  one by one: 0.01 ms\n  in threads: 1.00 ms\n  in processes: 10.00 ms\n4 tasks count to 5000\n  one by one: 1.00 ms\n  in threads: 2.00 ms\n  in processes: 11.00 ms\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let specs = super::super::card::OVERHEAD.params;
        let mut two = Params::defaults(specs);
        two.set(specs, "steps", "2").expect("in range");
        let failed = |lines: &str| failed(Costs::default(), &two, lines);
        assert_eq!(failed(RUN), [""; 0]);
        assert_eq!(failed(&RUN.replace("processes: 10.00", "processes: 0.01")), ["trivial"]);
        assert_eq!(failed(&RUN.replace("processes: 11.00", "processes: 900.00")), ["catches-up"]);
    }
}
