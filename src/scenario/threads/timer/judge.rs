//! What a run of this lesson shows: how often the timers called, in which thread, and how late the calls of an interval came.

use std::time::Duration;

use crate::model::{Event, EventKind, Fact, Monotonic};
use crate::scenario::card::seen::{action, after, number};
use crate::scenario::card::{Facts, Judge, Params, Printed, at_most, equals};

/// A timer that is cancelled later than this before its time may call all the same.
const MARGIN: Duration = Duration::from_millis(100);
/// A busy machine may make a thread as late as this.
const LATE_MS: u64 = 300;
/// Half of the last digit of a printed time.
const ROUNDING: f64 = 0.005_001;

#[derive(Debug, Default)]
pub(super) struct Calls {
    printed: Printed,
    began: Monotonic,
    /// When main said that it has cancelled doomed, and when a person cancelled hello.
    doomed: Option<Monotonic>,
    hello: Option<Monotonic>,
    hello_is_over: bool,
    /// Whether a person ended a wait of the thread.
    drift_is_hurried: bool,
    every_is_hurried: bool,
}

impl Calls {
    /// The time of the last call of this thread, if it has made all.
    fn last(&self, who: &str, params: &Params) -> Option<f64> {
        let text = self.printed.text();
        let calls: Vec<f64> = after(text, &format!("{who} calls after ")).filter_map(number).collect();
        calls.last().copied().filter(|_| calls.len() == params.count("times"))
    }
}

impl Judge for Calls {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, .. } if task == "main" => self.began = event.t,
            EventKind::TaskFinished { task, .. } if task == "hello" => self.hello_is_over = true,
            EventKind::Output { .. } if self.doomed.is_none() && self.printed.text().contains("doomed is cancelled") => {
                self.doomed = Some(event.t);
            }
            _ => {}
        }
        let Some(action) = action(event) else { return };
        match (&*action.word(), &*action.target()) {
            ("cancel", "timer hello") => self.hello = Some(self.hello.unwrap_or(event.t)),
            ("go-on", "drift") => self.drift_is_hurried = true,
            ("go-on", "every") => self.every_is_hurried = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let (delay, times) = (params.seconds("delay"), params.count("times") as f64);
        let [interval, call] = ["interval", "call"].map(|name| params.seconds(name).as_secs_f64());
        let (planned, calls_take) = (times * interval, (times - 1.0) * call);
        let drift = self.last("drift", params).filter(|_| !self.drift_is_hurried);
        let every = self.last("every", params).filter(|_| !self.every_is_hurried);
        if let Some(drift) = drift {
            let least = planned + calls_take;
            facts.push(Fact {
                id: "drifts".to_owned(),
                claim: "drift waits after each call, so that the times of the calls add up: its last call came after (s)"
                    .to_owned(),
                expected: format!(">= {least:.2}").into(),
                observed: drift.into(),
                holds: drift + ROUNDING >= least,
            });
        }
        if let (Some(drift), Some(every)) = (drift, every) {
            let late = |at: f64| ((at - planned).max(0.0) * 1000.0).round() as u64;
            if (calls_take * 1000.0).round() as u64 >= LATE_MS {
                let claim = "every reckons from its start, and its last call was less late than drift's (ms)";
                facts.push(at_most("every", claim, late(drift).saturating_sub(1), late(every)));
            }
        }
        let text = self.printed.text();
        let callers: Vec<&str> = after(text, "hello from ").filter_map(|name| Some(name.split_once('!')?.0)).collect();
        let calls = |name: &str| callers.iter().filter(|caller| caller.starts_with(name)).count();
        let in_time = |cancelled: Monotonic, delay: Duration| cancelled + MARGIN < self.began + delay;
        let hello = match self.hello {
            None => Some(1),
            Some(cancelled) => in_time(cancelled, delay).then_some(0),
        };
        if let (Some(hello), Some(doomed), true) = (hello, self.doomed, self.hello_is_over)
            && in_time(doomed, 2 * delay)
        {
            let claim = "a timer calls once, and never if it was cancelled in time: calls of hello and of doomed";
            facts.push(equals("cancelled", claim, vec![hello, 0], vec![calls("hello"), calls("doomed")]));
            if hello == 1 {
                let claim = "the timer's function runs in the timer's own thread";
                facts.push(equals("own-thread", claim, "hello", callers.first().copied().unwrap_or("nowhere")));
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::threads::timer::TIMER;

    const EVENTS: &str = r#"
        {"t":100000000,"kind":"task.started","pid":1,"task":"main","sort":"thread","tid":1}
        {"t":1700000000,"kind":"output","pid":1,"stream":"stdout","text":"doomed is cancelled\n"}
        {"t":2100000000,"kind":"output","pid":1,"stream":"stdout","text":"hello from hello!\n"}
        {"t":2100000001,"kind":"task.finished","task":"hello","result":"ok"}"#;

    fn run(drift: &str, every: &str) -> String {
        let calls =
            |who: &str, last: &str| format!("{who} calls after 0.50 s").repeat(5) + &format!("{who} calls after {last} s\\n");
        let text = calls("drift", drift) + &calls("every", every);
        format!("{EVENTS}\n{{\"t\":9,\"kind\":\"output\",\"pid\":1,\"stream\":\"stdout\",\"text\":\"{text}\"}}")
    }

    #[test]
    fn each_claim_can_fail() {
        let failed = |lines: &str| failed(Calls::default(), &Params::defaults(TIMER.params), lines);
        assert_eq!(failed(&run("3.51", "3.00")), [""; 0]);
        assert_eq!(failed(&run("3.40", "3.00")), ["drifts"]);
        assert_eq!(failed(&run("3.51", "3.52")), ["every"]);
        assert_eq!(failed(&run("3.51", "3.00").replace("from hello", "from doomed")), ["cancelled", "own-thread"]);
        assert_eq!(failed(&run("3.51", "3.00").replace("from hello", "from hello-2")), ["own-thread"]);
    }

    #[test]
    fn nothing_is_claimed_of_a_timer_that_is_cancelled_at_its_time() {
        let failed = |lines: &str| failed(Calls::default(), &Params::defaults(TIMER.params), lines);
        let cancel = |t: &str| format!(r#"{{"t":{t},"kind":"action","do":"cancel","target":"timer hello","by":"you"}}"#);
        let at =
            |t: &str| run("3.51", "3.00").replace("\n        {\"t\":1700000000", &format!("\n{}\n{{\"t\":1700000000", cancel(t)));
        assert_eq!(failed(&at("2050000000")), [""; 0], "it may call or not");
        assert_eq!(failed(&at("900000000")), ["cancelled"], "it called after all");
    }
}
