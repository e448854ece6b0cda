//! What a run of this lesson shows: who ended whom, and what the pipes held while one program was stopped.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{Event, EventKind, ExitStatus, Monotonic, Pid, ProcessState, Signal};
use crate::scenario::card::{Facts, Judge, Params, at_least, equals};

/// The programs, in the order of the pipeline.
const STAGES: [&str; 3] = ["yes", "tr", "wc"];
/// Shorter stops show nothing: the state of a process is looked at from time to time.
const LONG_STOP: Duration = Duration::from_millis(800);
/// After this long all has come to rest, and so long before the end a look may be late.
const REST: Duration = Duration::from_millis(600);
const LATE: Duration = Duration::from_millis(150);
/// Larger than a page of any kernel for a Pi: a pipe has one page at least.
const PAGE: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Pipeline {
    stages: HashMap<Pid, usize>,
    ends: [Option<ExitStatus>; 3],
    stopped: [bool; 3],
    /// When the pipe that the first or the second program writes to had become fuller or emptier, and how full it was then, in percent.
    fills: Vec<(Monotonic, usize, u64)>,
    capacity: Option<u64>,
    /// The stop of one program that lasts, while nothing else happens.
    stop: Option<(usize, Monotonic)>,
    /// The stop that was long enough, of each: the fullness of both pipes in percent, and the changes in them.
    rests: [Option<Rest>; 3],
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    percent: [Option<u64>; 2],
    changes: usize,
}

impl Judge for Pipeline {
    fn see(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ProcessStarted { pid, name, .. } => {
                if let Some(stage) = STAGES.iter().position(|stage| stage == name) {
                    self.stages.insert(*pid, stage);
                }
            }
            EventKind::ProcessState { pid, state } => {
                if let Some(stage) = self.stages.get(pid) {
                    self.is_now(*stage, *state == ProcessState::Stopped, event.t);
                }
            }
            EventKind::ProcessExited { pid, status } if *status != ExitStatus::Unknown => {
                if let Some(stage) = self.stages.get(pid) {
                    self.ends[*stage] = Some(*status);
                    self.stop = None;
                }
            }
            EventKind::PipeFilled { pid, fill, .. } if fill.capacity > 0 => {
                if let Some(stage) = self.stages.get(pid).filter(|stage| **stage < 2) {
                    self.fills.push((event.t, *stage, fill.bytes * 100 / fill.capacity));
                    self.capacity = self.capacity.or(Some(fill.capacity));
                }
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let victim = STAGES.iter().position(|stage| *stage == params.text("victim")).unwrap_or(2);
        if let Some(rest) = &self.rests[victim] {
            if let Some(least) = rest.percent[..victim.min(2)].iter().flatten().min() {
                // The last page that was written may stay half empty.
                let claim = "while one was stopped, each pipe before it filled up: percent";
                facts.push(at_least("full", claim, 50, *least));
            }
            let claim = "while one was stopped, not a byte moved: changes in the pipes";
            facts.push(equals("standstill", claim, 0, rest.changes));
        }
        if let Some(bytes) = self.capacity.filter(|_| params.count("capacity") >= PAGE) {
            let asked = params.count("capacity").next_power_of_two();
            facts.push(equals("capacity", "each pipe can hold what was asked for: KiB", asked, bytes / 1024));
        }
        let [Some(first), Some(second), Some(third)] = self.ends else { return facts };
        let ends = [first, second, third];
        let by = |signal: Signal| move |end: &ExitStatus| matches!(end, ExitStatus::Signaled { signal: by, .. } if *by == signal);
        let forced = |end: &ExitStatus| matches!(end, ExitStatus::Signaled { .. }) && !by(Signal::PIPE)(end);
        // Where several were ended by force, nobody knows whose end came first.
        let Some(killed) = ends.iter().position(forced).filter(|_| ends.iter().filter(|end| forced(end)).count() == 1) else {
            return facts;
        };
        let names = |which: &[&'static str], how: &dyn Fn(&ExitStatus) -> bool| -> Vec<&'static str> {
            STAGES.iter().zip(&ends).filter(|(stage, end)| which.contains(stage) && how(end)).map(|(stage, _)| *stage).collect()
        };
        let (before, behind) = (&STAGES[..killed], &STAGES[killed + 1..]);
        if !before.is_empty() {
            let claim = "the programs before the killed one were ended by SIGPIPE";
            facts.push(equals("broken-pipe", claim, before.to_vec(), names(before, &by(Signal::PIPE))));
        }
        if !behind.is_empty() {
            let claim = "the programs behind the killed one found the end of their input, and ended with status 0";
            facts.push(equals("end-of-file", claim, behind.to_vec(), names(behind, &|end| end.is_success())));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

impl Pipeline {
    /// A program was seen to be stopped, or not.
    fn is_now(&mut self, stage: usize, is_stopped: bool, t: Monotonic) {
        if std::mem::replace(&mut self.stopped[stage], is_stopped) == is_stopped {
            return;
        }
        let others = (0..3).any(|other| other != stage && self.stopped[other]);
        let all_live = self.ends.iter().all(Option::is_none);
        match self.stop.take() {
            None if is_stopped && !others && all_live => self.stop = Some((stage, t)),
            Some((same, since)) if same == stage && !is_stopped && t.since(since) >= LONG_STOP => {
                // When it is seen to go on, the pipes may have been looked at already.
                let until_now: Vec<_> = self.fills.iter().filter(|(at, ..)| *at + LATE <= t).collect();
                let last = |pipe: usize| until_now.iter().rev().find(|(_, of, _)| *of == pipe).map(|(_, _, percent)| *percent);
                let changes = until_now.iter().filter(|(at, ..)| *at >= since + REST).count();
                self.rests[stage] = Some(Rest { percent: [last(0), last(1)], changes });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    fn at(tenths: u64, rest: &str) -> String {
        format!(r#"{{"t":{},{rest}}}"#, tenths * 100_000_000)
    }

    /// A run in which wc is stopped and killed.
    fn good() -> Vec<String> {
        let starts = |(number, name): (usize, &&str)| {
            at(
                1,
                &format!(r#""kind":"process.started","pid":{},"ppid":9,"pgid":9,"sid":9,"name":"{name}","argv":[]"#, number + 10),
            )
        };
        let state = |tenths, state: &str| at(tenths, &format!(r#""kind":"process.state","pid":12,"state":"{state}""#));
        let pipe = |tenths, pid: i32| {
            at(tenths, &format!(r#""kind":"pipe","pid":{pid},"to":{},"bytes":61440,"capacity":65536"#, pid + 1))
        };
        let ends =
            |pid: i32, signal: &str| at(50, &format!(r#""kind":"process.exited","pid":{pid},"signal":"{signal}","core":false"#));
        // Seen a moment before the program itself is seen to run.
        let drained = at(25, r#""kind":"pipe","pid":11,"to":12,"bytes":0,"capacity":65536"#);
        let mut lines: Vec<String> = STAGES.iter().enumerate().map(starts).collect();
        lines.extend([state(12, "stopped"), pipe(13, 10), pipe(13, 11), drained, state(25, "running")]);
        lines.extend([ends(10, "SIGPIPE"), ends(11, "SIGPIPE"), ends(12, "SIGKILL")]);
        lines
    }

    #[test]
    fn each_claim_can_fail() {
        let mut params = Params::defaults(super::super::card::PIPELINE.params);
        let good = good().join("\n");
        let claims = |params: &Params, text: &str| failed(Pipeline::default(), params, text);
        assert_eq!(claims(&params, &good), [""; 0]);
        assert_eq!(claims(&params, &good.replacen("\"signal\":\"SIGPIPE\",\"core\":false", "\"code\":1", 1)), ["broken-pipe"]);
        assert_eq!(claims(&params, &good.replacen("61440", "20000", 1)), ["full"]);
        assert_eq!(claims(&params, &good.replacen("\"t\":1300000000", "\"t\":2100000000", 1)), ["standstill"]);
        assert_eq!(claims(&params, &good.replace("65536", "131072").replace("61440", "131072")), ["capacity"]);
        params.set(super::super::card::PIPELINE.params, "victim", "yes").expect("in range");
        let first = good.replace("\"pid\":10,\"signal\":\"SIGPIPE\"", "\"pid\":10,\"signal\":\"SIGKILL\"");
        let first = first.replace("\"pid\":12,\"signal\":\"SIGKILL\",\"core\":false", "\"pid\":12,\"code\":0");
        assert_eq!(claims(&params, &first), ["end-of-file"], "tr was ended by SIGPIPE");
        assert_eq!(claims(&params, &good.replace("SIGPIPE", "SIGINT")), [""; 0], "several were ended by force");
    }
}
